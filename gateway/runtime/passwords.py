"""Passwords as argon2 hashes. Each costs 64 MiB and some 50 ms of a processor, so that few are checked at once."""

from __future__ import annotations

import asyncio
import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 10, 200  # characters
_AT_ONCE = 2
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike

_hasher = PasswordHasher()


class Passwords:
    """Hashes and checks them, in threads."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._nobody = _nobodys_hash()

    async def hash(self, password: str) -> str:
        """Return the hash of a password."""
        async with self._turn:
            return await asyncio.to_thread(hashed, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Return whether a password is the one of a hash; kept: None where there is none, which takes as long."""
        if len(password) > LONGEST:
            return False
        async with self._turn:
            right = await asyncio.to_thread(_verify, kept or self._nobody, password)
        return right and kept is not None


@functools.cache
def _nobodys_hash() -> str:
    """Return the hash with which an unknown login is compared, so that it takes as long as a known one."""
    return hashed(secrets.token_urlsafe(32))


def hashed(password: str) -> str:
    """Return the hash of a password."""
    return _hasher.hash(password)


def is_old(kept: str) -> bool:
    """Return whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def is_allowed(password: str) -> bool:
    """Return whether a password may be chosen: long enough, and no longer than what is hashed."""
    return SHORTEST <= len(password) <= LONGEST


def new_password() -> str:
    """Return a password that nobody knows, easy to type: about 79 bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def matches(kept: str, password: str) -> bool:
    """Return whether a password is the one of a hash."""
    return len(password) <= LONGEST and _verify(kept, password)


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
