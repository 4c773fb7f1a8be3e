"""The commands about one person's data, over a real database; nothing listens where the agent server would be."""

from pathlib import Path

import pytest

from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import MARIA, text
from tests.gateway.support.harness import Gateway


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": database, "TOMBSTONE_KEY": "k", "MEDIA_URL": (tmp_path / "media").as_uri(),
            "LANGGRAPH_URL": "http://127.0.0.1:9"}  # fmt: skip


async def test_erase_wants_the_key_of_the_tombstones_and_a_yes(
    gateway: Gateway, command: Command, environment: dict[str, str]
) -> None:
    await gateway.receive(text("Olá"))
    code, said = await command("erase", MARIA, "--yes", **environment | {"TOMBSTONE_KEY": ""})
    assert (code, "set TOMBSTONE_KEY first" in said) == (1, True)
    assert (await command("erase", MARIA, **environment))[0] == 1  # nobody said yes
    assert await gateway.sql("SELECT count(*) FROM message") == [(1,)]


@pytest.mark.parametrize("name", ["Maria", "123", "BR.ENT.1349120865530274", "00000000-0000-4000-8000-000000000000"])
async def test_a_name_of_nobody_is_refused_in_a_sentence(
    gateway: Gateway, command: Command, environment: dict[str, str], name: str
) -> None:
    code, said = await command("erase", name, "--yes", **environment)
    assert (code, said.startswith("gateway: th")) == (1, True), said


@pytest.mark.parametrize("name", ["+55 (11) 98765-4321", "551187654321", "the contact"])
async def test_a_person_is_found_by_any_name(
    gateway: Gateway, command: Command, environment: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.persons_data._PATIENCE_SECONDS", 0)
    await gateway.receive(text("Olá"))
    [(contact,)] = await gateway.sql("SELECT id FROM contact")
    code, said = await command("erase", str(contact) if name == "the contact" else name, "--yes", **environment)
    # Everything begins with the tombstone; then the agent server, which is away here.
    assert (code, "NOT DONE YET: memory: the agent server does not answer" in said) == (1, True), said
    assert await gateway.sql("SELECT contact_id, state, step FROM data_request") == [(contact, "waiting", "memory")]
    assert await gateway.sql("SELECT count(*) FROM contact_key") == [(0,)]
    actions = await gateway.sql("SELECT person_name, action, subject FROM audit")
    assert actions == [("command line", "customer_erase", f"contact:{contact}")]
    assert MARIA not in said


async def test_after_a_restore_the_command_erases_again(
    gateway: Gateway, command: Command, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.persons_data._PATIENCE_SECONDS", 0)
    await gateway.receive(text("Olá"))
    await command("erase", MARIA, "--yes", **environment)
    await gateway.sql("DELETE FROM tombstone RETURNING 1")
    await gateway.sql("DELETE FROM data_request RETURNING 1")
    [(contact,)] = await gateway.sql("SELECT id FROM contact")
    await gateway.sql("INSERT INTO contact_key (contact_id, kind, value) VALUES (%s, 'wa_id', %s)", contact, MARIA)
    monkeypatch.setattr("gateway.commands.persons_data._PATIENCE_SECONDS", 600)
    code, said = await command("tombstones", "--no-wait", **environment)
    assert (code, "2 tombstones; people whom the restore brought back: 1" in said) == (2, True), said
    assert await gateway.sql("SELECT contact_id, step FROM data_request") == [(contact, "memory")]
