"""Encryption with age, as streams: what is read is never whole in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pyrage import DecryptError, EncryptError, IdentityError, RecipientError, decrypt_io, encrypt_io, x25519

from gateway.backup.errors import BackupError

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int = -1, /) -> Buffer:
        """Return at most so many bytes; none at the end."""


class Writable(Protocol):
    """A target of bytes."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Size (bytes) and SHA-256 of an encrypted file."""

    size: int
    sha256: str


class _Counted:
    """The bytes that went through a stream. The library hides errors behind one of its own, so the first is kept."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0
        self.problem: Exception | None = None

    @property
    def sealed(self) -> Sealed:
        return Sealed(self._size, self._hash.hexdigest())

    def count(self, data: bytes) -> bytes:
        self._hash.update(data)
        self._size += len(data)
        return data


class _Source(_Counted):
    def __init__(self, stream: Readable) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self.count(bytes(self._stream.read(size)))
        except Exception as error:
            self.problem = error
            raise


class _Target(_Counted):
    def __init__(self, stream: Writable) -> None:
        super().__init__()
        self._stream = stream

    def write(self, data: bytes) -> int:
        try:
            self._stream.write(data)
        except Exception as error:
            self.problem = error
            raise
        return len(self.count(data))

    def flush(self) -> None:
        """Do nothing: the stream's owner closes it."""


def recipient(text: str) -> x25519.Recipient:
    """Return a public key. Raises BackupError."""
    try:
        return x25519.Recipient.from_str(text.strip())
    except RecipientError:
        raise BackupError("BACKUP_RECIPIENT is no age public key (age1…)") from None


def identity(path: Path) -> x25519.Identity:
    """Return the private key in a file as age-keygen writes it. Raises BackupError."""
    try:
        lines = path.read_text().splitlines()
        key = next(line for line in lines if line.startswith("AGE-SECRET-KEY-"))
        return x25519.Identity.from_str(key.strip())
    except (StopIteration, IdentityError, UnicodeDecodeError):
        raise BackupError(f"{path} holds no age private key (AGE-SECRET-KEY-…)") from None
    except OSError as error:
        raise BackupError(f"the private key {path} cannot be read: {error.strerror}") from None


def new_identity() -> tuple[str, str]:
    """Return a new private key, as age-keygen writes it to a file, and its public key."""
    key = x25519.Identity.generate()
    return f"# public key: {key.to_public()}\n{key}\n", str(key.to_public())


def seal(source: Readable, target: Writable, to: x25519.Recipient) -> Sealed:
    """Encrypt a stream; return what was written. Raises the error of either stream."""
    read, written = _Source(source), _Target(target)
    try:
        encrypt_io(read, written, [to])
    except (EncryptError, OSError) as error:
        raise read.problem or written.problem or BackupError(f"age could not encrypt: {error}") from None
    return written.sealed


def unseal(source: Readable, target: Writable, key: x25519.Identity, expected: Sealed) -> None:
    """Decrypt a stream. Raises BackupError for a wrong key or other bytes than expected, or either stream's error."""
    read, written = _Source(source), _Target(target)
    try:
        decrypt_io(read, written, [key])
    except (DecryptError, OSError) as error:
        if problem := read.problem or written.problem:
            raise problem from None
        if "No matching keys" in str(error):
            raise BackupError("the private key does not open this backup: it was made for another one") from None
        raise BackupError("a file of the backup is damaged: its encryption does not verify") from None
    if read.sealed != expected:
        raise BackupError("a file of the backup is damaged: its checksum is not that of the manifest")
