"""Many conversations at once: assign, tag, put aside, close, and take it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.conversation.requests import Fields, refused
from gateway.console.decisions.undo import sealed, standing_of, unsealed
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.console.texts import words
from gateway.conversations import bulk, closing, holding, labels
from gateway.conversations.bulk import Act, Item, Outcome
from gateway.conversations.errors import ConversationError
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store.database import Connection
from gateway.store.desk import lists, tags
from gateway.store.desk.standing import Standing
from gateway.store.people import people
from gateway.store.people.people import Person, Role

_MOST, _LONGEST_TAG, _LONGEST_REASON, _LONGEST_UNDO = 100, 40, 200, 200_000


class Bulk:
    """`POST /console/bulk` and `/console/bulk/undo`."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._quiet = QuietPeriod(parts.settings.quiet_period_seconds, parts.settings.quiet_period_max_seconds)

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page("/console/bulk", self._change, Role.ATTENDANT, ["POST"]),
            Page("/console/bulk/undo", self._undo, Role.ATTENDANT, ["POST"]),
        ]

    async def _change(self, request: Request) -> Response:
        """Answer with the conversations that changed, the sentences for those that did not, and what undoes it."""
        person, fields = person_of(request), await Fields.of(request)
        items, name = _items(fields), fields.text("action", 20)
        async with self._pool.connection() as conn:
            if name == "tag":
                return await _tag(conn, request, person, fields, items)
            act = await _act(conn, person, fields, name)
            outcomes = await bulk.change(conn, items, act)
        restored = [
            {"version": one.after.version, "before": one.before}
            for one in outcomes if one.before and one.after and one.after.version != one.before.version
        ]  # fmt: skip
        return _told(request, outcomes, {"restore": restored} if restored else None)

    async def _undo(self, request: Request) -> Response:
        """Take back what the last answer said; a conversation that has changed since stays as it is."""
        person, fields = person_of(request), await Fields.of(request)
        value = unsealed(request, fields.text("undo", _LONGEST_UNDO))
        async with self._pool.connection() as conn:
            if "tag" in value:
                act = _untag(person, UUID(value["tag"]))
                return _told(request, await bulk.change(conn, [Item(UUID(one), 0) for one in value["ids"]], act))
            before = {(found := standing_of(one["before"])).id: found for one in value["restore"]}
            items = [Item(UUID(one["before"]["id"]), one["version"]) for one in value["restore"]]
            return _told(request, await bulk.change(conn, items, self._restore(person, before)))

    def _restore(self, person: Person, before: dict[UUID, Standing]) -> Act:
        async def act(conn: Connection, item: Item) -> Standing:
            return await closing.restore(conn, item.id, person, item.version, before[item.id], self._quiet)

        return act


async def _act(conn: Connection, person: Person, fields: Fields, name: str) -> Act:
    if name == "assign":
        to = fields.id("to")
        other = await people.find(conn, to) if to else None
        if to and (other is None or not other.may(Role.ATTENDANT)):
            raise RefusedError(400, "conversation.errors.no_attendant")
        return lambda conn, item: holding.assign(conn, item.id, person, item.version, to)
    if name == "snooze":
        until = fields.time("until")
        return lambda conn, item: holding.snooze(
            conn, item.id, person, item.version, until, last_seen=item.last_seen
        )  # fmt: skip
    if name == "close":
        reason = fields.text("reason", _LONGEST_REASON).strip() or None
        return lambda conn, item: closing.close(
            conn, item.id, person, item.version, reason=reason, last_seen=item.last_seen
        )  # fmt: skip
    raise RefusedError(400, "errors.400")


async def _tag(
    conn: Connection, request: Request, person: Person, fields: Fields, items: Sequence[Item]
) -> Response:  # fmt: skip
    """Put a tag on conversations; only those that lacked it lose it again."""
    name = fields.text("name", _LONGEST_TAG).strip()
    if not name:
        raise RefusedError(400, "conversation.errors.no_tag")
    tag = await tags.create(conn, name, len(name) % 6)
    rows = await lists.some(conn, person, [item.id for item in items])
    lacking = {row.id for row in rows if not any(one["id"] == str(tag) for one in row.tags)}
    outcomes = await bulk.change(conn, items, lambda conn, item: labels.tag(conn, item.id, person, tag))
    ids = [one.id for one in outcomes if one.after and one.id in lacking]
    return _told(request, outcomes, {"tag": tag, "ids": ids} if ids else None)


def _untag(person: Person, tag: UUID) -> Act:
    return lambda conn, item: labels.untag(conn, item.id, person, tag)


def _items(fields: Fields) -> list[Item]:
    values = fields.objects("items", _MOST)
    items = [Item(found, one.needed("version"), one.number("last_seen")) for one in values if (found := one.id("id"))]
    if not items or len(items) != len(values):
        raise RefusedError(400, "errors.400")
    return items


def _told(request: Request, outcomes: Sequence[Outcome], undo: dict[str, Any] | None = None) -> Response:
    t = words(request.state.language)
    failed: dict[str, int] = {}
    for one in outcomes:
        if one.error is not None:
            error = refused(one.error) if isinstance(one.error, ConversationError) else RefusedError(404, "errors.404")
            sentence = t(error.key, **error.values)
            failed[sentence] = failed.get(sentence, 0) + 1
    return JSONResponse({
        "changed": [str(one.id) for one in outcomes if one.after],
        "refused": [f"{count} × {sentence}" for sentence, count in failed.items()],
        "undo": sealed(request, undo) if undo else None,
    })  # fmt: skip
