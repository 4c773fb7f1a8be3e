"""Who a customer is: which keys mean the same person, and which no longer do (docs/decisions/identity.md).

A business-scoped user id (BSUID) is a person's for ever; a number is a person's until they give it up, and may then be
somebody else's. Payloads arrive in any order, so every statement counts for the time that it was made at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.runtime.telemetry import DOUBTS
from gateway.store.conversations import QuietPeriod
from gateway.store.customers import contacts
from gateway.store.customers.contacts import Key, Owner
from gateway.store.customers.merging import merge
from gateway.store.database import Connection
from gateway.whatsapp.numbers import are_forms, wa_id_variants
from gateway.whatsapp.webhooks.events import Customer

# Meta tells of a new number at the customer's next contact with the business, when they may have written already.
_NOTICE = timedelta(days=1)
_LONG_AGO = datetime(2009, 1, 1, tzinfo=UTC)  # before WhatsApp
_HEARD = timedelta(days=1)  # how exactly it is kept when a number was last heard

#: What a number may lead to in business data: see docs/decisions/identity.md.
STAGES_ONLY, UNVERIFIED = "stages_only", "unverified"


@dataclass(frozen=True, slots=True)
class Ids:
    """How a payload names a customer. number: digits only; parent: shared by linked portfolios, leads nowhere."""

    number: str | None = None
    user_id: str | None = None
    parent: str | None = None

    @property
    def strong(self) -> list[Key]:
        """The keys that lead to one person, the surer one first; a number under each of its forms."""
        numbers = wa_id_variants(self.number) if self.number else []
        user = [Key("user_id", self.user_id)] if self.user_id else []
        return [*user, *(Key("wa_id", number) for number in numbers)]

    @property
    def names(self) -> list[str]:
        """What to lock: one name a person's key, whatever its form."""
        number = min(wa_id_variants(self.number)) if self.number else None
        return [name for name in (number, self.user_id) if name]


@dataclass(frozen=True, slots=True)
class Statement:
    """When, to which number and account of ours, and by which event something was said about customers.

    scope: the business account (WABA), of whose user ids a customer has one at a time; else the number.
    spoken: the customer themselves wrote or called, then. silence: a number that nobody wrote from for longer may be
    another person's now; None: nothing follows from silence (history, what the business itself does).
    """

    at: datetime
    channel_id: str
    scope: str
    event_id: int
    quiet: QuietPeriod = field(default_factory=lambda: QuietPeriod(0, 0))
    spoken: bool = False
    silence: timedelta | None = None


def ids(customer: Customer) -> Ids:
    """How a customer is named; a plus is no part of a number."""
    number = (customer.wa_id or "").removeprefix("+")
    return Ids(number or None, customer.user_id, customer.parent_user_id)


async def known(conn: Connection, named: Ids, at: datetime) -> UUID | None:
    """The customer whom ids name at a time; None: nobody we know."""
    found = await contacts.owners(conn, named.strong)
    owner = _of(found, "user_id") or await _owner_at(conn, named, at, found)
    return owner.contact_id if owner else None


async def customer_for(conn: Connection, named: Ids, said: Statement) -> UUID:
    """The customer whom ids name, made when there is none; the ids lead to them afterwards.

    Raises:
        ValueError: Nothing names the customer for certain.
        TurnUnderWayError: Two customers turn out to be one, and cannot be merged now.
    """
    if not named.strong:
        raise ValueError("a customer needs a number or a user id")
    found = await contacts.owners(conn, named.strong)
    if (settled := _settled(found, named, said)) is not None:
        return settled
    await contacts.lock(conn, named.names)
    found = await contacts.owners(conn, named.strong)
    user, number = _of(found, "user_id"), await _owner_at(conn, named, said.at, found)
    if user and (number is None or number.contact_id == user.contact_id):
        return await _learn(conn, user.contact_id, named, said, found)
    if number is None:
        return await _learn(conn, await contacts.create(conn), named, said, found)
    if doubt := await _changed_hands(conn, user, number, named, said):
        return await _new_owner(conn, user, number, named, said, found, doubt)
    person = number.contact_id
    if user:
        person = await _merge(conn, user.contact_id, person, said, "one message named both")
    return await _learn(conn, person, named, said, found)


