"""The audit page for admins: the newest entries first, page after page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gateway.console import texts
from gateway.console.admin.audit_words import Wording
from gateway.console.parts import Parts
from gateway.console.rendering.pages import Pages, render
from gateway.console.routes import Page
from gateway.store.desk import tags
from gateway.store.people import audit, people
from gateway.store.people.people import Person, Role

AUDIT = "/console/audit"
_PAGES = {"person": "/console/people", "conversation": "/console/conversations", "knowledge": "/console/knowledge"}
_ON_A_PAGE = 50
_LONGEST = 100  # characters of a filter


class Audit:
    """The page `/console/audit`."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [Page(AUDIT, self._list, Role.ADMIN)]

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        person_id, action, subject = query.get("person", ""), query.get("action", ""), query.get("subject", "")
        async with self._pool.connection() as conn:
            entries = await audit.page(
                conn, _ON_A_PAGE + 1, before=_number(query.get("before", "")), person_id=_uuid(person_id),
                action=action[:_LONGEST] or None, subject=subject.strip()[:_LONGEST] or None,
            )  # fmt: skip
            everybody, actions = await people.every(conn), await audit.actions(conn)
            words = _wording(request, everybody, {str(one.id): one.name for one in await tags.every(conn)})
        shown = entries[:_ON_A_PAGE]
        return render(
            request, "admin/audit.html", entries=shown, people=everybody,
            actions=sorted(actions, key=words.action), words=words, path_of=_path_of,
            chosen={"person": person_id, "action": action, "subject": subject},
            older=shown[-1].id if len(entries) > _ON_A_PAGE else None,
        )  # fmt: skip


def _wording(request: Request, everybody: list[Person], tags: Mapping[str, str]) -> Wording:
    language: str = request.state.language
    pages: Pages = request.app.state.pages
    names = {str(one.id): one.name for one in everybody}
    return Wording(texts.every(language), names, tags, partial(pages.stamp, language))


def _path_of(subject: str) -> str | None:
    """Return the page of a subject, such as `conversation:…` with an id; None for others."""
    kind, _, found = subject.partition(":")
    return f"{_PAGES[kind]}/{found}" if kind in _PAGES and _uuid(found) else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
