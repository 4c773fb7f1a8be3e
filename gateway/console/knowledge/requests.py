"""The text that a request is about, and the audit of what was done with it."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request

from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.shapes import VERSIONS, Version
from gateway.console.routes import RefusedError, person_of
from gateway.store.database import Pool
from gateway.store.people import audit

ONE = f"{KNOWLEDGE}/{{id:uuid}}"


async def versions(server: KnowledgeServer, request: Request) -> list[Version]:
    """Return the versions of the text that an address names, the newest first. Raises RefusedError for none."""
    found = await server.get(f"/knowledge/sources/{text_id(request)}", VERSIONS)
    if not found:
        raise RefusedError(404, "knowledge.gone")
    return found


def text_id(request: Request) -> UUID:
    """Return the text that an address names."""
    found: UUID = request.path_params["id"]
    return found


async def done(
    request: Request, pool: Pool, action: str, source_id: UUID, detail: dict[str, object] | None = None
) -> None:
    """Write into the audit what the agent server has carried out for a person."""
    async with pool.connection() as conn:
        await audit.write(conn, person_of(request), action, f"knowledge:{source_id}", detail)
