"""The identity of customers: which keys mean the same person, and which no longer do (docs/decisions/identity.md).

A business-scoped user id (BSUID) belongs to one person for ever. A number belongs to a person until they give it up,
and may belong to another person later. Payloads arrive in any order, so each statement counts for its own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.customers import doubts
from gateway.customers.statements import Ids, Statement
from gateway.runtime.telemetry import DOUBTS
from gateway.store.customers import contacts
from gateway.store.customers.contacts import Key, Owner
from gateway.store.customers.merging import merge
from gateway.store.database import Connection
from gateway.whatsapp.numbers import are_forms, wa_id_variants

# Meta tells of a new number at the customer's next contact with the business, when they may have written already.
_NOTICE_DELAY = timedelta(days=1)
_BEFORE_WHATSAPP = datetime(2009, 1, 1, tzinfo=UTC)
_HEARD_AT_PRECISION = timedelta(days=1)  # of the time at which somebody last wrote from a number


async def known(conn: Connection, named: Ids, at: datetime) -> UUID | None:
    """Return the customer whom ids name at a time. None: no customer that we know."""
    found = await contacts.owners(conn, named.strong)
    owner = _of(found, "user_id") or await _owner_at(conn, named, at, found)
    return owner.contact_id if owner else None


async def customer_for(conn: Connection, named: Ids, statement: Statement) -> UUID:
    """Return the customer whom ids name, created if there is none; from now on the ids lead to them.

    Raises:
        ValueError: Nothing names the customer for certain.
        TurnUnderWayError: Two customers turn out to be one, and cannot be merged now.
    """
    if not named.strong:
        raise ValueError("a customer needs a number or a user id")
    found = await contacts.owners(conn, named.strong)
    if (settled := _settled(found, named, statement)) is not None:
        return settled
    await contacts.lock(conn, named.names)
    found = await contacts.owners(conn, named.strong)
    user, number = _of(found, "user_id"), await _owner_at(conn, named, statement.at, found)
    if user and (number is None or number.contact_id == user.contact_id):
        return await _learn(conn, user.contact_id, named, statement, found)
    if number is None:
        return await _learn(conn, await contacts.create(conn), named, statement, found)
    if doubt := await doubts.reason_to_doubt(conn, user, number, named, statement):
        return await _new_owner(conn, user, number, named, statement, found, doubt)
    person = number.contact_id
    if user:
        person = await _merge(conn, user.contact_id, person, statement, "one message named both")
    return await _learn(conn, person, named, statement, found)


async def number_changed(conn: Connection, old: Ids, new: Ids, statement: Statement) -> UUID:
    """Give a customer another number (and user id); later messages from the old number are another person's.

    Return the customer.

    Raises as `customer_for`.
    """
    await contacts.lock(conn, [*old.names, *new.names])
    before = person = await customer_for(conn, old, statement) if await known(conn, old, statement.at) else None
    found = await contacts.owners(conn, new.strong)
    if user := _of(found, "user_id"):
        person = await _merge(conn, person, user.contact_id, statement, "a new number's user id")
    there = await _owner_at(conn, new, statement.at, found)
    # Somebody who has the old number now moves themselves; a notice about a former owner names a number without one.
    moved_before = bool(
        there and old.number and before is None and await contacts.has_given_up(conn, there.contact_id, old.number)
    )
    told_before = moved_before or (there is not None and there.contact_id == before)
    if there and there.contact_id != person:
        if await _is_the_same(conn, there, new, statement, moved_before=moved_before):
            person = await _merge(conn, person, there.contact_id, statement, "a new number")
        elif there.kind == "wa_id":
            await contacts.give_up(conn, there.contact_id, there.value, statement.at)
    person = person or await contacts.create(conn)
    if old.number and old.number != new.number:
        await _give_up(conn, person, old.number, statement.at)
    person = await _learn_both(conn, person, old, new, statement)
    if new.number and old.number != new.number and not told_before:
        await doubts.put_in_doubt(conn, person, new.number, "number_changed")
    return person


async def told_by_receipt(conn: Connection, to: Ids, receipt: Ids, statement: Statement) -> UUID | None:
    """Have the ids in Meta's receipt of a send lead to the customer too; return the customer.

    The number may be another form of ours (Mexico's 521, Argentina's 549). None: the receipt is not believed, because
    its number is no form of ours, or because it gives the first user id to a number that was silent for long. Two
    people whose user ids differ stay two. Raises as `customer_for`.
    """
    form, number = receipt.number, to.number or receipt.number
    if form and number and not are_forms(number, form):
        return None
    await contacts.lock(conn, [*to.names, *receipt.names])
    if await _may_be_anybodys(conn, number, receipt, statement):
        return None
    person = await customer_for(conn, Ids(number, receipt.user_id or to.user_id), statement)
    if form is None or number is None or form in wa_id_variants(number):
        return person
    there = _of(await contacts.owners(conn, Ids(form).strong), "wa_id")
    if there and there.contact_id != person and doubts.is_silent(there, statement):
        await _give_up(conn, there.contact_id, form, statement.at)
        await contacts.doubt(conn, person, wa_id_variants(number), doubts.STAGES_ONLY)
    elif there and there.contact_id != person:
        theirs = await contacts.user_ids(conn, there.contact_id, statement.scopes)
        ours = await contacts.user_ids(conn, person, statement.scopes)
        if theirs and ours and not theirs & ours:
            return person
        person = await _merge(conn, person, there.contact_id, statement, "a receipt named both")
    await contacts.learn_form(conn, person, form, number, statement.at)
    return person


async def user_id_changed(conn: Connection, previous: str | None, current: Ids, statement: Statement) -> UUID:
    """Have a customer's previous and current user ids lead to them; return the customer. Raises as `customer_for`."""
    old = Ids(user_id=previous)
    await contacts.lock(conn, [*old.names, *current.names])
    person = await known(conn, old, statement.at)
    found = await contacts.owners(conn, current.strong)
    if user := _of(found, "user_id"):
        person = await _merge(conn, person, user.contact_id, statement, "a new user id")
    there = await _owner_at(conn, current, statement.at, found)
    doubt = None
    if there and there.contact_id != person:
        others = await contacts.user_ids(conn, there.contact_id, statement.scopes) - {previous, current.user_id}
        if doubts.is_silent(there, statement):
            await _give_up(conn, there.contact_id, there.value, statement.at)
            doubt = doubts.STAGES_ONLY
        elif not others:
            person = await _merge(conn, person, there.contact_id, statement, "a new user id's number")
    return await _learn_both(conn, person or await contacts.create(conn), old, current, statement, doubt)


