"""Secrets of a simulated world: random, stored in the local stack's directory, and never real credentials."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self


def new_secret() -> str:
    """Return a new random secret."""
    return secrets.token_urlsafe(24)


class Kept:
    """A dataclass of secrets that are kept in a file of the local stack's directory."""

    file: ClassVar[str]

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Return the secrets stored in the directory. Raises FileNotFoundError, or ValueError for a damaged file."""
        path = directory / cls.file
        found = json.loads(path.read_text())
        if not isinstance(found, dict) or found.keys() != cls().as_dict().keys() or not all(found.values()):
            raise ValueError(f"{path} is damaged: remove it, and new secrets are made")
        return cls(**{name: str(value) for name, value in found.items()})

    @classmethod
    def load_or_new(cls, directory: Path) -> Self:
        """Return the secrets stored in the directory, else new, unsaved ones. Raises ValueError as `load` does."""
        try:
            return cls.load(directory)
        except FileNotFoundError:
            return cls()

    def save(self, directory: Path) -> None:
        """Write the secrets to a file that only this user can read."""
        write_private(directory / self.file, json.dumps(self.as_dict()))

    def as_dict(self) -> dict[str, Any]:
        """Return the secrets by name."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]  # subclasses are dataclasses


@dataclass(frozen=True)
class Keys(Kept):
    """The secrets of the simulated Meta, and `control`, the token of `/_sim`."""

    file: ClassVar[str] = "simulator.json"
    access_token: str = field(default_factory=new_secret)
    app_secret: str = field(default_factory=new_secret)
    verify_token: str = field(default_factory=new_secret)
    control: str = field(default_factory=new_secret)

    def environment(self) -> dict[str, str]:
        """Return the three secrets of the simulated Meta as environment variables of gateway and simulator."""
        values = (self.access_token, self.app_secret, self.verify_token)
        return dict(zip(CREDENTIALS, values, strict=True))


@dataclass(frozen=True)
class Passwords(Kept):
    """The passwords of the stack's own Postgres, by role, and of its own Valkey. They are set at each start."""

    file: ClassVar[str] = "databases.json"
    postgres: str = field(default_factory=new_secret)
    wa_migrate: str = field(default_factory=new_secret)
    wa_gateway: str = field(default_factory=new_secret)
    wa_console: str = field(default_factory=new_secret)
    wa_agent: str = field(default_factory=new_secret)
    valkey: str = field(default_factory=new_secret)

    def of_processes(self) -> dict[str, str]:
        """Return the passwords of the roles that the processes use."""
        return {role: password for role, password in self.as_dict().items() if role.startswith("wa_")}


@dataclass(frozen=True)
class Tombstone(Kept):
    """The key of the hashes by which erased people are known. It has to stay: with another one they would come back."""

    file: ClassVar[str] = "tombstone.json"
    key: str = field(default_factory=new_secret)


def write_private(path: Path, text: str) -> None:
    """Write a file, at once and whole, that only this user can read."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


CREDENTIALS = ("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_WEBHOOK_VERIFY_TOKEN")
