"""The export of one person: all of it, for programs and for people, and nothing of others."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import obstore
import pytest
from obstore.store import LocalStore

from gateway.customers import export as export_module
from gateway.customers.export import File, NoContactError, Written
from gateway.store.customers import data_requests
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import change, text
from tests.gateway.support.office import JOSE, MARIA, NEEDLE, NEW, OLD_ID, Office, fill

MAP = Path(__file__).parents[3] / "docs" / "privacy.md"


@pytest.fixture
def database_role() -> str:
    """Return the role that the process has in production."""
    return "wa_gateway"


async def export(office: Office, contact: object) -> tuple[zipfile.ZipFile, Written]:
    file = io.BytesIO()
    written = await office.export.write(contact, uuid4(), File(file))  # type: ignore[arg-type]
    return zipfile.ZipFile(file), written


async def test_an_export_has_everything_about_one_person_and_nothing_of_others(office: Office) -> None:
    contact = await fill(office)
    await office.gateway.receive(text("segredo de José", wa_id=JOSE))
    archive, written = await export(office, contact)
    data = json.loads(archive.read("data.json"))
    messages, webhooks = json.loads(archive.read("messages.json")), json.loads(archive.read("webhooks.json"))
    assert {key["value"] for key in data["keys"]} == {MARIA, NEW, OLD_ID}
    for place in ("contact", "merges", "conversations", "turns", "episodes", "notes", "drafts", "attached"):
        assert data[place], place
    assert data["memory"]["threads"]
    assert data["business"] == {"tickets": [{"subject": NEEDLE}]}
    said = await office.gateway.sql(
        "SELECT count(*) FROM message m JOIN conversation c ON c.id = conversation_id WHERE contact_id = %s", contact
    )
    assert [(len(messages),)] == said
    assert len(webhooks) == written.counts["events"] >= 10
    files = [name for name in archive.namelist() if name.startswith("files/")]
    assert len(files) == written.counts["files"] == 2
    assert [archive.read(name) for name in files] == [NEEDLE.encode()] * 2
    page = archive.read("index.html").decode()
    for part in (page, json.dumps(data), json.dumps(messages), json.dumps(webhooks)):
        assert JOSE not in part
        assert "segredo" not in part
    assert written.not_reached == {}
    for told in (f"Maria {NEEDLE}", f"prefere {NEEDLE}", NEW, "Número antigo", "não quer receber", "arquivo (image)"):
        assert told in page, told


async def test_of_an_item_about_several_people_only_the_persons_part_is_exported(office: Office) -> None:
    """A chunk of history has the threads of many customers; of an item of no known shape nobody knows whose it is."""
    await office.gateway.receive(text("Olá"))
    contact = await office.contact()
    chunk = {"metadata": {"phase": 1}, "threads": [thread(MARIA, "meu histórico"), thread(JOSE, "segredo de José")]}
    await office.gateway.take(change({"history": [chunk]}, field="history"))
    people = [{"wa_id": MARIA, "profile": {"name": "Maria"}}, {"wa_id": JOSE, "profile": {"name": "segredo"}}]
    await office.gateway.take(change({"contacts": people, "messages": [{"from": MARIA, "type": "text"}]}))
    both = {"object": "x", "entry": [{"changes": "odd", "people": [MARIA, JOSE], "text": "segredo"}]}
    await office.gateway.take(both)
    archive, _ = await export(office, contact)
    webhooks = json.loads(archive.read("webhooks.json"))
    assert "meu histórico" in json.dumps(webhooks, ensure_ascii=False)
    assert JOSE not in json.dumps(webhooks)
    assert "segredo" not in json.dumps(webhooks)
    assert [one["type"] for one in webhooks if one["value"] is None] == ["unknown", "unknown"]  # named, without content


def thread(number: str, body: str) -> dict[str, Any]:
    message = {
        "from": number,
        "id": f"wamid.{number}",
        "timestamp": "1780000000",
        "type": "text",
        "text": {"body": body},
    }
    return {"id": number, "messages": [message]}


def _named_as_exported() -> dict[str, set[str]]:
    """Return the columns with data of a customer by table, without the tables that the page says are left out."""
    told = MAP.read_text()
    rows = re.findall(r"^\| `(\w+)`[^|]*\|([^|]*)\|", told[: told.index("### People of the company")], re.MULTILINE)
    [left_out] = re.findall(r"^Left out of it are (.*?)\.$", told, re.MULTILINE | re.DOTALL)
    assert len(rows) > 20
    gone = set(re.findall(r"`(\w+)`", left_out))
    return {table: columns for table, cell in rows if table not in gone and (columns := set(_words(cell)))}


def _words(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


# The places of tables in the archive, and columns with other names there.
PLACES = {"contact": "contact", "contact_key": "keys", "contact_merge": "merges", "consent": "consents",
          "proof_try": "proof_tries", "conversation": "conversations", "turn": "turns", "episode": "episodes",
          "note": "notes", "draft": "drafts", "upload": "attached", "conversation_tag": "tags",
          "data_request": "data_requests", "answer_mark": "answer_marks"}  # fmt: skip
NAMES = {("event", "raw"): "value", ("conversation_tag", "tag_id"): "name"}
INTERNAL = {("data_request", "facts")}  # keys and ids, which stand elsewhere in the archive


async def test_every_column_that_the_map_says_is_exported_stands_in_the_archive(office: Office) -> None:
    contact = await fill(office)
    archive, _ = await export(office, contact)
    data, messages = json.loads(archive.read("data.json")), json.loads(archive.read("messages.json"))
    found = {table: data[place] for table, place in PLACES.items()}
    found["message"], found["event"] = messages, json.loads(archive.read("webhooks.json"))
    found["media"] = [one for message in messages for one in message["media"] or []]
    named = _named_as_exported()
    assert set(named) == set(found)
    for table, columns in named.items():
        assert found[table], table
        wanted = {NAMES.get((table, column), column) for column in columns if (table, column) not in INTERNAL}
        assert wanted <= set(found[table][0]), table
    assert all(one["transcript"] == NEEDLE for one in found["media"])
    assert data["memory"]["questions"]
    assert {"tokens_in", "tokens_out", "model"} <= set(data["turns"][0])  # what the answers cost


async def test_the_file_of_an_export_goes_with_its_person(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    contact = await office.contact()
    ended = await office.ask("export", contact)
    assert (ended.state, ended.path, ended.report["messages"]) == ("done", f"exports/{ended.id}.zip", 1)
    stored = await obstore.get_async(office.objects, str(ended.path))
    assert zipfile.ZipFile(io.BytesIO(bytes(await stored.bytes_async()))).testzip() is None
    async with office.pool.connection() as conn:
        waiting = await data_requests.ask(conn, "export", contact, "person")  # not begun yet
    await office.erase(contact)
    assert not any(one["path"].startswith("exports/") for one in await obstore.list(office.objects).collect_async())
    assert not await office.requests.go_on(waiting.id)
    rows = await office.gateway.sql("SELECT state, path FROM data_request WHERE kind = 'export' ORDER BY asked_at")
    assert rows == [("done", None), ("refused", None)]


async def test_an_export_that_was_under_way_when_its_person_was_erased_leaves_no_file(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    contact = await office.contact()
    write = office.export.write

    async def meanwhile(*given: Any) -> Written:
        written = await write(*given)
        await office.erase(contact)
        return written

    office.export.write = meanwhile  # type: ignore[method-assign]
    ended = await office.ask("export", contact)
    assert "was erased" in ended.report["not_reached" if "not_reached" in ended.report else "left"]["write"]
    assert not any(one["path"].startswith("exports/") for one in await obstore.list(office.objects).collect_async())


async def test_an_export_waits_for_an_object_store_that_is_away(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    office.exports._objects = LocalStore("/proc")  # in which nothing can be written
    waiting = await office.ask("export", await office.contact())
    assert (waiting.state, waiting.path) == ("waiting", None)
    assert "the object store does not take the file" in str(waiting.error)


async def test_the_page_runs_nothing_that_a_customer_wrote(office: Office) -> None:
    await office.gateway.receive(text("<script>alert(1)</script><img src=x onerror=alert(2)>"))
    archive, _ = await export(office, await office.contact())
    page = archive.read("index.html").decode()
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<(script|img|iframe|link)\b", page)
    assert "default-src 'none'" in page


async def test_places_that_do_not_answer_are_named(office: Office) -> None:
    contact = await fill(office)
    office.agent.statuses = [503, 501]
    for one in await obstore.list(office.objects).collect_async():
        await obstore.delete_async(office.objects, one["path"])
    archive, written = await export(office, contact)
    assert {"memory", "business"} < set(written.not_reached)
    assert "Não está tudo aqui" in archive.read("index.html").decode()
    assert json.loads(archive.read("data.json"))["not_reached"] == written.not_reached


async def test_nobody_is_exported_under_an_id_that_nobody_has(office: Office) -> None:
    with pytest.raises(NoContactError):
        await export(office, uuid4())


async def test_the_command_writes_a_file_for_its_owner_alone(
    office: Office, command: Command, database: str, tmp_path
) -> None:
    await office.gateway.receive(text("Olá"))
    environment = {
        "DATABASE_URL": database,
        "MEDIA_URL": (tmp_path / "m").as_uri(),
        "LANGGRAPH_URL": "http://127.0.0.1:9",
    }
    out = tmp_path / "maria.zip"
    code, said = await command("export", MARIA, "--out", str(out), **environment)
    assert (code, "NOT REACHED: memory: the agent server does not answer" in said) == (1, True), said
    assert out.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("maria*")] == ["maria.zip"]
    assert zipfile.ZipFile(out).testzip() is None
    assert await office.gateway.sql("SELECT action FROM audit") == [("customer_export",)]
    code, said = await command("export", "-", "--out", str(out), stdin=f"+{MARIA}\n", **environment)
    assert f"written to {out}" in said
    code, said = await command("export", "+1 202 555 0100", "--out", str(out), **environment)
    assert (code, "there is no such contact" in said) == (1, True)
    code, said = await command("export", MARIA, "--out", str(tmp_path / "no" / "x.zip"), **environment)
    assert (code, "cannot be written: No such file" in said) == (1, True)


async def test_an_export_needs_no_room_on_the_disk_and_stays_leased(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.customers.export._RENEWAL_SECONDS", 0.0)
    monkeypatch.setattr("tempfile.tempdir", "/proc")  # in which nothing can be written
    contact = await fill(office)
    ended = await office.ask("export", contact)
    assert (ended.state, ended.report["files"]) == ("done", 2)
    stored = await obstore.get_async(office.objects, str(ended.path))
    assert zipfile.ZipFile(io.BytesIO(bytes(await stored.bytes_async()))).testzip() is None


async def test_an_object_store_that_goes_away_in_the_middle_of_an_export_has_no_half_file(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(office)
    fails = [OSError("the connection was reset")]
    drain = export_module._Upload.drain

    async def drained(self: Any) -> None:
        if fails and self._waiting:
            raise fails.pop()
        await drain(self)

    monkeypatch.setattr(export_module._Upload, "drain", drained)
    waiting = await office.ask("export", await office.contact(NEW))
    assert (waiting.state, waiting.attempts) == ("waiting", 1)
    assert waiting.error == "the object store does not take the file (OSError)"
    found = [one["path"] for one in await obstore.list(office.objects).collect_async()]
    assert f"exports/{waiting.id}.zip" not in found
    await office.gateway.sql("UPDATE data_request SET due_at = now(), lease_until = NULL RETURNING 1")
    assert (await office.go_on(waiting.id)).state == "done"


async def test_an_export_that_kills_its_workers_ends_unfinished(office: Office) -> None:
    contact = await fill(office)
    async with office.pool.connection() as conn:
        asked = await data_requests.ask(conn, "export", contact, "command")
        for attempt in range(15):
            claimed = await data_requests.claim(conn, asked.id)
            assert claimed, attempt
            assert claimed.attempts == attempt
            await conn.execute("UPDATE data_request SET lease_until = now() - interval '1 s'")  # nobody renewed it
    ended = await office.go_on(asked.id)
    assert (ended.state, ended.report) == ("unfinished", {"not_reached": {"write": "WorkerKilled"}})
    async with office.pool.connection() as conn:
        await data_requests.ask(conn, "export", contact, "command")
    assert (await office.go_on(asked.id)).state == "done"
