"""A person's decisions about a conversation: its holder, its snooze, its end, its department and tags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.conversation.requests import Fields, conversation_id, standing, told
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.conversations import closing, holding, labels, numbers
from gateway.conversations.errors import ChangedError
from gateway.numbers.quiet_period import QuietPeriod
from gateway.runtime.telemetry import TAKES
from gateway.store.database import Connection
from gateway.store.desk import tags
from gateway.store.desk.standing import Standing
from gateway.store.people import people
from gateway.store.people.people import Person, Role

CONVERSATION = "/console/conversations/{id:uuid}"
_LONGEST_TAG, _LONGEST_REASON, _LONGEST_DEPARTMENT = 40, 200, 100

Decision = Callable[[Connection, UUID, Person, Fields], Awaitable[Standing]]


class Holding:
    """`POST /console/conversations/{id}/take` and the like; each answers with the conversation's standing."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._quiet = QuietPeriod(parts.settings.quiet_period_seconds, parts.settings.quiet_period_max_seconds)

    def routes(self) -> list[Page]:
        """The routes to mount."""
        decisions: dict[str, Decision] = {
            "take": self._take, "hand-back": self._hand_back, "assign": self._assign, "snooze": self._snooze,
            "wake": self._wake, "close": self._close, "department": self._department, "tags": self._tags,
            "confirm-number": self._confirm_number,
        }  # fmt: skip
        return [
            Page(f"{CONVERSATION}/{name}", self._endpoint(decide), Role.ATTENDANT, ["POST"])
            for name, decide in decisions.items()
        ]

    def _endpoint(self, decide: Decision) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            person, found, fields = person_of(request), conversation_id(request), await Fields.of(request)
            async with self._pool.connection() as conn:
                with told():
                    return JSONResponse(standing(await decide(conn, found, person, fields)))

        return endpoint

    async def _take(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        version, from_person = fields.needed("version"), fields.id("from_person")
        try:
            taken = await holding.take(conn, found, person, version, from_person=from_person)
        except ChangedError:
            TAKES.labels("lost").inc()
            raise
        TAKES.labels("won").inc()
        return taken

    async def _hand_back(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        answers = not fields.flag("quiet")
        return await holding.hand_back(conn, found, person, fields.needed("version"), self._quiet, answers=answers)

    async def _assign(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        to = fields.id("to")
        if to is not None:
            other = await people.find(conn, to)
            if other is None or not other.may(Role.ATTENDANT):
                raise RefusedError(400, "conversation.errors.no_attendant")
        return await holding.assign(conn, found, person, fields.needed("version"), to)

    async def _snooze(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        return await holding.snooze(
            conn, found, person, fields.needed("version"), fields.time("until"), last_seen=fields.number("last_seen")
        )

    async def _wake(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        return await holding.wake(conn, found, person, fields.needed("version"))

    async def _close(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        reason = fields.text("reason", _LONGEST_REASON).strip() or None
        return await closing.close(
            conn, found, person, fields.needed("version"), reason=reason, last_seen=fields.number("last_seen")
        )

    async def _department(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        name = fields.text("department", _LONGEST_DEPARTMENT).strip() or None
        return await labels.set_department(conn, found, person, fields.needed("version"), name)

    async def _confirm_number(self, conn: Connection, found: UUID, person: Person, _: Fields) -> Standing:
        return await numbers.confirm(conn, found, person)

    async def _tags(self, conn: Connection, found: UUID, person: Person, fields: Fields) -> Standing:
        """Put a tag on by its name, which makes one that is new, or take one away by its id."""
        if gone := fields.id("remove"):
            return await labels.untag(conn, found, person, gone)
        name = fields.text("name", _LONGEST_TAG).strip()
        if not name:
            raise RefusedError(400, "conversation.errors.no_tag")
        return await labels.tag(conn, found, person, await tags.create(conn, name, len(name) % 6))
