"""Numbers change hands in any order: nobody gets a former owner's data, and a returning customer keeps their own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.customers.identity import customer_for, number_changed
from gateway.customers.statements import Ids, Statement
from gateway.store.customers import contacts
from gateway.store.database import Pool
from tests.gateway.customers.test_identity_properties import emptied, resolved
from tests.gateway.support.deliveries import T

SILENCE = timedelta(days=90)
NUMBERS = ("5511987650001", "5511987650002", "521551234567")
DAY = 86_400


@dataclass(frozen=True)
class Step:
    """After some days a person, perhaps the present owner, gets the number and writes from it.

    told: Meta reports that they moved from their former number. hidden: this message has no user id.
    """

    person: int
    number: int
    days: int
    told: bool
    hidden: bool


# Meta gives another user id with another number. A number that changes hands rests for half a year before.
steps = st.lists(
    st.builds(Step, st.integers(0, 2), st.integers(0, 2), st.sampled_from([1, 30, 89]), st.booleans(), st.booleans()),
    min_size=2, max_size=7,
)  # fmt: skip
REST = 181


@dataclass
class World:
    """The present and former owner of each number, and the contact of each person."""

    pool: Pool
    with_user_ids: bool
    at: int = T
    event: int = 0

    def __post_init__(self) -> None:
        self.has: dict[int, int] = {}  # person: number
        self.had: dict[int, list[int]] = {}  # number: persons, in order
        self.moves: dict[int, int] = {}

    async def take(self, step: Step) -> UUID:
        """Perform a step, and return the person who wrote."""
        old = self.has.get(step.person)
        if old != step.number:
            self.has = {person: number for person, number in self.has.items() if number != step.number}
            self.at += REST * DAY if self.had.get(step.number) else 0
        self.at += step.days * DAY
        before = self.user_id(step.person) if old is not None else None
        if old is not None and old != step.number:
            self.moves[step.person] = self.moves.get(step.person, 0) + 1
        self.has[step.person] = step.number
        self.had.setdefault(step.number, []).append(step.person)
        if step.told and old is not None and old != step.number:
            async with self.pool.connection() as conn, conn.transaction():
                new = Ids(NUMBERS[step.number], self.user_id(step.person))
                await number_changed(conn, Ids(NUMBERS[old], before), new, self.said())
        named = Ids(NUMBERS[step.number], None if step.hidden else self.user_id(step.person))
        async with self.pool.connection() as conn, conn.transaction():
            return await customer_for(conn, named, self.said())

    def user_id(self, person: int) -> str | None:
        return f"BR.{person}x{self.moves.get(person, 0)}" if self.with_user_ids else None

    def said(self) -> Statement:
        self.event += 1
        self.at += 60
        at = datetime.fromtimestamp(self.at, UTC)
        return Statement(at, "1", ("account",), self.event, spoken=True, silence=SILENCE)

    def changed_hands(self, number: int) -> bool:
        """Return whether the number ever belonged to another person than its present owner."""
        return len(set(self.had[number])) > 1


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps, with_user_ids=st.booleans())
@example(  # the one who lost the first number has the second one, which the other then takes, with a notice
    story=[
        Step(0, 0, 1, False, False),
        Step(1, 0, 1, False, False),
        Step(0, 1, 1, False, False),
        Step(1, 1, 1, True, False),
    ],
    with_user_ids=True,
)
@example(  # the same without user ids, where the first one had moved with a notice
    story=[
        Step(0, 0, 1, False, False),
        Step(0, 1, 1, True, False),
        Step(1, 0, 1, False, False),
        Step(1, 1, 1, True, False),
    ],
    with_user_ids=False,
)
async def test_nobody_gets_what_was_a_former_owners(pool: Pool, story: list[Step], with_user_ids: bool) -> None:
    await emptied(pool)
    world, who = World(pool, with_user_ids), list[tuple[int, UUID]]()
    for step in story:
        contact = await world.take(step)
        who.append((step.person, contact))
        async with pool.connection() as conn:
            level = (await contacts.identity_of(conn, contact)).verification
        # Business data under this number may be somebody else's: not all of it is given.
        assert level != "verified" or not world.changed_hands(step.number)
    known = [(person, await resolved(pool, contact)) for person, contact in who]
    # A thread, a profile and a history are a contact's: no two people ever are one.
    assert all(one == other or a != b for one, a in known for other, b in known)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 89), min_size=1, max_size=8),
    ids_from=st.integers(0, 8),
    hidden=st.sets(st.integers(0, 8)),
    form=st.sampled_from(["5511987650001", "551187650001"]),
)
async def test_who_comes_back_within_the_time_loses_nothing(
    pool: Pool, gaps: list[int], ids_from: int, hidden: set[int], form: str
) -> None:
    """The number was stored before or after user ids existed, with or without the ninth digit."""
    await emptied(pool)
    at, found = T, set[UUID]()
    for place, gap in enumerate([0, *gaps]):
        at += gap * DAY
        user = "BR.1" if place >= ids_from and place not in hidden else None
        number = form if place % 2 else "5511987650001"
        said = Statement(datetime.fromtimestamp(at, UTC), "1", ("account",), place, spoken=True, silence=SILENCE)
        async with pool.connection() as conn, conn.transaction():
            found.add(await customer_for(conn, Ids(number, user), said))
            assert (await contacts.identity_of(conn, next(iter(found)))).verification == "verified"
    assert len(found) == 1
