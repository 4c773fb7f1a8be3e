"""Which app secrets may sign for which numbers: one app's secret says nothing about another app's customers."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def digest(secret: str) -> str:
    """A short name of a secret, to be kept and compared; the secret cannot be told from it."""
    return hmac.digest(secret.encode(), b"whatsapp-agent: signer of webhooks", "sha256")[:8].hex()


@dataclass(frozen=True, slots=True)
class SigningNumber:
    """A number, the account (WABA) that it belongs to, if that is known, and the secrets of its app."""

    number: str
    account: str | None
    secrets: Sequence[str]


class Signers:
    """Who may sign, by number and by account; made anew when the channels change."""

    def __init__(self, lines: Iterable[SigningNumber] = ()) -> None:
        self._numbers: dict[str, frozenset[str]] = {}
        self._accounts: dict[str, set[str]] = defaultdict(set)
        self._anywhere: set[str] = set()  # secrets of numbers whose account is not known
        for line in lines:
            names = frozenset(digest(secret) for secret in line.secrets if secret)
            self._numbers[line.number] = names
            (self._accounts[line.account] if line.account else self._anywhere).update(names)

    def may_sign(self, signer: str | None, number: str | None, account: str | None) -> bool | None:
        """Whether a secret may sign what is about a number, or about an account where no number is named.

        None: neither is known here (yet). What names neither may be signed by any secret of ours.
        """
        if number is not None:
            names = self._numbers.get(number)
            return None if names is None else signer in names
        if account is None or signer in self._anywhere:
            return True
        return signer in self._accounts[account] if account in self._accounts else None