async def number_changed(conn: Connection, old: Ids, new: Ids, said: Statement) -> UUID:
    """A customer has another number (and user id): the keys join; what the old number sends later is another's.

    Raises as `customer_for`.
    """
    await contacts.lock(conn, [*old.names, *new.names])
    before = person = await customer_for(conn, old, said) if await known(conn, old, said.at) else None
    found = await contacts.owners(conn, new.strong)
    if user := _of(found, "user_id"):
        person = await _merge(conn, person, user.contact_id, said, "a new number's user id")
    there = await _owner_at(conn, new, said.at, found)
    told_before = there is not None and (
        there.contact_id == before
        or bool(old.number and await contacts.has_given_up(conn, there.contact_id, old.number))
    )
    if there and there.contact_id != person:
        if await _is_the_same(conn, there, old, new, said):
            person = await _merge(conn, person, there.contact_id, said, "a new number")
        elif there.kind == "wa_id":
            await contacts.give_up(conn, there.contact_id, there.value, said.at)
    person = person or await contacts.create(conn)
    if old.number and old.number != new.number:
        await _give_up(conn, person, old.number, said.at)
    person = await _learn_both(conn, person, old, new, said)
    if new.number and old.number != new.number and not told_before:
        await _doubt(conn, person, new.number, "number_changed")
    return person


async def told_by_receipt(conn: Connection, to: Ids, receipt: Ids, said: Statement) -> UUID | None:
    """Meta's receipt of a send to a customer calls them by other ids: from now on those lead to them too.

    The number may be another form of ours (Mexico's 521, Argentina's 549); a receipt whose number cannot be one is not
    believed: None; nor is a first user id on a number that was silent for long. Two people whose user ids differ stay
    two. Raises as `customer_for`.
    """
    form, number = receipt.number, to.number or receipt.number
    if form and number and not are_forms(number, form):
        return None
    await contacts.lock(conn, [*to.names, *receipt.names])
    if await _is_anybodys(conn, number, receipt, said):
        return None
    person = await customer_for(conn, Ids(number, receipt.user_id or to.user_id), said)
    if form is None or number is None or form in wa_id_variants(number):
        return person
    there = _of(await contacts.owners(conn, Ids(form).strong), "wa_id")
    if there and there.contact_id != person and _silent(there, said):
        await _give_up(conn, there.contact_id, form, said.at)
        await contacts.doubt(conn, person, wa_id_variants(number), STAGES_ONLY)
    elif there and there.contact_id != person:
        theirs = await contacts.user_ids(conn, there.contact_id, said.scope)
        ours = await contacts.user_ids(conn, person, said.scope)
        if theirs and ours and not theirs & ours:
            return person
        person = await _merge(conn, person, there.contact_id, said, "a receipt named both")
    await contacts.learn_form(conn, person, form, number, said.at)
    return person


async def user_id_changed(conn: Connection, previous: str | None, current: Ids, said: Statement) -> UUID:
    """A customer has another user id; both lead to them from now on. Raises as `customer_for`."""
    old = Ids(user_id=previous)
    await contacts.lock(conn, [*old.names, *current.names])
    person = await known(conn, old, said.at)
    found = await contacts.owners(conn, current.strong)
    if user := _of(found, "user_id"):
        person = await _merge(conn, person, user.contact_id, said, "a new user id")
    there = await _owner_at(conn, current, said.at, found)
    doubt = None
    if there and there.contact_id != person:
        others = await contacts.user_ids(conn, there.contact_id, said.scope) - {previous, current.user_id}
        if _silent(there, said):
            await _give_up(conn, there.contact_id, there.value, said.at)
            doubt = STAGES_ONLY
        elif not others:
            person = await _merge(conn, person, there.contact_id, said, "a new user id's number")
    return await _learn_both(conn, person or await contacts.create(conn), old, current, said, doubt)


