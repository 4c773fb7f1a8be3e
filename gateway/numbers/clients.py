"""The numbers as lines to Meta: an API client for each, and which of them Meta refuses at present.

A refusal is about a number, or about the account with its token, and then all its numbers stop. Every hold has an end:
one message then finds out whether it is over, and each further refusal doubles the time until the next try. Where
others go out in spite of it, what was said of the number was true of one conversation only: it stops no others.
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

_FIRST_HOLD_SECONDS = 5.0  # seconds until a number that Meta refuses is tried again, doubled with each refusal
_MAX_HOLD_SECONDS = 300.0
_PROBE_SECONDS = 30.0  # seconds in which the message that finds out has come to an end
_MAX_CONTRADICTIONS = 2  # so often others went out after a conversation's refusal: the next one is its own
_MAX_CONVERSATIONS = 1000  # conversations whose refusals are remembered


@dataclass(slots=True)
class _Hold:
    """Why nothing goes out, until when, and the conversations whose messages were refused."""

    why: str
    channel: Channel  # with its settings: another token is tried at once
    until: float = float("-inf")
    refusals: int = 0
    probing: bool = False  # one message is on its way to find out
    refused: set[UUID] = field(default_factory=set)

    def is_about(self, channel: Channel) -> bool:
        if channel.phone_number_id == self.channel.phone_number_id:
            return channel == self.channel
        return channel.access_token == self.channel.access_token


class MetaClients:
    """All lines of a process. A refusal is not told to other workers: each learns it at its own first try."""

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
        """The Cloud API with a number's token."""
        token = channel.access_token.get_secret_value()
        return CloudApi(self._http, access_token=token, base_url=self._base_url, version=self._version)

    def refuse(self, channel: Channel, error: AccountBlocked, conversation: UUID | None = None) -> float:
        """Send nothing over what the error is about for a while; return the seconds.

        0: others have gone out after this conversation was refused before, so this is about the conversation alone.
        """
        if conversation is not None and self._contradicted.get(conversation, 0) >= _MAX_CONTRADICTIONS:
            del self._contradicted[conversation]
            return 0.0
        hold = self._hold(channel, error)
        if conversation is not None:
            hold.refused.add(conversation)
        if hold.probing or self._clock() >= hold.until:  # else it was under way when the hold began
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

    def works(self, channel: Channel, conversation: UUID | None = None) -> None:
        """Meta has taken something over this number: whatever was wrong is over, or was about others only."""
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
        """Whether Meta refuses this number; new settings (a new token) are tried at once."""
        return any(self._clock() < hold.until for hold in self._about(channel))

    def is_to_be_tried(self, channel: Channel) -> bool:
        """Whether a hold has ended and one message is to find out whether Meta refuses the number still."""
        holds = self._about(channel)
        return bool(holds) and all(self._clock() >= hold.until for hold in holds)

    def try_again(self, channel: Channel) -> None:
        """One message is on its way to find out: no others until it has come to an end."""
        for hold in self._about(channel):
            hold.until, hold.probing = self._clock() + _PROBE_SECONDS, True

    def told_nothing(self, channel: Channel) -> None:
        """What became of the message that was to find out says nothing of the number: the next one is to."""
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
        """Why numbers do not send, for operators."""
        now = self._clock()
        refused = [(key, hold.why) for key, hold in self._holds.items() if now < hold.until]
        said = [f"{_NAMES[scope]} {name} has stopped sending: {why}" for (scope, name), why in refused]
        return "; ".join(said) or None


_NAMES = {Scope.NUMBER: "number", Scope.ACCOUNT: "account"}


def address(keys: Sequence[Key]) -> dict[str, str]:
    """How `render` addresses a customer: by the newest number, else by the business-scoped user id."""
    by_kind = {key.kind: key.value for key in keys}
    if "wa_id" in by_kind:
        return {"to": by_kind["wa_id"]}
    return {"recipient": by_kind.get("user_id", "")}
