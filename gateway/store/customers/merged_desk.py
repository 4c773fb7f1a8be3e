"""The work of people on two conversations that become one: nothing of it is lost, and nothing becomes read unseen."""

from __future__ import annotations

from uuid import UUID

from gateway.store.database import Connection


async def join_desk(conn: Connection, kept: UUID, absorbed: UUID) -> None:
    """Move what people left in a conversation into the one that stays; tell the people who follow it."""
    values = {"kept": kept, "absorbed": absorbed}
    for statement in _STATEMENTS:
        await conn.execute(statement, values)


_STATEMENTS = (
    # One open episode: it began with the first of the two.
    """UPDATE episode k SET opened_at = least(k.opened_at, o.opened_at) FROM episode o
       WHERE k.conversation_id = %(kept)s AND k.closed_at IS NULL
         AND o.conversation_id = %(absorbed)s AND o.closed_at IS NULL""",
    """DELETE FROM episode o USING episode k WHERE o.conversation_id = %(absorbed)s AND o.closed_at IS NULL
       AND k.conversation_id = %(kept)s AND k.closed_at IS NULL""",
    "UPDATE episode SET conversation_id = %(kept)s WHERE conversation_id = %(absorbed)s",
    "UPDATE note SET conversation_id = %(kept)s WHERE conversation_id = %(absorbed)s",
    "UPDATE upload SET conversation_id = %(kept)s WHERE conversation_id = %(absorbed)s",
    """INSERT INTO conversation_tag (conversation_id, tag_id, created_at)
       SELECT %(kept)s, tag_id, created_at FROM conversation_tag WHERE conversation_id = %(absorbed)s
       ON CONFLICT DO NOTHING""",
    # Of two drafts of a person both texts stay.
    """INSERT INTO draft AS k (person_id, conversation_id, mode, text, reply_to, changed_at)
       SELECT person_id, %(kept)s, mode, text, reply_to, changed_at FROM draft WHERE conversation_id = %(absorbed)s
       ON CONFLICT (person_id, conversation_id, mode) DO UPDATE
       SET text = left(k.text || E'\\n' || excluded.text, 20000),
           changed_at = greatest(k.changed_at, excluded.changed_at)""",
    # A person has read both up to where they had read each; who never looked into one has read nothing of the whole.
    """UPDATE read_mark k SET seq = least(k.seq, o.seq) FROM read_mark o
       WHERE k.conversation_id = %(kept)s AND o.conversation_id = %(absorbed)s AND o.person_id = k.person_id""",
    """DELETE FROM read_mark k WHERE k.conversation_id = %(kept)s AND NOT EXISTS (
           SELECT FROM read_mark o WHERE o.conversation_id = %(absorbed)s AND o.person_id = k.person_id)""",
    """INSERT INTO viewing (conversation_id, person_id, typing, seen_at)
       SELECT %(kept)s, person_id, typing, seen_at FROM viewing WHERE conversation_id = %(absorbed)s
       ON CONFLICT DO NOTHING""",
    "INSERT INTO change (conversation_id, kind, subject) VALUES (%(absorbed)s, 'merged', %(kept)s)",
)
