"""Write the texts of a file or a page as drafts; the same file or page twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.knowledge.data import Text
from graph.knowledge.store import write_draft

KNOWN = """SELECT id FROM knowledge.source
    WHERE imported = %(digest)s AND (%(source_id)s::uuid IS NULL OR id = %(source_id)s) ORDER BY created_at LIMIT 1"""
OF_ADDRESS = "SELECT id FROM knowledge.source WHERE address = %s"
# People have given them to the source, and a file says nothing about them.
SETTINGS = """SELECT title, department, channel_id, owner, link, valid_from, valid_until FROM knowledge.version
    WHERE source_id = %s ORDER BY number DESC LIMIT 1"""
LEAVE_ADDRESS = "UPDATE knowledge.source SET address = NULL WHERE address = %(address)s AND id <> %(id)s"
MARK = """UPDATE knowledge.source SET imported = %(digest)s, address = coalesce(%(address)s, address)
    WHERE id = %(id)s"""

Connection = AsyncConnection[DictRow]


async def known_source(connection: Connection, digest: str | None, source_id: UUID | None) -> UUID | None:
    """Return the source that was read from the same content: any, or only this one."""
    return await _id(connection, KNOWN, {"digest": digest, "source_id": source_id})


async def write(
    connection: Connection, texts: Sequence[Text], digest: str, address: str | None, source_id: UUID | None
) -> UUID:
    """Write the texts as drafts within a change, the first one of `source_id`; return the first one's source.

    digest: of the content; address: of a web page, whose source is found again by it.
    """
    if source_id is None and address is not None:
        source_id = await _id(connection, OF_ADDRESS, [address])
    if known := await known_source(connection, digest, source_id):
        return known
    written = [await _written(connection, texts[0], source_id), *[await _written(connection, one) for one in texts[1:]]]
    for place, source in enumerate(written):
        values = {"id": source, "digest": digest, "address": None if place else address}
        await connection.execute(LEAVE_ADDRESS, values)
        await connection.execute(MARK, values)
    return written[0]


async def _written(connection: Connection, text: Text, source_id: UUID | None = None) -> UUID:
    if source_id is not None:
        settings = await (await connection.execute(SETTINGS, [source_id])).fetchone()
        text = text.model_copy(update=settings or {})
    return (await write_draft(connection, text, source_id)).source_id


async def _id(connection: Connection, statement: str, values: dict[str, object] | list[object]) -> UUID | None:
    row = await (await connection.execute(statement, values)).fetchone()
    return UUID(str(row["id"])) if row else None
