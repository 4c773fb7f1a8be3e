"""Decide whether a number may belong to another person now, and record the doubt (docs/decisions/identity.md)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from gateway.customers.statements import Ids, Statement
from gateway.runtime.telemetry import DOUBTS
from gateway.store.customers import contacts
from gateway.store.customers.contacts import Owner
from gateway.store.database import Connection
from gateway.whatsapp.numbers import are_forms, wa_id_variants

#: What a number may lead to in business data: the stages of an order only, or nothing.
STAGES_ONLY, UNVERIFIED = "stages_only", "unverified"


async def reason_to_doubt(
    conn: Connection, user: Owner | None, number: Owner, named: Ids, statement: Statement
) -> str | None:
    """Return what is in doubt about an owned number that a message names now. None: it is still its owner's."""
    if await is_another_person(conn, number, named, statement.scopes):
        return UNVERIFIED
    if user and (doubt := await _doubt_about_another_number(conn, user, named)):
        return doubt
    return STAGES_ONLY if is_silent(number, statement) else None


async def is_another_person(conn: Connection, number: Owner, named: Ids, scopes: Sequence[str]) -> bool:
    """Return whether the account of ours knows the number's owner by another user id, and so as another person.

    Of an owner who gave the number up, only the ids that they had with it count: a new number comes with a new id.
    """
    if named.user_id is None:
        return False
    by_channel = await contacts.user_ids(conn, number.contact_id, scopes, number.until)
    return bool(by_channel) and named.user_id not in by_channel


async def _doubt_about_another_number(conn: Connection, user: Owner, named: Ids) -> str | None:
    """Return what is in doubt about a number of a customer who has another one. None: they have no other number.

    A number of their own that they lost through silence only is probably theirs again: less is in doubt.
    """
    forms = wa_id_variants(named.number or "")
    known = await contacts.numbers(conn, user.contact_id, forms)
    own = [one for one in known if one.contact_id == user.contact_id]
    if not own or any(one.kind == "wa_id" and _is_form(one.value, named.number or "") for one in own):
        return None
    was_theirs = any(one.value in forms for one in own)
    suspected = all(one.doubt == STAGES_ONLY for one in known if one.contact_id != user.contact_id)
    return STAGES_ONLY if was_theirs and suspected else UNVERIFIED


def is_silent(number: Owner, statement: Statement) -> bool:
    """Return whether nobody wrote from a number for so long that it may be another person's now."""
    if statement.silence is None or number.kind != "wa_id" or number.heard_at is None:
        return False
    return statement.at - number.heard_at > statement.silence


async def doubt_about_new_number(conn: Connection, person: UUID, number: str, doubt: str | None) -> str | None:
    """Return what is in doubt about a number that a customer gets.

    Everything is, if another customer had the number before or this customer had another one. doubt: what is already
    known to be in doubt. Another form of a number that they have is as certain as that number.
    """
    forms = wa_id_variants(number)
    had = await contacts.numbers(conn, person, forms)
    own = [one for one in had if one.contact_id == person]
    for one in own:
        if one.kind == "wa_id" and _is_form(one.value, number):
            return one.doubt
    cause = "silence" if doubt == STAGES_ONLY else "other_user_id"
    if doubt is None and len(own) < len(had):
        doubt, cause = UNVERIFIED, "given_up"
    elif doubt is None and own and not any(one.value in forms for one in own):
        doubt, cause = UNVERIFIED, "another_number"
    elif doubt is None:
        return next((one.doubt for one in own if one.value in forms), None)
    DOUBTS.labels(cause).inc()
    return doubt


async def put_in_doubt(conn: Connection, person: UUID, number: str, cause: str) -> None:
    """Have a customer's number lead to no business data, which may be its former owner's."""
    if await contacts.doubt(conn, person, wa_id_variants(number), UNVERIFIED):
        DOUBTS.labels(cause).inc()


def _is_form(one: str, other: str) -> bool:
    """Return whether two numbers are forms of the same one."""
    return other in wa_id_variants(one) or are_forms(one, other)
