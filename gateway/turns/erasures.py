"""The erasure of all data that a customer says yes to: a request that a person decides about, or it begins at once."""

from __future__ import annotations

from typing import Literal

from gateway.store.customers import data_requests
from gateway.store.database import Connection
from gateway.store.turns.turns import Turn

#: ERASURE_BY_CUSTOMER: what follows a yes. The run contract has the same words.
Way = Literal["request", "immediate"]

_ANSWER_SECONDS = 30.0  # until an erasure begins: the answer that announces it is sent before


def offered(turn: Turn, way: Way) -> Way:
    """Return what follows a yes in this turn: only a request where the number may be another person's."""
    return way if turn.verification == "verified" else "request"


async def ask(conn: Connection, turn: Turn, wish: Way, allowed: Way) -> None:
    """Ask for the erasure that the customer wants. A second wish changes nothing while the first one is open."""
    at_once = wish == allowed == "immediate"
    await data_requests.ask(
        conn, "erase", turn.contact_id, "customer", approved=at_once, delay=_ANSWER_SECONDS if at_once else 0
    )
