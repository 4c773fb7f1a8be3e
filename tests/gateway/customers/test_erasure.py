"""The erasure of one person: everything of them goes, nothing of others, and they stay erased."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID

import obstore
import psycopg
import pytest
from obstore.store import LocalStore

from gateway.backup import dumps
from gateway.console.admin.missed import PLACES
from gateway.customers.tombstones import Tombstones
from gateway.store.customers import data_requests
from tests.gateway.support.customers import OLD_ID
from tests.gateway.support.deliveries import MARIA, PAYLOADS, change, payload, raw_message, text, wamid
from tests.gateway.support.meta import status
from tests.gateway.support.office import BEFORE, JOSE, NEEDLE, NEW, Office, deliveries, fill

# The customers of tests/payloads, and times there that may be later than the erasure.
PEOPLE = (MARIA, JOSE, "5511955555555", "BR.1349120865530274", "BR.2481730591287364")
LATER = re.compile(r"\b179[0-9]{7}\b")


@pytest.fixture
def database_role() -> str:
    """Return the role that the process has in production."""
    return "wa_gateway"


async def test_nothing_of_an_erased_person_is_left_in_any_column_or_object(office: Office) -> None:
    contact = await fill(office)
    await office.gateway.receive(text("outra pessoa", wa_id=JOSE))
    keys = (MARIA, NEW, OLD_ID)
    places = await office.everything(NEEDLE, *keys)
    assert {"event", "message", "contact", "contact_key", "note", "draft", "upload", "turn", "conversation", "episode",
            "account_state", "2026/01/attached"} <= set(places)  # fmt: skip
    ended = await office.erase(contact)
    assert (ended.state, ended.facts, ended.error) == ("done", {}, None)
    assert await office.everything(NEEDLE, *keys) == []
    assert ended.report["files"] == 2
    assert ended.report["business"] == {"erased": {"tickets": 1}, "kept": ["notas fiscais"]}
    assert await office.gateway.sql("SELECT count(*) FROM contact") == [(1,)]
    assert [row[2] for row in await office.gateway.messages()] == ["outra pessoa"]
    # What remains in the audit is who did what, without the person's data.
    [(action, subject)] = await office.gateway.sql("SELECT action, subject FROM audit")
    assert (action, subject) == ("customer_erase_done", f"contact:{contact}")


async def test_nothing_is_left_of_any_kind_of_webhook(office: Office) -> None:
    for path in sorted(PAYLOADS.glob("*.json")):
        for delivery in json.loads(LATER.sub(str(BEFORE), path.read_text())).values():
            await office.gateway.take(delivery)
    assert len(await office.everything(*PEOPLE)) > len(PEOPLE)
    for (contact,) in await office.gateway.sql("SELECT id FROM contact"):
        await office.erase(contact)
    for name in PEOPLE:  # those whom only items name
        await office.erase(None, [["user_id" if "." in name else "wa_id", name, None]])
    for _ in range(3):
        await office.gateway.intake.step()
    assert await office.everything(*PEOPLE) == []


async def test_every_former_id_and_thread_is_named_to_the_agent_server(office: Office) -> None:
    contact = await fill(office)
    absorbed = {str(one) for (one,) in await office.gateway.sql("SELECT absorbed_id FROM contact_merge")}
    threads = {str(one) for (one,) in await office.gateway.sql("SELECT id FROM conversation")}
    threads |= {
        one["absorbed"] for (joined,) in await office.gateway.sql("SELECT conversations FROM contact_merge")
        for one in joined
    }  # fmt: skip
    assert absorbed
    assert len(threads) == 2
    await office.erase(contact)
    path, memory = office.agent.asked[0]
    assert path == "/customer/memory/erase"
    assert (set(memory["profiles"]), set(memory["threads"])) == ({str(contact), *absorbed}, threads)
    path, business = office.agent.asked[1]
    assert path == "/customer/business/erase"
    named = {(key["kind"], key["value"]) for key in business["customer"]["customer_keys"]}
    assert {("wa_id", NEW), ("user_id", OLD_ID)} <= named
    assert ("old_wa_id", MARIA) not in named


async def test_all_files_are_named_by_columns_that_backups_read(office: Office, database: str) -> None:
    await fill(office)
    kept = {one["path"] for one in await obstore.list(office.objects).collect_async()}
    with psycopg.connect(database) as conn:
        assert kept == dumps.paths(conn)
    assert len(kept) == 3


async def test_two_admins_at_once_ask_for_one_erasure(office: Office) -> None:
    contact = await fill(office)

    async def ask() -> UUID:
        async with office.pool.connection() as conn:
            return (await data_requests.ask(conn, "erase", contact, "person")).id

    [asked, again] = await asyncio.gather(ask(), ask())
    assert asked == again
    assert (await office.go_on(asked)).state == "done"


async def test_the_console_has_a_name_for_every_step(office: Office) -> None:
    assert {*office.erasure.steps, *office.exports.steps} <= set(PLACES)


async def test_repeated_webhooks_of_an_erased_person_bring_nothing_back(office: Office) -> None:
    old = deliveries()
    await office.gateway.take(*old)
    await office.erase(await office.contact(NEW))
    await office.gateway.take(*old)
    for _ in range(3):
        await office.gateway.intake.step()
    assert await office.everything(NEEDLE, MARIA, NEW, OLD_ID) == []
    assert await office.gateway.sql("SELECT count(*) FROM event") == [(0,)]


async def test_the_same_person_is_a_new_customer_afterwards(office: Office) -> None:
    await office.gateway.take(*deliveries())
    before = await office.contact(NEW)
    await office.erase(before)
    await office.gateway.receive(text("voltei", wa_id=NEW, timestamp=4_000_000_000))
    assert await office.contact(NEW) != before
    assert [row[2] for row in await office.gateway.messages()] == ["voltei"]


async def test_the_very_second_of_the_erasure_counts_as_before_it_and_the_next_one_as_after(office: Office) -> None:
    await office.gateway.take(*deliveries())
    before = await office.contact(NEW)
    await office.erase(before)
    [(second,)] = await office.gateway.sql("SELECT floor(extract(epoch FROM max(sent_before)))::bigint FROM tombstone")
    await office.gateway.receive(text("no mesmo segundo", wa_id=NEW, timestamp=second))
    assert await office.everything(NEEDLE, NEW, "no mesmo segundo") == []
    await office.gateway.receive(text("um depois", wa_id=NEW, timestamp=second + 1))
    assert await office.contact(NEW) != before
    assert [row[2] for row in await office.gateway.messages()] == ["um depois"]


async def test_a_number_that_was_given_up_is_its_next_owners(office: Office) -> None:
    await office.gateway.take(*deliveries())
    await office.gateway.receive(text("sou outra pessoa", wa_id=MARIA, timestamp=BEFORE + 100))
    await office.erase(await office.contact(NEW))
    assert [row[2] for row in await office.gateway.messages()] == ["sou outra pessoa"]
    again = payload(text("de novo", wa_id=MARIA, timestamp=BEFORE + 101))
    await office.gateway.take(again)
    assert [row[2] for row in await office.gateway.messages()] == ["sou outra pessoa", "de novo"]
    assert await office.gateway.sql("SELECT count(*) FROM event") == [(2,)]


async def test_history_keeps_the_messages_of_others(office: Office) -> None:
    def thread(number: str, said: str) -> dict[str, Any]:
        return {"id": number, "messages": [{**raw_message(body=said, at=BEFORE), "from": number}]}

    chunk = {"metadata": {"phase": 0, "chunk_order": 1, "progress": 100},
             "threads": [thread(MARIA, NEEDLE), thread(JOSE, "de José")]}  # fmt: skip
    await office.gateway.receive(text("Olá"))
    await office.erase(await office.contact())
    await office.gateway.take(change({"history": [chunk]}, "history"))
    assert [row[2] for row in await office.gateway.messages()] == ["de José"]
    assert await office.everything(NEEDLE, MARIA) == []
    await office.gateway.take(change({"history": [{**chunk, "threads": [thread(MARIA, NEEDLE)]}]}, "history"))
    assert await office.everything(NEEDLE, MARIA) == []


async def test_a_message_of_somebody_else_who_mentions_the_number_stays(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    contact = await office.contact()
    await office.gateway.receive(text(f"o número dela é {MARIA}", wa_id=JOSE))
    await office.gateway.keep(payload(text(f"repito: {MARIA}", wa_id=JOSE)))  # not processed yet
    await office.erase(contact)
    await office.gateway.intake.step()
    assert len(await office.gateway.messages()) == 2


async def test_a_person_of_whom_there_are_only_webhook_items_is_erased_too(office: Office) -> None:
    await office.gateway.keep(payload(statuses=[status("read", wamid(), recipient=MARIA, timestamp=BEFORE)]))
    await office.gateway.sql("UPDATE event SET state = 'ignored' RETURNING 1")
    ended = await office.erase(None, [["wa_id", MARIA, None]])
    assert (ended.state, ended.report["events"]) == ("done", 1)
    assert await office.everything(MARIA) == []


async def test_the_tombstone_is_in_the_object_store_before_anything_is_erased(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    contact = await office.contact()
    office.erasure._tombstones = Tombstones("the-key", LocalStore("/proc"))  # in which nothing can be written
    waiting = await office.erase(contact)
    assert (waiting.state, waiting.step) == ("waiting", "tombstone")
    assert "the object store does not take tombstones" in str(waiting.error)
    assert len(await office.gateway.messages()) == 1
    office.erasure._tombstones = office.tombstones
    await office.gateway.sql("UPDATE data_request SET due_at = now() RETURNING 1")
    assert (await office.go_on(waiting.id)).state == "done"
    marks = [one["path"] for one in await obstore.list(office.objects).collect_async()]
    assert len(marks) == 2  # both forms of a Brazilian number
    assert all(path.startswith("tombstones/") and MARIA not in path for path in marks)


async def test_a_place_that_does_not_answer_is_said_and_reached_later(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    contact = await office.contact()
    office.agent.statuses, office.agent.left = [503], []
    waiting = await office.erase(contact)
    assert (waiting.state, waiting.step, waiting.attempts) == ("waiting", "memory", 1)
    await office.gateway.sql("UPDATE data_request SET attempts = 14, due_at = now() RETURNING 1")
    office.agent.statuses = [503, 501]
    ended = await office.go_on(waiting.id)
    assert ended.state == "unfinished"
    assert ended.report["not_reached"] == {"memory": "the agent server answered 503"}
    assert ended.report["left"] == {"business": "the company's API has no such call: see to it there"}
    assert await office.gateway.messages() == []
    async with office.pool.connection() as conn:
        await data_requests.ask(conn, "erase", contact, "command")
    ended = await office.go_on(waiting.id)
    assert (ended.state, ended.facts, "not_reached" in ended.report) == ("done", {}, False)


async def test_an_erasure_waits_for_a_run_that_still_writes(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    office.agent.left = [{"runs": 1, "checkpoints": 2, "profiles": 0}, {"runs": 0, "checkpoints": 1, "profiles": 0}]
    waiting = await office.erase(await office.contact())
    assert (waiting.state, waiting.step) == ("waiting", "memory_again")
    await office.gateway.sql("UPDATE data_request SET due_at = now() RETURNING 1")
    assert (await office.go_on(waiting.id)).state == "done"


async def test_a_turn_under_way_ends_without_a_word(office: Office) -> None:
    gateway = office.gateway
    gateway.agent.gate.clear()
    await gateway.receive(text("Olá"))
    await gateway.turns.step()
    await office.erase(await office.contact())
    gateway.agent.gate.set()
    await gateway.turns.drain()
    assert await gateway.messages() == []
    assert await gateway.sql("SELECT count(*) FROM turn") == [(0,)]


async def test_tombstones_come_back_from_the_object_store_after_a_restore(office: Office) -> None:
    old = deliveries()
    await office.gateway.take(*old)
    await office.erase(await office.contact(NEW))
    await office.gateway.sql("DELETE FROM tombstone RETURNING 1")
    async with office.pool.connection() as conn:
        assert await office.tombstones.restore(conn) > 3
    await office.gateway.take(*old)
    assert await office.everything(NEEDLE, NEW) == []


async def test_people_whom_a_restore_brought_back_are_found(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    await office.erase(await office.contact())
    await office.gateway.receive(text("voltei", timestamp=4_000_000_000))
    async with office.pool.connection() as conn:
        assert await office.tombstones.returned(conn) == []
        await conn.execute("UPDATE contact SET created_at = now() - interval '1 year'")  # as a backup has it
        assert await office.tombstones.returned(conn) == [await office.contact()]
