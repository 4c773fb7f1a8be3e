"""The app secrets that may sign for each number: an app's secret proves nothing about another app's customers."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


def digest(secret: str) -> str:
    """Return a short name of a secret, to be stored and compared; it does not reveal the secret."""
    return hmac.digest(secret.encode(), b"whatsapp-agent: signer of webhooks", "sha256")[:8].hex()


@dataclass(frozen=True, slots=True)
class SigningNumber:
    """A number, the account (WABA) that it belongs to, if that is known, and the secrets of its app."""

    number: str
    account: str | None
    secrets: Sequence[str]


class SigningRule(NamedTuple):
    """A secret (its digest) signs for items of a number; without one, for items of an account, or of any account."""

    number: str | None
    account: str | None
    signer: str


class Signers:
    """The signers of each number and account; built again when the channels change."""

    def __init__(self, numbers: Iterable[SigningNumber] = ()) -> None:
        self._numbers: dict[str, frozenset[str]] = {}
        self._accounts: dict[str, set[str]] = defaultdict(set)
        self._anywhere: set[str] = set()  # secrets of numbers whose account is not known
        for one in numbers:
            names = frozenset(digest(secret) for secret in one.secrets if secret)
            self._numbers[one.number] = names
            (self._accounts[one.account] if one.account else self._anywhere).update(names)

    def rules(self) -> list[SigningRule]:
        """Return the same rules as rows: for which items each secret may sign."""
        return [
            *(SigningRule(number, None, name) for number, names in self._numbers.items() for name in names),
            *(SigningRule(None, account, name) for account, names in self._accounts.items() for name in names),
            *(SigningRule(None, None, name) for name in self._anywhere),
        ]

    def may_sign(self, signer: str | None, number: str | None, account: str | None) -> bool | None:
        """Return whether a secret may sign an item about a number, or about an account where no number is named.

        None: neither is known here, or not yet. An item that names neither may be signed by any secret of ours.
        """
        if number is not None:
            names = self._numbers.get(number)
            return None if names is None else signer in names
        if account is None or signer in self._anywhere:
            return True
        return signer in self._accounts[account] if account in self._accounts else None
