"""Orders, tickets and remembered facts of the customer, from the agent server: fetched after the page, never before."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import httpx
import structlog
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import conversation_id
from gateway.console.parts import Parts
from gateway.console.rendering.pages import Pages
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.agent_servers import AgentServers
from gateway.runtime.telemetry import ERRORS
from gateway.store.desk import customers, lists
from gateway.store.people.people import Role

log = structlog.get_logger(__name__)

PATH = "/business/customer"
TIMEOUT_SECONDS = 8  # the agent server answers within 6, or says that it cannot


class Order(BaseModel):
    """An order; status: the company's words for it."""

    id: str
    status: str
    ordered_on: date
    stage: Literal["open", "shipped", "delivered", "cancelled"]


class Ticket(BaseModel):
    """A support ticket."""

    id: int
    subject: str
    status: str
    created_at: datetime


class Known(BaseModel):
    """The agent server's answer (`graph/customer_data.py`)."""

    orders: list[Order]
    tickets: list[Ticket]
    facts: list[str]
    number_trusted: bool


class Business:
    """`GET /console/conversations/{id}/business`: a part of the page, or 503 while the agent server does not answer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._servers = AgentServers(parts.settings.langgraph_url)

    def routes(self) -> list[Page]:
        """The route to mount."""
        return [Page(f"{CONVERSATION}/business", self._show, Role.VIEWER)]

    async def _show(self, request: Request) -> Response:
        async with self._parts.pool.connection() as conn:
            row = await lists.one(conn, person_of(request), conversation_id(request))
            if row is None:
                raise RefusedError(404, "errors.404")
            whose = await customers.identity(conn, row.contact_id)
        known = await self._ask(whose)
        pages: Pages = request.app.state.pages
        return HTMLResponse(pages.html(request, "conversation/business.html", {"known": known}))

    async def _ask(self, whose: dict[str, Any]) -> Known:
        settings = self._parts.settings
        if settings.business_token is None:
            raise RefusedError(404, "errors.404")
        headers = {"authorization": f"Bearer {settings.business_token.get_secret_value()}"}
        try:
            url = f"{await self._servers.any_well(self._parts.http)}{PATH}"
            answer = await self._parts.http.post(url, json=whose, headers=headers, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return Known.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            ERRORS.labels("business").inc()
            log.warning("business_away", error=type(error).__name__)
            raise RefusedError(503, "conversation.business.away") from None
