"""The comparison at the end: what customers wrote, what the database has, what Meta was sent, what the threads keep."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import httpx

from gateway.store.conversations import failed_at_meta
from tests.invariants.stack import LANGGRAPH_TOKEN, Stack
from tests.soak.customers import Customers

# An edit, a deletion or a reaction is an event of another message, and no message itself.
_MESSAGES = "SELECT wamid FROM message WHERE direction = 'in' AND wamid = ANY(%s)"
# A message needs no turn where a person or the business's own app wrote to the customer after it, and it did not fail.
_ANSWERED = f"""
EXISTS (SELECT 1 FROM message p WHERE p.conversation_id = m.conversation_id AND p.author IN ('person', 'app')
        AND p.direction = 'out' AND p.created_at > m.created_at AND p.type NOT IN ('reaction', 'edit', 'revoke')
        AND NOT {failed_at_meta("p")})"""
_IN_NO_TURN = f"""
SELECT m.wamid, m.type, m.status, m.created_at, c.holder FROM message m JOIN conversation c ON c.id = m.conversation_id
WHERE m.direction = 'in' AND m.turn_id IS NULL AND m.type NOT IN ('reaction', 'system', 'edit', 'revoke')
AND NOT {_ANSWERED}"""
_SILENT = """
SELECT t.id FROM turn t WHERE t.state = 'done' AND NOT EXISTS (SELECT 1 FROM message m WHERE m.turn_id = t.id
    AND m.direction = 'out') AND t.error IS NULL"""
_OVERLAPPING = """
SELECT a.id FROM turn a JOIN turn b USING (conversation_id)
WHERE a.id <> b.id AND a.started_at < b.ended_at AND b.started_at < a.ended_at"""
_IN_ORDER = """
SELECT conversation_id, id::text FROM message WHERE direction = 'out' ORDER BY conversation_id, seq"""
_STUCK = {
    "events not processed": "SELECT count(*) FROM event WHERE state = 'new'",
    "events failed": "SELECT count(*) FROM event WHERE state = 'failed'",
    "messages that wait for a turn": f"SELECT count(*) FROM message m WHERE awaits AND NOT {_ANSWERED}",
    "open turns": "SELECT count(*) FROM turn WHERE state = 'open'",
    "messages not sent": "SELECT count(*) FROM message WHERE status IN ('queued', 'sending', 'uncertain')",
}
_TURNS = """
SELECT t.conversation_id, t.id FROM turn t WHERE t.state = 'done' AND t.run_id IS NOT NULL AND t.error IS NULL
ORDER BY t.started_at"""
ANSWERS_KEPT = 20
QUIET = 2.0  # seconds without anything that waits: a status may be on its way between two looks


def stuck(stack: Stack) -> dict[str, int]:
    """Return what still waits, by name; empty where nothing does."""
    [counts] = stack.sql(f"SELECT {', '.join(f'({query})' for query in _STUCK.values())}")
    counted = dict(zip(_STUCK, counts, strict=True))
    pending = stack.http.get("/_sim/webhooks", params={"pending": "1"}).json()["webhooks"]
    return {name: count for name, count in {**counted, "webhooks": len(pending)}.items() if count}


def settled(stack: Stack, seconds: float) -> float:
    """Wait until nothing is stuck; return the seconds that it took, at most those given."""
    began = quiet_since = time.monotonic()
    while (now := time.monotonic()) - quiet_since < QUIET and now - began < seconds:
        time.sleep(0.5)
        if stuck(stack):
            quiet_since = time.monotonic()
    return quiet_since - began


class Sends:
    """The sends that Meta saw, gathered while they happen: the simulator keeps its last calls only."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._seen: dict[int, dict[str, Any]] = {}
        self._after = 0  # every call up to this one has ended

    def gather(self) -> None:
        """Take what is new since the last time, and what had not ended then."""
        params = {"path": "/messages", "after": self._after}
        found = self._stack.http.get("/_sim/calls", params=params).json()["calls"]
        self._seen |= {one["n"]: one for one in found}
        under_way = [one["n"] for one in found if one["status"] is None]
        self._after = (min(under_way) - 1) if under_way else max(self._seen, default=0)

    def accepted(self) -> list[str | None]:
        """Return the ids of the messages whose sends had an effect, also those whose answer was lost, in order."""
        self.gather()
        calls = [self._seen[n] for n in sorted(self._seen)]
        return [
            one["body"].get("biz_opaque_callback_data")
            for one in calls
            if one["body"].get("type") and one["status"] in (200, "cut")
        ]