async def phone_changed(conn: Connection, person: UUID, statement: Statement, hold: timedelta) -> None:
    """Note that a customer's phone or app changed: changes need a proof for so long (hold; zero: not at all)."""
    if hold:
        await contacts.hold_changes(conn, person, statement.at + hold)
        DOUBTS.labels("identity_changed").inc()


async def _learn_both(
    conn: Connection, person: UUID, old: Ids, new: Ids, statement: Statement, doubt: str | None = None
) -> UUID:
    """Have the old user id and all new ids lead to a customer, the new ones as the newer."""
    await _learn(conn, person, replace(old, number=None), replace(statement, at=_BEFORE_WHATSAPP), [])
    if old.user_id and new.user_id and old.user_id != new.user_id:
        await contacts.end_user_id(conn, person, old.user_id, statement.at)
    return await _learn(conn, person, new, statement, await contacts.owners(conn, new.strong), doubt)


def _settled(found: Sequence[Owner], named: Ids, statement: Statement) -> UUID | None:
    """Return the customer if all keys lead to them and there is nothing to learn, as for almost every message."""
    user, number = _of(found, "user_id"), _of(found, "wa_id")
    if named.user_id and (user is None or not set(statement.scopes) <= set(user.scopes)):
        return None
    if named.number and (number is None or statement.at < number.since or number.value != named.number):
        return None
    if (
        number
        and statement.spoken
        and (number.heard_at is None or statement.at - number.heard_at > _HEARD_AT_PRECISION)
    ):
        return None
    if len({owner.contact_id for owner in found}) != 1 or (named.parent and named.parent not in found[0].parents):
        return None
    return found[0].contact_id