async def phone_changed(conn: Connection, person: UUID, said: Statement, hold: timedelta) -> None:
    """WhatsApp says that a customer's phone or app is another one: for a while changes need a proof."""
    if hold:
        await contacts.hold_changes(conn, person, said.at + hold)
        DOUBTS.labels("identity_changed").inc()


async def _learn_both(
    conn: Connection, person: UUID, old: Ids, new: Ids, said: Statement, doubt: str | None = None
) -> UUID:
    """Have the old user id and all new ids lead to a customer, the new ones as the newer."""
    await _learn(conn, person, replace(old, number=None), replace(said, at=_LONG_AGO), [])
    if old.user_id and new.user_id and old.user_id != new.user_id:
        await contacts.end_user_id(conn, person, old.user_id, said.at)
    return await _learn(conn, person, new, said, await contacts.owners(conn, new.strong), doubt)


def _settled(found: Sequence[Owner], named: Ids, said: Statement) -> UUID | None:
    """The customer, where all keys lead there and there is nothing to learn: the way of almost every message."""
    user, number = _of(found, "user_id"), _of(found, "wa_id")
    if named.user_id and (user is None or said.scope not in user.scopes):
        return None
    if named.number and (number is None or said.at < number.since or number.value != named.number):
        return None
    if number and said.spoken and (number.heard_at is None or said.at - number.heard_at > _HEARD):
        return None
    if len({owner.contact_id for owner in found}) != 1 or (named.parent and named.parent not in found[0].parents):
        return None
    return found[0].contact_id


def _of(found: Sequence[Owner], kind: str) -> Owner | None:
    return next((owner for owner in found if owner.kind == kind), None)


async def _owner_at(conn: Connection, named: Ids, at: datetime, found: Sequence[Owner]) -> Owner | None:
    """Whose the number was at a time; its owner of today where nobody has given it up since."""
    now = _of(found, "wa_id")
    if named.number and (now is None or at < now.since):
        return await contacts.owner_before(conn, wa_id_variants(named.number), at) or now
    return now


async def _give_up(conn: Connection, person: UUID, number: str, at: datetime) -> None:
    """A customer has no such number from a time on; what they got back since then stays."""
    keys = [Key("wa_id", form) for form in wa_id_variants(number)]
    mine = [owner for owner in await contacts.owners(conn, keys) if owner.contact_id == person]
    for value in [owner.value for owner in mine if owner.since <= at] or ([] if mine else [number]):
        await contacts.give_up(conn, person, value, at)


async def _differs(conn: Connection, number: Owner, named: Ids, scope: str) -> bool:
    """Whether the same account of ours has heard of the owner by another user id: then it is another person.

    Of who gave the number up only the ids count that they had with it: a new number comes with a new id.
    """
    if named.user_id is None:
        return False
    by_channel = await contacts.user_ids(conn, number.contact_id, scope, number.until)
    return bool(by_channel) and named.user_id not in by_channel


async def _changed_hands(
    conn: Connection, user: Owner | None, number: Owner, named: Ids, said: Statement
) -> str | None:
    """What is in doubt about a number that has an owner and that a message names now; None: it is theirs still."""
    if await _differs(conn, number, named, said.scope):
        return UNVERIFIED
    if user and (doubt := await _doubt_of_another(conn, user, named)):
        return doubt
    return STAGES_ONLY if _silent(number, said) else None


async def _doubt_of_another(conn: Connection, user: Owner, named: Ids) -> str | None:
    """What is in doubt about a number of somebody's who is known by another one; None: they have no other one.

    Their own, which only silence had taken from them, is theirs again, as far as one can tell.
    """
    forms = wa_id_variants(named.number or "")
    known = await contacts.numbers(conn, user.contact_id, forms)
    own = [one for one in known if one.contact_id == user.contact_id]
    if not own or any(one.kind == "wa_id" and _is_form(one.value, named.number or "") for one in own):
        return None
    was_theirs = any(one.value in forms for one in own)
    suspected = all(one.doubt == STAGES_ONLY for one in known if one.contact_id != user.contact_id)
    return STAGES_ONLY if was_theirs and suspected else UNVERIFIED