def compared(stack: Stack, customers: Customers, at_meta: list[str | None]) -> dict[str, list[str]]:
    """Return the rows of each thing that must not be, in words: all empty where every invariant holds.

    at_meta: the ids of the messages that Meta accepted, one for each time.
    """
    written = [wamid for one in customers.people for wamid in one.written]
    known = {wamid for (wamid,) in stack.sql(_MESSAGES, written)}
    sends = Counter(at_meta)
    revoked = {wamid for one in customers.people for wamid in one.revoked}  # perhaps before a turn began
    return {
        "lost: not in the database": sorted(set(written) - known),
        "lost: in no turn": [row for row in _rows(stack, _IN_NO_TURN) if row.split()[0] not in revoked],
        "lost: turns without a reply": _rows(stack, _SILENT),
        "lost: replies that Meta never had": _never_sent(stack, sends),
        "twice: sent more than once": [f"{one}: {count}" for one, count in sends.items() if count > 1],
        "out of order: replies": _overtaken(stack, [*sends]),
        "out of order: turns at once": _rows(stack, _OVERLAPPING),
        "stuck": [f"{name}: {count}" for name, count in stuck(stack).items()],
        "turns missing from a thread": missing_from_threads(stack),
    }


def _overtaken(stack: Stack, at_meta: list[str | None]) -> list[str]:
    """Return the messages that reached Meta before an earlier one of their conversation. at_meta: in Meta's order."""
    places = {one: place for place, one in enumerate(at_meta)}
    last: dict[object, int] = {}
    found = []
    for conversation, one in stack.sql(_IN_ORDER):
        place = places.get(one, last.get(conversation, -1))  # one that Meta never had overtakes nobody
        if place < last.get(conversation, -1):
            found.append(one)
        last[conversation] = max(place, last.get(conversation, -1))
    return found


def _rows(stack: Stack, query: str) -> list[str]:
    return [" ".join(map(str, row)) for row in stack.sql(query)]


def told(stack: Stack) -> dict[str, int]:
    """Return the count of what a fault cost a customer, visibly for people: no invariant, but worth a look."""
    return {
        "turns that ended with an apology": stack.sql("SELECT count(*) FROM turn WHERE state = 'failed'")[0][0],
        "replies that failed, shown to people": stack.sql(
            "SELECT count(*) FROM message WHERE direction = 'out' AND status = 'failed'"
        )[0][0],
    }


def _never_sent(stack: Stack, sends: Counter[str | None]) -> list[str]:
    """Return the messages that count as accepted, and that Meta does not know."""
    accepted = "SELECT id::text FROM message WHERE direction = 'out' AND author <> 'app' AND status = ANY(%s)"
    counted = stack.sql(accepted, ["accepted", "sent", "delivered", "read", "played"])
    return [one for (one,) in counted if one not in sends]


def missing_from_threads(stack: Stack) -> list[str]:
    """Return the done turns that their thread does not have among the answers that it keeps, the last ones."""
    turns: dict[str, list[str]] = {}
    for conversation, turn in stack.sql(_TURNS):
        turns.setdefault(str(conversation), []).append(str(turn))
    missing: list[str] = []
    headers = {"Authorization": f"Bearer {LANGGRAPH_TOKEN}"}
    with httpx.Client(base_url=stack.address("agent"), headers=headers, timeout=60) as http:
        for thread, ids in turns.items():
            known = {"thread_id": thread, "if_exists": "do_nothing", "metadata": {"graph_id": "agent"}}
            http.post("/threads", json=known).raise_for_status()
            values = http.get(f"/threads/{thread}/state").raise_for_status().json()["values"]
            kept = [one["turn_id"] for one in values.get("answers", [])]
            missing += [
                f"{one} of {thread}: turn {ids.index(one) + 1} of {len(ids)}; there: {kept}"
                for one in _missing(ids, kept)
            ]
    return missing


def _missing(done: list[str], kept: list[str]) -> list[str]:
    """Return the done turns that ought to be among a thread's answers, which may also be those of other turns.

    Such a turn failed, or was taken over by a person, after its run had answered.
    """
    others = len(set(kept) - set(done))
    return [one for one in done[max(0, len(done) + others - ANSWERS_KEPT) :] if one not in kept]
