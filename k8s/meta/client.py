"""Meta as a whole: the accounts in use, over one HTTP client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime

import httpx

from gateway.whatsapp.api.connection import GraphApi
from gateway.whatsapp.api.management import Management
from gateway.whatsapp.api.uploads import Uploads
from gateway.whatsapp.usage import calls_used
from k8s.meta.account import Account
from k8s.meta.budget import Clock
from k8s.meta.session import Login, MetaError
from k8s.model.conditions import utc_now
from k8s.model.observed import Problem


class Meta:
    """The accounts that numbers belong to, over one HTTP client that the caller opens and closes."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        *,
        calls: int,
        creates: int,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._http, self._url = http, url
        self._limits = calls, creates
        self._clock, self._now = clock, now
        self._accounts: dict[str, Account] = {}

    def account(self, waba_id: str) -> Account:
        """Return the account of that id, always the same object, so that all its numbers share the budget."""
        if waba_id not in self._accounts:
            self._accounts[waba_id] = Account(waba_id, *self._limits, self._clock, self._now)
        return self._accounts[waba_id]

    def accounts(self) -> list[Account]:
        """Return all accounts in use."""
        return list(self._accounts.values())

    def login(self, token: str, version: str) -> Login:
        """Return the login that calls with this token need.

        Raises:
            MetaError: The text cannot be a token.
        """
        try:
            api = GraphApi(
                self._http, access_token=token, base_url=self._url, version=version, on_headers=self._take_meta_counts
            )
        except ValueError as error:
            raise MetaError(Problem("blocked", "TokenInvalid", str(error))) from None
        return Login(Management(api), Uploads(api), token)

    def _take_meta_counts(self, headers: Mapping[str, str]) -> None:
        """Note Meta's count of calls: it outlives a restart of ours, and includes calls of others."""
        for waba_id, share in calls_used(headers).items():
            if waba_id in self._accounts:
                self._accounts[waba_id].calls.take_meta_count(share)
