"""Taking a conversation through the console's own address, as two browsers do."""

import asyncio
from uuid import UUID

import httpx
import psycopg

from gateway.store.people.people import Role
from tests.gateway.console.conftest import HOST, HTML, Browser, person
from tests.gateway.console.desk import Desk


async def test_two_people_press_at_once_a_hundred_times_and_one_wins_each_time(
    desk, database, pool, open_console
) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    desk.said(conversation, "Olá")
    both = {}
    for login in ("ana", "rui"):
        found = await person(pool, login, Role.ATTENDANT)
        browser = await open_console()
        await browser.sign_in(login)
        token = browser.token((await browser.get("/console/account", headers=HTML)).text)
        both[found.name] = (found.id, browser, {"origin": HOST, "x-csrf-token": token})
    for _ in range(100):
        version = wait_for_a_person(desk, database, conversation)
        answers = dict(
            zip(
                both,
                await asyncio.gather(*(take(*one[1:], conversation, version) for one in both.values())),
                strict=True,
            )
        )
        [winner] = [name for name, answer in answers.items() if answer.status_code == 200]
        [loser] = [answer for answer in answers.values() if answer.status_code == 409]
        assert loser.json()["winner"] == winner
        assert winner in loser.json()["error"]
        assert answers[winner].json()["assignee_id"] == str(both[winner][0])
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM audit WHERE action = 'taken'").fetchone() == (100,)


def wait_for_a_person(desk: Desk, database: str, conversation: UUID) -> int:
    """Have nobody hold the conversation, and return its version."""
    desk.set(conversation, assignee_id=None)
    desk.waits(conversation, "Pediu uma pessoa")
    with psycopg.connect(database) as conn:
        return conn.execute("SELECT version FROM conversation WHERE id = %s", (conversation,)).fetchone()[0]


async def take(browser: Browser, headers: dict[str, str], conversation: UUID, version: int) -> httpx.Response:
    path = f"/console/conversations/{conversation}/take"
    return await browser.post(path, json={"version": version}, headers=headers)
