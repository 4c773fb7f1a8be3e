"""Messages and files that are older than they are kept. Conversations and customers stay."""

from __future__ import annotations

from uuid import UUID

from gateway.store.database import Connection


async def files(conn: Connection, days: float, limit: int) -> list[tuple[UUID, str]]:
    """Return ids of media and paths of files that are older than so many days, at most so many."""
    cursor = await conn.execute(
        """SELECT id, path FROM media
           WHERE path IS NOT NULL AND created_at < now() - make_interval(secs => %s) ORDER BY created_at LIMIT %s""",
        (days * 86_400, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def purge(conn: Connection, days: float, limit: int) -> int:
    """Delete messages and notes that are older than so many days, at most so many of each; return how many messages.

    A message that waits for a turn, a send or the deletion of its file stays until that is settled. With the newest
    message goes its beginning, which the conversation shows; ended turns without messages go too.
    """
    age = {"age": days * 86_400, "limit": limit}
    async with conn.transaction():
        cursor = await conn.execute(
            """WITH old AS MATERIALIZED (
                   SELECT id, conversation_id, turn_id FROM message m
                   WHERE created_at < now() - make_interval(secs => %(age)s) AND NOT awaits
                     AND status NOT IN ('queued', 'sending', 'uncertain')
                     AND NOT EXISTS (SELECT FROM turn t WHERE t.id = m.turn_id AND t.state = 'open')
                     AND NOT EXISTS (SELECT FROM media d WHERE d.message_id = m.id
                                       AND (d.path IS NOT NULL OR d.status = 'pending'))
                   LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED),
               freed AS (UPDATE message SET replaces = NULL WHERE replaces IN (SELECT id FROM old)
                           AND id NOT IN (SELECT id FROM old)),
               told AS (
                   UPDATE conversation SET last_text = NULL
                   WHERE id IN (SELECT conversation_id FROM old) AND last_text IS NOT NULL
                     AND last_at < now() - make_interval(secs => %(age)s))
               DELETE FROM message WHERE id IN (SELECT id FROM old) RETURNING turn_id""",
            age,
        )
        gone = [row[0] for row in await cursor.fetchall()]
        turns = [turn for turn in set(gone) if turn is not None]
        await conn.execute(
            """DELETE FROM turn t WHERE id = ANY(%s) AND state <> 'open'
                 AND NOT EXISTS (SELECT FROM message m WHERE m.turn_id = t.id)""",
            (turns,),
        )
        await conn.execute(
            """DELETE FROM note WHERE id IN (
                   SELECT id FROM note WHERE created_at < now() - make_interval(secs => %(age)s) LIMIT %(limit)s)""",
            age,
        )
    return len(gone)
