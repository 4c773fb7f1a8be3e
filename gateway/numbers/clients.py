"""A client of Meta's API for each number, and the numbers that Meta refuses at present.

A refusal concerns a number, or an account with its token, and then all numbers of the account stop. Every hold ends:
one message (the probe) then finds out whether Meta accepts messages again, and each further refusal doubles the time
until the next probe. Where other messages are accepted in spite of the refusal, it concerned one conversation only, and
no others stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from gateway.numbers.channels import Channel
from gateway.runtime.telemetry import BLOCKED, ERRORS
from gateway.store.customers.contacts import Key
from gateway.whatsapp.api.client import CloudApi
from gateway.whatsapp.errors import AccountBlocked, Scope

_FIRST_HOLD_SECONDS = 5.0  # until the first probe of a number that Meta refuses, doubled with each refusal
_MAX_HOLD_SECONDS = 300.0
_PROBE_SECONDS = 30.0  # in which the outcome of a probe is known
_MAX_CONTRADICTIONS = 2  # times that others were accepted after a conversation's refusal; the next is its own
_MAX_CONVERSATIONS = 1000  # conversations whose refusals are remembered


@dataclass(slots=True)
class _Hold:
    """The reason of a hold, its end, and the conversations whose messages were refused."""

    why: str
    channel: Channel  # with its settings, because a new token is tried at once
    until: float = float("-inf")
    refusals: int = 0
    probing: bool = False  # a probe is being sent
    refused: set[UUID] = field(default_factory=set)

    def is_about(self, channel: Channel) -> bool:
        if channel.phone_number_id == self.channel.phone_number_id:
            return channel == self.channel
        return channel.access_token == self.channel.access_token


class MetaClients:
    """All clients of a process. Other workers are not told about a refusal: each learns it at its own first try."""

    def __init__(
        self, http: httpx.AsyncClient, base_url: str, version: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._version = version
        self._clock = clock
        self._holds: dict[tuple[Scope, str], _Hold] = {}  # by number or account
        self._contradicted: dict[UUID, int] = {}  # by conversation

    def api(self, channel: Channel) -> CloudApi:
        """Return a client of the Cloud API with a number's token."""
        token = channel.access_token.get_secret_value()
        return CloudApi(self._http, access_token=token, base_url=self._base_url, version=self._version)

    def refuse(self, channel: Channel, error: AccountBlocked, conversation: UUID | None = None) -> float:
        """Hold the number or account that an error is about; return the seconds.

        0: others were accepted after earlier refusals of this conversation, so the error is its own.
        """
        if conversation is not None and self._contradicted.get(conversation, 0) >= _MAX_CONTRADICTIONS:
            del self._contradicted[conversation]
            return 0.0
        hold = self._hold(channel, error)
        if conversation is not None:
            hold.refused.add(conversation)
        if hold.probing or self._clock() >= hold.until:  # else it was being sent when the hold began
            hold.until = self._clock() + min(_FIRST_HOLD_SECONDS * 2.0**hold.refusals, _MAX_HOLD_SECONDS)
            hold.refusals, hold.probing = hold.refusals + 1, False
        BLOCKED.labels(channel.phone_number_id).set(1)
        ERRORS.labels("number_blocked").inc()
        return hold.until - self._clock()

    def _hold(self, channel: Channel, error: AccountBlocked) -> _Hold:
        account = error.scope is Scope.ACCOUNT and channel.waba_id is not None
        key = (Scope.ACCOUNT, channel.waba_id or "") if account else (Scope.NUMBER, channel.phone_number_id)
        known = self._holds.get(key)
        if known is None or not known.is_about(channel):
            known = self._holds[key] = _Hold(str(error), channel)
        known.why = str(error)
        return known

    def mark_working(self, channel: Channel, conversation: UUID | None = None) -> None:
        """Note that Meta accepted a message of this number: a hold has ended, or concerned other conversations only."""
        if conversation is not None:
            self._contradicted.pop(conversation, None)
        for key in self._keys(channel):
            if hold := self._holds.pop(key, None):
                self._contradict(hold.refused - {conversation} if hold.is_about(channel) else ())
                BLOCKED.labels(hold.channel.phone_number_id).set(0)
        BLOCKED.labels(channel.phone_number_id).set(0)

    def _contradict(self, conversations: Iterable[UUID | None]) -> None:
        for one in conversations:
            if one is not None:
                self._contradicted[one] = self._contradicted.pop(one, 0) + 1
        while len(self._contradicted) > _MAX_CONVERSATIONS:
            del self._contradicted[next(iter(self._contradicted))]

    def is_refused(self, channel: Channel) -> bool:
        """Return whether Meta refuses this number; new settings (a new token) are tried at once."""
        return any(self._clock() < hold.until for hold in self._about(channel))

    def needs_probe(self, channel: Channel) -> bool:
        """Return whether a hold has ended and the next message is a probe."""
        holds = self._about(channel)
        return bool(holds) and all(self._clock() >= hold.until for hold in holds)

    def begin_probe(self, channel: Channel) -> None:
        """Note that a probe is being sent; no other messages until its outcome is known."""
        for hold in self._about(channel):
            hold.until, hold.probing = self._clock() + _PROBE_SECONDS, True

    def probe_inconclusive(self, channel: Channel) -> None:
        """Note that the outcome of a probe tells nothing about the number: the next message is a probe too."""
        for hold in self._about(channel):
            if hold.probing:
                hold.until, hold.probing = self._clock(), False

    def _about(self, channel: Channel) -> list[_Hold]:
        found = [self._holds.get(key) for key in self._keys(channel)]
        return [hold for hold in found if hold is not None and hold.is_about(channel)]

    def _keys(self, channel: Channel) -> list[tuple[Scope, str]]:
        account = [(Scope.ACCOUNT, channel.waba_id)] if channel.waba_id else []
        return [(Scope.NUMBER, channel.phone_number_id), *account]

    async def problem(self) -> str | None:
        """Return why numbers do not send, for operators, or None."""
        now = self._clock()
        refused = [(key, hold.why) for key, hold in self._holds.items() if now < hold.until]
        sentences = [f"{_NAMES[scope]} {name} has stopped sending: {why}" for (scope, name), why in refused]
        return "; ".join(sentences) or None


_NAMES = {Scope.NUMBER: "number", Scope.ACCOUNT: "account"}


def address(keys: Sequence[Key]) -> dict[str, str]:
    """Return how `render` addresses a customer: by the newest number, else by the business-scoped user id."""
    by_kind = {key.kind: key.value for key in keys}
    if "wa_id" in by_kind:
        return {"to": by_kind["wa_id"]}
    return {"recipient": by_kind.get("user_id", "")}
