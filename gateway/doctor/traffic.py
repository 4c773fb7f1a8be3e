"""The traffic in the database: webhooks that do not come, messages that are not sent, a worker that is idle."""

from __future__ import annotations

import psycopg

from gateway.doctor.findings import Finding, problem, warning
from gateway.numbers.channels import Channel
from gateway.store import backlog, diagnosis
from gateway.store.database import Connection
from gateway.whatsapp.error_codes import classify
from gateway.whatsapp.errors import Cause

_LATE_SECONDS = 60.0
_WORKER = "look whether `gateway work` runs and what /health of its port (WORK_PORT, 8001) and its log say"
_WINDOW_CLOSED = 131047


async def traffic(conn: Connection, channels: list[Channel]) -> list[Finding]:
    """Check the queues and the newest webhook, as far as the role may read them."""
    try:
        return [
            *await _received(conn, [one.phone_number_id for one in channels]),
            *_queues(await backlog.count(conn)),
            *await _not_sent(conn),
            *await _held(conn),
        ]
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        return []  # told by the checks of the database


async def _received(conn: Connection, known: list[str]) -> list[Finding]:
    found = []
    if await diagnosis.last_webhook(conn) is None:
        step = (
            "write to the number; if still nothing comes, see what is said about the callback, the app secret and the \
subscription, and whatsapp_webhooks_total at /metrics of `serve` (OPS_PORT, 8003)"
        )
        found.append(warning("webhooks", "no webhook has been received yet", step))
    if known and (strangers := await diagnosis.unknown_numbers(conn, known)):
        what = f"webhooks wait for numbers that are not configured here: {', '.join(strangers)}"
        found.append(problem("webhooks", what, "add the numbers to CHANNELS_FILE, or mend WHATSAPP_PHONE_NUMBER_ID"))
    return found


def _queues(now: backlog.Backlog) -> list[Finding]:
    """Return what waits for longer than a worker that runs would let it wait."""
    waits = (
        (now.events, now.events_age, "webhook items are not processed"),
        (now.due, now.due_age, "conversations are due and no worker answers them"),
        (now.queued, now.queued_age, "messages are queued and not sent"),
    )
    found = [
        problem("worker", f"{count} {what}, the oldest for {age:.0f} s", _WORKER)
        for count, age, what in waits
        if age > _LATE_SECONDS
    ]
    if now.uncertain:
        step = "`gateway conversations` lists them; a status from Meta settles them, so see that webhooks come"
        found.append(warning("sending", f"of {now.uncertain} messages nobody knows whether Meta has them", step))
    return found


async def _not_sent(conn: Connection) -> list[Finding]:
    found = []
    for refusal in await diagnosis.refusals(conn):
        step = "`gateway conversations` lists them"
        meaning = "without a code of Meta"
        if refusal.code is not None:
            meaning = f"with {refusal.code}: {classify(Cause(code=refusal.code))[2].rstrip('.')}"
            step = "see docs/operations.md, When Meta refuses"
        if refusal.code == _WINDOW_CLOSED:
            step = "give the channel a fallback_template (docs/operations.md, The 24-hour window)"
        found.append(warning("sending", f"{refusal.messages} messages of the last day failed {meaning}", step))
    return found


async def _held(conn: Connection) -> list[Finding]:
    count = await diagnosis.held_by_others(conn)
    if not count:
        return []
    step = "answer them in the console, or `gateway hand-back ID` (`gateway conversations` lists them)"
    return [warning("worker", f"{count} conversations wait for people: the agent does not answer there", step)]