def _of(found: Sequence[Owner], kind: str) -> Owner | None:
    return next((owner for owner in found if owner.kind == kind), None)


async def _owner_at(conn: Connection, named: Ids, at: datetime, found: Sequence[Owner]) -> Owner | None:
    """Return the owner of the number at a time; its owner of today if nobody has given it up since."""
    now = _of(found, "wa_id")
    if named.number and (now is None or at < now.since):
        return await contacts.owner_before(conn, wa_id_variants(named.number), at) or now
    return now


async def _give_up(conn: Connection, person: UUID, number: str, at: datetime) -> None:
    """Take a number from a customer from a time on, unless they got it back since then."""
    keys = [Key("wa_id", form) for form in wa_id_variants(number)]
    mine = [owner for owner in await contacts.owners(conn, keys) if owner.contact_id == person]
    for value in [owner.value for owner in mine if owner.since <= at] or ([] if mine else [number]):
        await contacts.give_up(conn, person, value, at)


async def _may_be_anybodys(conn: Connection, number: str | None, receipt: Ids, statement: Statement) -> bool:
    """Return whether a receipt gives an unknown user id to a number that was silent for long."""
    if number is None or receipt.user_id is None:
        return False
    found = await contacts.owners(conn, Ids(number, receipt.user_id).strong)
    owner = _of(found, "wa_id")
    return _of(found, "user_id") is None and owner is not None and doubts.is_silent(owner, statement)


async def _is_the_same(conn: Connection, there: Owner, new: Ids, statement: Statement, *, moved_before: bool) -> bool:
    """Return whether the owner of a customer's new number is that customer, and not the number's former owner.

    moved_before: another number of ours has told us of this change.
    """
    recent = moved_before or there.since >= statement.at - _NOTICE_DELAY
    return recent and not await doubts.is_another_person(conn, there, new, statement.scopes)


async def _new_owner(
    conn: Connection,
    user: Owner | None,
    number: Owner,
    named: Ids,
    statement: Statement,
    found: Sequence[Owner],
    doubt: str,
) -> UUID:
    """Give another customer's number to this one, unless it is old news; the former owner keeps the messages."""
    person = user.contact_id if user else await contacts.create(conn)
    if number.kind == "old_wa_id" or statement.at < number.since:
        if number.kind == "wa_id":  # the owner of today turns out to have a predecessor
            await doubts.put_in_doubt(conn, number.contact_id, number.value, "other_user_id")
        return await _learn(conn, person, replace(named, number=None), statement, [])
    for owner in found:
        if owner.kind == "wa_id" and owner.contact_id == number.contact_id:
            await contacts.give_up(conn, owner.contact_id, owner.value, statement.at)
    return await _learn(conn, person, named, statement, [], doubt)


async def _learn(
    conn: Connection, person: UUID, named: Ids, statement: Statement, found: Sequence[Owner], doubt: str | None = None
) -> UUID:
    """Have ids lead to a customer, except a number that was another customer's at that time or that was given up later.

    doubt: what is in doubt about the number, if the customer did not have it before. Return the customer.
    """
    keys = [Key("user_id", named.user_id)] if named.user_id else []
    elsewhere = any(owner.kind == "wa_id" and owner.contact_id != person for owner in found)
    if named.number and not elsewhere:
        former = await contacts.owner_before(conn, wa_id_variants(named.number), statement.at)
        keys += [] if former else [Key("wa_id", named.number)]
        doubt = await doubts.doubt_about_new_number(conn, person, named.number, doubt)
    keys += [Key("parent_user_id", named.parent)] if named.parent else []
    await contacts.learn(conn, person, keys, statement.at, statement.scopes, doubt=doubt)
    if named.number and statement.spoken:
        await contacts.heard(conn, person, named.number, statement.at)
    return person


async def _merge(conn: Connection, one: UUID | None, other: UUID, statement: Statement, reason: str) -> UUID:
    if one is None or one == other:
        return other
    merged = await merge(conn, one, other, reason=reason, event_id=statement.event_id)
    for conversation_id in merged.conversations:
        await statement.quiet.schedule(conn, conversation_id)
    return merged.contact_id
