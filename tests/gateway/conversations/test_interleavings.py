"""Two people, the agent, the phone app and a customer act in any order: the rules of a conversation hold."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from gateway.conversations import closing, holding, upkeep, writing
from gateway.conversations.errors import ConversationError
from gateway.store.database import make_pool
from gateway.store.desk.standing import Standing
from gateway.store.people.people import Person
from tests.gateway.support.deliveries import echo, text
from tests.gateway.support.harness import NO_QUIET, Gateway
from tests.gateway.support.people import now, person

WHO = st.sampled_from([0, 1])


class Interleavings(RuleBasedStateMachine):
    """One conversation. The version that a person saw may be old when the person acts."""

    url: str
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def _begin(self) -> None:
        self.pool = make_pool(self.url, 4)
        await self.pool.open(wait=True)
        self.gateway = Gateway(self.pool)
        await self.gateway.sql("TRUNCATE contact, conversation, message, event, person, change CASCADE")
        await self.gateway.receive(text("Olá"))
        self.people: list[Person] = [await person(self.gateway, "Ana"), await person(self.gateway, "Rui")]
        first = await now(self.gateway)
        self.seen: list[Standing] = [first, first]
        self.claimed: list[Any] = []
        self.agent_holds_at_offer: list[bool] = []

    def teardown(self) -> None:
        self.run(self.gateway.turns.drain())
        self.run(self.pool.close())

    # What may happen ---------------------------------------------------------------------------------------------

    @rule()
    def customer_writes(self) -> None:
        self.run(self.gateway.receive(text("e o prazo?")))

    @rule()
    def customer_thanks(self) -> None:
        self.run(self.gateway.receive(text("Obrigado!")))

    @rule()
    def phone_app_writes(self) -> None:
        self.run(self.gateway.take(echo("Aqui é da loja", int(time.time()))))

    @rule(calls=st.booleans())
    def agent_answers(self, calls: bool) -> None:  # hypothesis gives it
        handoff = {"reason": "pediu", "summary": ""} if calls else None
        self.gateway.agent.answer = lambda given: {
            "turn_id": given["turn_id"], "replies": [{"type": "text", "text": "Oi"}], "handoff": handoff,
        }  # fmt: skip
        self.run(self.gateway.settle())

    @rule()
    def sender_claims(self) -> None:
        async def claim() -> None:
            async with self.pool.connection() as conn:
                self.claimed += await self.gateway.sender._claim(conn, 5)

        self.run(claim())

    @precondition(lambda self: self.claimed)
    @rule()
    def sender_sends(self) -> None:
        message = self.claimed.pop(0)
        before, standing = len(self.gateway.meta.bodies), self.run(now(self.gateway))
        [(author, handed)] = self.run(
            self.gateway.sql(
                """SELECT m.author, m.created_at = c.held_since FROM message m JOIN conversation c
                   ON c.id = m.conversation_id WHERE m.id = %s""",
                message.id,
            )
        )
        self.run(self.gateway.sender._send(message))
        if author == "agent" and len(self.gateway.meta.bodies) > before:
            assert standing.state in ("open", "closed") or (standing.state == "waiting" and handed)

    @rule(who=WHO)
    def person_looks(self, who: int) -> None:
        self.seen[who] = self.run(now(self.gateway))

    @rule(who=WHO, act=st.sampled_from(["take", "over", "back", "close", "snooze", "queue", "send"]))
    def person_acts(self, who: int, act: str) -> None:
        self.run(self._act(who, act))

    async def _act(self, who: int, act: str) -> None:
        me, other, seen = self.people[who], self.people[1 - who], self.seen[who]
        before = await now(self.gateway)
        try:
            async with self.pool.connection() as conn:
                match act:
                    case "take":
                        after = await holding.take(conn, seen.id, me, seen.version)
                    case "over":
                        after = await holding.take(conn, seen.id, me, seen.version, from_person=other.id)
                    case "back":
                        after = await holding.hand_back(conn, seen.id, me, seen.version, NO_QUIET)
                    case "close":
                        after = await closing.close(conn, seen.id, me, seen.version)
                    case "snooze":
                        after = await holding.snooze(conn, seen.id, me, seen.version, None)
                    case "queue":
                        after = await holding.assign(conn, seen.id, me, seen.version, None)
                    case _:
                        await writing.send(conn, seen.id, me, [{"type": "text", "text": "Oi"}])
                        assert before.assignee_id == me.id
                        assert (await self._waits()) is None
                        return
        except ConversationError:
            assert await now(self.gateway) == before
            return
        assert before.version == seen.version or (act in ("take", "over") and before.assignee_id == me.id)
        self.seen[who] = after

    async def _waits(self) -> Any:
        return (await self.gateway.sql("SELECT waits_since FROM conversation"))[0][0]

    @rule()
    def time_passes(self) -> None:
        async def passes() -> None:
            async with self.pool.connection() as conn:
                await upkeep.wake_due(conn)
                await upkeep.keep_up(conn, 24)

        self.run(passes())

    # What holds always -------------------------------------------------------------------------------------------

    @invariant()
    def an_episode_is_open_exactly_while_the_conversation_is(self) -> None:
        [(closed, episodes)] = self.run(
            self.gateway.sql(
                """SELECT c.closed_at IS NOT NULL, (SELECT count(*) FROM episode e WHERE e.closed_at IS NULL)
                   FROM conversation c"""
            )
        )
        assert episodes == (0 if closed else 1)

    @invariant()
    def what_nobody_answered_is_waited_for(self) -> None:
        [(state, waits, oldest)] = self.run(
            self.gateway.sql("SELECT state, waits_since, unanswered_since(id) FROM conversation")
        )
        if state == "closed":
            assert waits is None
        elif oldest is not None:
            assert waits is not None

    @invariant()
    def only_a_persons_conversation_has_an_assignee(self) -> None:
        standing = self.run(now(self.gateway))
        assert (standing.assignee_id is not None) <= (standing.state in ("taken", "snoozed"))


def test_whatever_happens(database: str) -> None:
    loop = asyncio.new_event_loop()

    class Here(Interleavings):
        """The machine over this test's database."""

    Here.url, Here.loop = database, loop
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Here,
            settings=settings(
                max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        loop.close()
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM conversation").fetchone() is not None
