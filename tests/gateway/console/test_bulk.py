"""Decisions about many conversations, and taking them back."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from gateway.store.people.people import Role
from tests.gateway.console.conftest import HOST, HTML, Browser
from tests.gateway.console.desk import Desk


@pytest.fixture
def states(database) -> Callable[[], list[tuple[Any, ...]]]:
    """`states()`: state, whether assigned, whether an episode is open, and tags of the conversations, oldest first."""
    with psycopg.connect(database, autocommit=True) as conn:
        yield lambda: conn.execute(
            """SELECT state, assignee_id IS NOT NULL,
                      EXISTS (SELECT FROM episode WHERE conversation_id = c.id AND closed_at IS NULL),
                      (SELECT count(*) FROM conversation_tag WHERE conversation_id = c.id)
               FROM conversation c ORDER BY created_at"""
        ).fetchall()


async def seed(desk: Desk, database: str) -> list[dict[str, Any]]:
    ids = [desk.conversation(f"c{place}", f"551190000000{place}") for place in range(3)]
    for one in ids:
        desk.said(one, "Oi", minutes=5)
        desk.waits(one, "Pediu uma pessoa", minutes=4)
    with psycopg.connect(database) as conn:
        return [
            {
                "id": str(one),
                "version": conn.execute("SELECT version FROM conversation WHERE id = %s", (one,)).fetchone()[0],
                "last_seen": conn.execute("SELECT max(seq) FROM message WHERE conversation_id = %s", (one,)).fetchone()[
                    0
                ],
            }
            for one in ids
        ]


async def send(browser: Browser, path: str, body: dict[str, Any]) -> Any:
    token = browser.token((await browser.get("/console/account", headers=HTML)).text)
    return await browser.post(path, json=body, headers={"origin": HOST, "x-csrf-token": token})


WAITING = ("waiting", False, True, 0)


async def test_each_decision_is_made_for_all_and_taken_back(desk, database, signed_in, states) -> None:
    items = await seed(desk, database)
    browser = await signed_in(Role.ATTENDANT)
    with psycopg.connect(database) as conn:
        me = conn.execute("SELECT id FROM person").fetchone()[0]
    for action, values, then in (
        ("assign", {"to": str(me)}, ("taken", True, True, 0)),
        ("snooze", {"until": None}, ("snoozed", False, True, 0)),
        ("close", {"reason": "Resolvido"}, ("closed", False, False, 0)),
        ("tag", {"name": "<b>VIP</b>"}, ("waiting", False, True, 1)),
    ):
        told = (await send(browser, "/console/bulk", {"action": action, "items": items, **values})).json()
        assert len(told["changed"]) == 3, (action, told)
        assert told["refused"] == []
        assert states() == [then] * 3
        undone = (await send(browser, "/console/bulk/undo", {"undo": told["undo"]})).json()
        assert len(undone["changed"]) == 3, (action, undone)
        assert states() == [WAITING] * 3, action
        with psycopg.connect(database) as conn:
            for item in items:
                row = conn.execute("SELECT version FROM conversation WHERE id = %s", (item["id"],)).fetchone()
                item["version"] = row[0]
    assert "&lt;b&gt;VIP" in (await browser.get("/console/", headers=HTML)).text


async def test_a_conversation_that_was_closed_by_mistake_waits_as_long_and_for_the_same_reason(
    desk, database, signed_in
) -> None:
    items = await seed(desk, database)
    desk.waits(items[0]["id"], "Reclamação", "A lente quebrou duas vezes.", minutes=90)
    browser = await signed_in(Role.ATTENDANT)
    query = "SELECT handoff_reason, handoff_summary, waits_since FROM conversation ORDER BY created_at"
    with psycopg.connect(database, autocommit=True) as conn:
        before = conn.execute(query).fetchall()
        told = (await send(browser, "/console/bulk", {"action": "close", "items": items})).json()
        assert conn.execute(query).fetchall() == [(None, None, None)] * 3
        await send(browser, "/console/bulk/undo", {"undo": told["undo"]})
        assert conn.execute(query).fetchall() == before


async def test_what_changed_meanwhile_is_refused_and_not_undone(desk, database, signed_in, states) -> None:
    items = await seed(desk, database)
    desk.said(items[0]["id"], "Mais uma coisa")
    items[1]["version"] -= 1
    browser = await signed_in(Role.ATTENDANT)
    told = (await send(browser, "/console/bulk", {"action": "close", "items": items})).json()
    assert told["changed"] == [items[2]["id"]]
    assert len(told["refused"]) == 2
    desk.set(items[2]["id"], department="vendas")  # a later decision, of which nothing is undone
    before = states()
    undone = (await send(browser, "/console/bulk/undo", {"undo": told["undo"]})).json()
    assert undone["changed"] == []
    assert states() == before


async def test_a_tag_that_was_there_stays_at_the_undo(desk, database, signed_in, states) -> None:
    items = await seed(desk, database)
    browser = await signed_in(Role.ATTENDANT)
    await send(browser, "/console/bulk", {"action": "tag", "name": "VIP", "items": items[:1]})
    told = (await send(browser, "/console/bulk", {"action": "tag", "name": "vip", "items": items})).json()
    await send(browser, "/console/bulk/undo", {"undo": told["undo"]})
    assert [row[3] for row in states()] == [1, 0, 0]


async def test_other_departments_and_forged_undos_change_nothing(desk, database, signed_in, states) -> None:
    items = await seed(desk, database)
    for item in items:
        desk.set(item["id"], department="suporte")
        item["version"] += 1
    browser = await signed_in(Role.ATTENDANT, departments=["vendas"])
    for action in ({"action": "close"}, {"action": "tag", "name": "x"}):
        told = (await send(browser, "/console/bulk", {**action, "items": items})).json()
        assert told["changed"] == []
        assert told["undo"] is None
    for undo in ("", "e30=.", "e30=.abc", "é.ü"):
        assert (await send(browser, "/console/bulk/undo", {"undo": undo})).status_code == 400
    for body in ({}, {"items": items}, {"items": [1]}, {"items": [{}], "action": "close"}, {"items": items * 40}):
        assert (await send(browser, "/console/bulk", body)).status_code == 400
    assert states() == [WAITING] * 3