def _is_form(one: str, other: str) -> bool:
    return other in wa_id_variants(one) or are_forms(one, other)


def _silent(number: Owner, said: Statement) -> bool:
    """Whether nobody wrote from a number for so long that it may be another person's now."""
    if said.silence is None or number.kind != "wa_id" or number.heard_at is None:
        return False
    return said.at - number.heard_at > said.silence


async def _is_anybodys(conn: Connection, number: str | None, receipt: Ids, said: Statement) -> bool:
    """Whether a receipt names a person by an id that nobody knows, on a number that was silent for long."""
    if number is None or receipt.user_id is None:
        return False
    found = await contacts.owners(conn, Ids(number, receipt.user_id).strong)
    owner = _of(found, "wa_id")
    return _of(found, "user_id") is None and owner is not None and _silent(owner, said)


async def _is_the_same(conn: Connection, there: Owner, old: Ids, new: Ids, said: Statement) -> bool:
    """Whether whom we know by a customer's new number is that customer, and not who had the number before."""
    if old.number and await contacts.has_given_up(conn, there.contact_id, old.number):
        return True  # another number of ours has told us of this change
    return there.since >= said.at - _NOTICE and not await _differs(conn, there, new, said.scope)


async def _new_owner(
    conn: Connection,
    user: Owner | None,
    number: Owner,
    named: Ids,
    said: Statement,
    found: Sequence[Owner],
    doubt: str,
) -> UUID:
    """The number was somebody else's, who keeps what was said; it is this customer's now, unless this is old news."""
    person = user.contact_id if user else await contacts.create(conn)
    if number.kind == "old_wa_id" or said.at < number.since:
        if number.kind == "wa_id":  # somebody had it before them, as it turns out
            await _doubt(conn, number.contact_id, number.value, "other_user_id")
        return await _learn(conn, person, replace(named, number=None), said, [])
    for owner in found:
        if owner.kind == "wa_id" and owner.contact_id == number.contact_id:
            await contacts.give_up(conn, owner.contact_id, owner.value, said.at)
    return await _learn(conn, person, named, said, [], doubt)


async def _learn(
    conn: Connection, person: UUID, named: Ids, said: Statement, found: Sequence[Owner], doubt: str | None = None
) -> UUID:
    """Have ids lead to a customer; a number does not that was another's then, or that they gave up later.

    doubt: what is in doubt about the number, where the customer did not have it before.
    """
    keys = [Key("user_id", named.user_id)] if named.user_id else []
    elsewhere = any(owner.kind == "wa_id" and owner.contact_id != person for owner in found)
    if named.number and not elsewhere:
        former = await contacts.owner_before(conn, wa_id_variants(named.number), said.at)
        keys += [] if former else [Key("wa_id", named.number)]
        doubt = await _doubt_of(conn, person, named.number, doubt)
    keys += [Key("parent_user_id", named.parent)] if named.parent else []
    await contacts.learn(conn, person, keys, said.at, said.scope, doubt=doubt)
    if named.number and said.spoken:
        await contacts.heard(conn, person, named.number, said.at)
    return person


async def _doubt_of(conn: Connection, person: UUID, number: str, doubt: str | None) -> str | None:
    """What is in doubt about a number that a customer gets: all, where somebody else or they another one had before.

    doubt: what is known to be in doubt about it. Another form of a number that they have is as sure as that one.
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


async def _doubt(conn: Connection, person: UUID, number: str, cause: str) -> None:
    """A number that is a customer's says nothing about business data, which may be its former owner's."""
    if await contacts.doubt(conn, person, wa_id_variants(number), UNVERIFIED):
        DOUBTS.labels(cause).inc()


async def _merge(conn: Connection, one: UUID | None, other: UUID, said: Statement, reason: str) -> UUID:
    if one is None or one == other:
        return other
    return await merge(conn, one, other, said.quiet, reason=reason, event_id=said.event_id)
