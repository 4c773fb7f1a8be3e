"""The customer of a turn, as long as the turn is open."""

from __future__ import annotations

from uuid import UUID

from gateway.store.database import Connection


async def customer_of_open_turn(conn: Connection, turn_id: UUID, customer_id: UUID) -> UUID | None:
    """Return the present id of a customer, whom another contact may have absorbed since the turn was opened.

    Return None if the turn is not open, or is not this customer's.
    """
    cursor = await conn.execute(
        """SELECT c.contact_id FROM turn t JOIN conversation c ON c.id = t.conversation_id
           WHERE t.id = %(turn)s AND t.state = 'open' AND c.contact_id = coalesce(
               (SELECT kept_id FROM contact_merge WHERE absorbed_id = %(customer)s), %(customer)s)""",
        {"turn": turn_id, "customer": customer_id},
    )
    row = await cursor.fetchone()
    return row[0] if row else None
