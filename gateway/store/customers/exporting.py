"""Everything that the gateway's tables hold about one customer, as JSON objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from gateway.store.database import Connection

_MESSAGES = 500  # of one page
# Names of our own parts of a message that mean nothing to the customer.
_PLAIN = "ARRAY['lease_until', 'attempts', 'offered', 'resends', 'window_handled', 'awaits', 'dismissed', 'courtesy']"
_TABLES = {
    "contact": "SELECT to_jsonb(t) FROM contact t WHERE id = ANY(%(contacts)s)",
    "keys": "SELECT to_jsonb(t) FROM contact_key t WHERE contact_id = ANY(%(contacts)s) ORDER BY since",
    "merges": "SELECT to_jsonb(t) FROM contact_merge t WHERE kept_id = ANY(%(contacts)s) ORDER BY merged_at",
    "consents": "SELECT to_jsonb(t) FROM consent t WHERE contact_id = ANY(%(contacts)s) ORDER BY said_at",
    "proof_tries": "SELECT to_jsonb(t) FROM proof_try t WHERE contact_id = ANY(%(contacts)s) ORDER BY tried_at",
    "conversations": """SELECT to_jsonb(t) - ARRAY['lease_owner', 'lease_until'] FROM conversation t
                        WHERE id = ANY(%(threads)s) ORDER BY created_at""",
    "turns": """SELECT to_jsonb(t) FROM turn t WHERE conversation_id = ANY(%(threads)s) ORDER BY started_at""",
    "answer_marks": """SELECT to_jsonb(t) FROM (SELECT a.* FROM answer_mark a JOIN turn u ON u.id = a.turn_id
                       WHERE u.conversation_id = ANY(%(threads)s)) t ORDER BY marked_at""",
    "episodes": "SELECT to_jsonb(t) FROM episode t WHERE conversation_id = ANY(%(threads)s) ORDER BY opened_at",
    "notes": "SELECT to_jsonb(t) FROM note t WHERE conversation_id = ANY(%(threads)s) ORDER BY created_at",
    "drafts": "SELECT to_jsonb(t) FROM draft t WHERE conversation_id = ANY(%(threads)s) ORDER BY changed_at",
    "tags": """SELECT to_jsonb(t) FROM (SELECT g.name, c.created_at, c.conversation_id FROM conversation_tag c
               JOIN tag g ON g.id = c.tag_id WHERE c.conversation_id = ANY(%(threads)s)) t ORDER BY created_at""",
    "data_requests": """SELECT to_jsonb(t) - 'facts' FROM data_request t WHERE contact_id = ANY(%(contacts)s)
                        ORDER BY asked_at""",
    "audit": """SELECT to_jsonb(t) FROM audit t WHERE subject = ANY(%(subjects)s) ORDER BY id""",
}


async def tables(conn: Connection, contacts: Sequence[UUID], threads: Sequence[UUID]) -> dict[str, list[Any]]:
    """Return the rows of all tables but messages and webhook items."""
    subjects = [*(f"contact:{one}" for one in contacts), *(f"conversation:{one}" for one in threads)]
    given = {"contacts": list(contacts), "threads": list(threads), "subjects": subjects}
    found = {}
    for name, query in _TABLES.items():
        found[name] = [row[0] for row in await (await conn.execute(query, given)).fetchall()]
    return found


async def messages(conn: Connection, threads: Sequence[UUID]) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield all messages in pages, each message with its media."""
    after = 0
    while True:
        cursor = await conn.execute(
            f"""SELECT to_jsonb(m) - {_PLAIN} || jsonb_build_object('media', (
                    SELECT jsonb_agg(to_jsonb(d) - ARRAY['lease_until', 'due_at', 'attempts']) FROM media d
                    WHERE d.message_id = m.id)), m.seq
                FROM message m WHERE conversation_id = ANY(%s) AND m.seq > %s ORDER BY m.seq LIMIT %s""",  # noqa: S608  # constants
            (list(threads), after, _MESSAGES),
        )
        rows = await cursor.fetchall()
        if not rows:
            return
        after = rows[-1][1]
        yield [row[0] for row in rows]


async def attached(conn: Connection, threads: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return files that people attached and did not send."""
    cursor = await conn.execute("SELECT to_jsonb(u) FROM upload u WHERE conversation_id = ANY(%s)", (list(threads),))
    return [row[0] for row in await cursor.fetchall()]
