"""Requests of scripts about a conversation, and the answers to refused ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request

from gateway.console.inbox.query import as_uuid
from gateway.console.routes import RefusedError
from gateway.conversations.errors import (
    ConversationError,
    NewerMessageError,
    NoConversationError,
    NotHolderError,
    TakenByOtherError,
    UnseenDepartmentError,
)
from gateway.store.desk.standing import Standing

_MOST_BYTES = 256 * 1024


class Fields:
    """The JSON object that a script sends; each read raises RefusedError (400) for a value of another type."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @classmethod
    async def of(cls, request: Request) -> Fields:
        """Read a request. Raises RefusedError."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise RefusedError(413, "errors.413")
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise RefusedError(400, "errors.400")
        return cls(values)

    def text(self, name: str, longest: int = 20_000) -> str:
        """Return a text; empty where it is left out."""
        value = self._values.get(name) or ""
        if not isinstance(value, str) or "\0" in value:
            raise RefusedError(400, "errors.400")
        if len(value) > longest:
            raise RefusedError(413, "errors.413")
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number, or None where it is left out."""
        value = self._values.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63):
            raise RefusedError(400, "errors.400")
        return value

    def needed(self, name: str) -> int:
        """Return a whole number that must be there."""
        value = self.number(name)
        if value is None:
            raise RefusedError(400, "errors.400")
        return value

    def id(self, name: str) -> UUID | None:
        """Return an id, or None where it is left out."""
        value = self._values.get(name)
        found = as_uuid(value) if isinstance(value, str) else None
        if value is not None and found is None:
            raise RefusedError(400, "errors.400")
        return found

    def ids(self, name: str, most: int) -> list[UUID]:
        """Return a list of ids; empty where it is left out."""
        values = self._values.get(name) or []
        if not isinstance(values, list) or len(values) > most:
            raise RefusedError(400, "errors.400")
        found = [as_uuid(value) if isinstance(value, str) else None for value in values]
        if None in found:
            raise RefusedError(400, "errors.400")
        return [one for one in found if one]

    def time(self, name: str) -> datetime | None:
        """Return a time with its zone, or None where it is left out."""
        text = self.text(name, 64)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise RefusedError(400, "errors.400")
        return found

    def objects(self, name: str, most: int) -> list[Fields]:
        """Return a list of objects; empty where it is left out."""
        value = self._values.get(name) or []
        if not isinstance(value, list) or len(value) > most or not all(isinstance(one, dict) for one in value):
            raise RefusedError(400, "errors.400")
        return [Fields(one) for one in value]

    def flag(self, name: str) -> bool:
        """Return whether something is said to be so."""
        return self._values.get(name) is True


def conversation_id(request: Request) -> UUID:
    """Return the conversation that an address names."""
    found: UUID = request.path_params["id"]
    return found


@contextmanager
def told() -> Iterator[None]:
    """Turn the errors of operations into answers: 409 says who won, or which message came."""
    try:
        yield
    except NoConversationError:
        raise RefusedError(404, "errors.404") from None
    except ConversationError as error:
        raise refused(error) from None


def refused(error: ConversationError) -> RefusedError:
    """Return the answer to an operation that was not carried out, with the conversation as it is."""
    more: dict[str, object] = {"standing": standing(error.standing)}
    name = error.standing.assignee_name or ""
    if isinstance(error, TakenByOtherError):
        return RefusedError(
            409, "conversation.errors.taken", values={"name": error.winner}, more={**more, "winner": error.winner}
        )
    if isinstance(error, NewerMessageError):
        return RefusedError(409, "conversation.errors.newer", more={**more, "newer": error.newest})
    if isinstance(error, UnseenDepartmentError):
        return RefusedError(409, "conversation.errors.unseen", values={"name": error.name}, more=more)
    if isinstance(error, NotHolderError):
        key = "conversation.errors.other_holds" if name else "conversation.errors.nobody_holds"
        return RefusedError(409, key, values={"name": name} if name else {}, more=more)
    return RefusedError(409, "conversation.errors.changed", more=more)


def standing(now: Standing) -> dict[str, object]:
    """Return a conversation's standing for a script: also what it sends to undo."""
    return {
        "version": now.version, "state": now.state,
        "assignee_id": str(now.assignee_id) if now.assignee_id else None, "assignee_name": now.assignee_name,
    }  # fmt: skip
