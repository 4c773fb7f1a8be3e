"""The content of a conversation from top to bottom: messages and notes by time, with the days between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from gateway.console.conversation.bubbles import Bubble, bubble, summary
from gateway.console.conversation.failures import reason
from gateway.console.rendering.times import Times
from gateway.store.composer.notes import Note
from gateway.store.desk.feedback import Mark
from gateway.store.desk.thread import Message
from gateway.store.desk.work import Work

NO_WORK: Mapping[UUID, Work] = MappingProxyType({})
NO_MARKS: Mapping[UUID, Mark] = MappingProxyType({})


@dataclass(frozen=True)
class Entry:
    """A message or a note, with what its template shows. day: where it is the first one of its day.

    quote: the words of the message that it answers; None: it answers none. failure: which sentence explains it.
    """

    at: datetime
    day: str | None
    message: Message | None = None
    note: Note | None = None
    shown: Bubble | None = None
    quote: str | None = None
    failure: str | None = None
    joined: bool = False  # to the one before, of the same author
    work: Work | None = None  # with the first message of a turn of the agent's
    turn: UUID | None = None  # with the first message of a turn of the agent's
    mark: Mark | None = None  # the word of people about that turn's answer


def entries(
    messages: Sequence[Message],
    notes: Sequence[Note],
    times: Times,
    work: Mapping[UUID, Work] = NO_WORK,
    marks: Mapping[UUID, Mark] = NO_MARKS,
) -> list[Entry]:
    """Return messages and notes in order. work: of the agent, by turn; marks: of its answers, by turn."""
    answered: set[UUID] = set()
    quotes = {message.wamid: summary(message.content) for message in messages if message.wamid}
    found: list[Entry] = []
    day: str | None = None
    before: object = None
    for at, one in sorted(_all(messages, notes), key=lambda pair: pair[0]):
        today = times.day(at)
        author = (one.direction, one.author, one.person_id) if isinstance(one, Message) else None
        found.append(_entry(at, one, today if today != day else None, quotes, joined=author == before and today == day))
        turn = one.turn_id if isinstance(one, Message) and one.author == "agent" else None
        if turn and turn not in answered:
            answered.add(turn)
            found[-1] = replace(found[-1], turn=turn, work=work.get(turn), mark=marks.get(turn))
        day, before = today, author or object()
    return found


def _all(messages: Sequence[Message], notes: Sequence[Note]) -> Iterator[tuple[datetime, Message | Note]]:
    """Yield all with their times; messages keep their order whatever their clocks say."""
    latest: datetime | None = None
    for message in messages:
        latest = message.created_at if latest is None else max(latest, message.created_at)
        yield latest, message
    for note in notes:
        yield note.created_at, note


def _entry(at: datetime, one: Message | Note, day: str | None, quotes: Mapping[str, str], *, joined: bool) -> Entry:
    if isinstance(one, Note):
        return Entry(at, day, note=one)
    shown = bubble(one.content)
    return Entry(
        one.sent_at or one.created_at, day, message=one, shown=shown, quote=_quote(shown, quotes), joined=joined,
        failure=reason(one.error_code) if one.status == "failed" else None,
    )  # fmt: skip


def _quote(shown: Bubble, quotes: Mapping[str, Any]) -> str | None:
    if shown.quoted_id is None:
        return None
    return shown.quoted or quotes.get(shown.quoted_id) or ""
