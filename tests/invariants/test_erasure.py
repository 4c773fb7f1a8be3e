"""The whole stack holds a person in every way; after the erasure no store has anything of them, also after a replay."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import redis
from psycopg import sql

from gateway.whatsapp.webhooks.signature import sign
from tests.invariants.stack import LANGGRAPH_TOKEN, Stack, eventually

PERSON, OTHER = "5511900000777", "5511900000888"
NEEDLE = "agulha7f3a"
# Kinds of messages besides texts and files.
MESSAGES = (
    {"type": "location", "location": {"latitude": -23.5, "longitude": -46.6, "name": NEEDLE, "address": NEEDLE}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": NEEDLE, "first_name": NEEDLE}}]},
    {"type": "order", "order": {"catalog_id": "1", "text": NEEDLE, "product_items": []}},
    {"type": "hologram", "hologram": {"body": NEEDLE}},  # a kind that this version does not know
)
# Of people they keep the ids of what was done to whom, and nothing else.
IDS_ONLY = ("audit", "data_request")
FILE = b"%PDF-1.4 " + NEEDLE.encode()


def test_nothing_of_an_erased_person_is_left_anywhere(stack: Stack) -> None:
    contact = _live(stack)
    webhooks = [one["body"] for one in _webhooks(stack) if PERSON in one["body"]]
    assert len(webhooks) > 5
    before = set(_places(stack, contact))
    assert {"public.message", "public.event", "public.note", "agent.checkpoint_blobs", "agent.store",
            "business.tickets", "knowledge.unanswered"} <= before  # fmt: skip
    assert any(place.startswith("media/") for place in before)
    assert any(path.suffix == ".zip" for path in (stack.directory / "media").rglob("*"))  # packed: no needle is seen

    asked = stack.sql(
        "INSERT INTO data_request (kind, contact_id, asked_by) VALUES ('erase', %s, 'command') RETURNING id", contact
    )
    eventually(lambda: stack.sql("SELECT 1 FROM data_request WHERE id = %s AND state = 'done'", asked[0][0]), "an end")
    assert _places(stack, contact) == []
    assert not any(path.suffix == ".zip" for path in (stack.directory / "media").rglob("*"))
    [(report,)] = stack.sql("SELECT report FROM data_request WHERE kind = 'erase'")
    assert report["business"]["erased"] == {"tickets": 1, "customers": 1}
    assert stack.sql("SELECT count(*) FROM contact") == [(1,)]

    for body in webhooks:  # as Meta repeats them, or somebody who kept them
        signature = sign(body.encode(), stack.keys.app_secret)
        answer = httpx.post(
            stack.address("webhook"), content=body.encode(), headers={"X-Hub-Signature-256": signature}, trust_env=False
        )
        assert answer.status_code == 200
    eventually(lambda: stack.sql("SELECT count(*) FROM event WHERE state = 'new'") == [(0,)], "the replay")
    assert _places(stack, contact) == []
    assert stack.sql("SELECT count(*) FROM contact") == [(1,)]


def _live(stack: Stack) -> UUID:
    """Have a person leave the needle in every way; return the contact."""
    stack.http.put(f"/_sim/personas/{PERSON}", json={"name": f"Pessoa {NEEDLE}"}).raise_for_status()
    stack.say("Olá", OTHER)
    stack.say(f"Olá, sou {NEEDLE}", PERSON)
    stack.answered(PERSON)
    stack.settle()
    file = {"base64": base64.b64encode(FILE).decode(), "mime_type": "application/pdf", "kind": "document",
            "filename": f"{NEEDLE}.pdf"}  # fmt: skip
    stack.http.post(f"/_sim/personas/{PERSON}/messages", json={"media": file}).raise_for_status()
    for message in MESSAGES:
        stack.http.post(f"/_sim/personas/{PERSON}/messages", json={"message": message}).raise_for_status()
    eventually(lambda: stack.sql("SELECT 1 FROM media WHERE status = 'stored'"), "the file")
    stack.settle()
    [(contact, conversation)] = stack.sql(
        """SELECT c.contact_id, c.id FROM conversation c JOIN contact_key k ON k.contact_id = c.contact_id
           WHERE k.value = %s""",
        PERSON,
    )
    stack.sql("INSERT INTO note (conversation_id, person_name, text) VALUES (%s, 'Ana', %s)", conversation, NEEDLE)
    stack.sql(
        "INSERT INTO knowledge.unanswered (turn_id, thread_id, question) VALUES ('t', %s, %s)",
        str(conversation), NEEDLE,
    )  # fmt: skip
    stack.sql("UPDATE media SET transcript = %s", NEEDLE)
    stack.sql("INSERT INTO data_request (kind, contact_id, asked_by) VALUES ('export', %s, 'command')", contact)
    eventually(lambda: stack.sql("SELECT 1 FROM data_request WHERE path IS NOT NULL"), "the export")
    _remember(stack, contact)
    stack.sql(
        """WITH c AS (INSERT INTO business.customers (name) VALUES (%(needle)s) RETURNING id),
                k AS (INSERT INTO business.customer_keys SELECT 'wa_id', %(number)s, id FROM c)
           INSERT INTO business.tickets (customer_id, subject, description, priority, idempotency_key)
           SELECT id, %(needle)s, %(needle)s, 'low', 'erasure' FROM c""".replace("%(needle)s", f"'{NEEDLE}'").replace(
            "%(number)s", f"'{PERSON}'"
        )
    )
    return contact  # type: ignore[no-any-return]


def _remember(stack: Stack, contact: UUID) -> None:
    """Put a fact into the person's profile, as the agent's tool does."""
    item = {"namespace": ["profiles"], "key": str(contact), "value": {"facts": [NEEDLE]}, "index": False}
    headers = {"authorization": f"Bearer {LANGGRAPH_TOKEN}"}
    httpx.put(
        f"{stack.address('agent')}/store/items", json=item, headers=headers, trust_env=False, timeout=30
    ).raise_for_status()


def _webhooks(stack: Stack) -> list[dict[str, Any]]:
    return stack.http.get("/_sim/webhooks").json()["webhooks"]  # type: ignore[no-any-return]


def _places(stack: Stack, contact: UUID) -> list[str]:
    """Return every table (all columns, jsonb and bytea too), file, Valkey key and log with something of the person."""
    needles = [NEEDLE, PERSON, str(contact)]
    return [*_tables(stack, needles), *_files(stack, needles), *_keys(stack, needles)]


def _tables(stack: Stack, needles: list[str]) -> list[str]:
    with psycopg.connect(stack.database_url(), autocommit=True) as conn:
        tables = conn.execute(
            """SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
               WHERE relkind IN ('r', 'm') AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'"""
        ).fetchall()
        assert len(tables) > 40
        found = []
        for schema, name in tables:
            query = sql.SQL("SELECT count(*) FROM {} t WHERE t::text ~ %s").format(sql.Identifier(schema, name))
            here = needles[:2] if name in IDS_ONLY else needles
            wanted = "|".join([*here, *(one.encode().hex() for one in here)])  # bytea is shown in hexadecimal digits
            [(count,)] = conn.execute(query, [wanted]).fetchall()
            found += [f"{schema}.{name}"] if count else []
    return found


def _files(stack: Stack, needles: list[str]) -> list[str]:
    """Return the files of the object stores and the logs."""
    found = []
    for folder in ("media", "tombstones", "logs"):
        files = [path for path in (stack.directory / folder).rglob("*") if path.is_file()]
        found += [_named(stack, path) for path in files if _has(path, needles)]
    assert (stack.directory / "logs").exists()
    return found


def _named(stack: Stack, path: Path) -> str:
    return str(path.relative_to(stack.directory))


def _has(path: Path, needles: list[str]) -> bool:
    content = path.read_bytes()
    # A log may name the ids of rows; it has no words and no numbers.
    wanted = needles[:2] if path.suffix == ".log" else needles
    return any(one.encode() in content or one in path.name for one in wanted)


def _keys(stack: Stack, needles: list[str]) -> list[str]:
    address = stack.described["addresses"]["redis"]
    port = int(address.rpartition(":")[2].partition("/")[0])
    with redis.Redis(port=port, password=stack.passwords.valkey) as client:
        return [str(key) for key in client.scan_iter() if any(one.encode() in key for one in needles)]


def test_a_customer_who_asks_for_it_is_erased_and_told_and_new_afterwards(stack: Stack) -> None:
    stack.say("Olá", PERSON)
    stack.answered(PERSON)
    stack.settle()
    stack.say("Quero que apaguem todos os meus dados", PERSON)
    stack.asked("todos os seus dados", PERSON)
    stack.settle()
    stack.say("Sim", PERSON)
    eventually(
        lambda: stack.sql("SELECT 1 FROM data_request WHERE (state, asked_by) = ('asked', 'customer')"), "a wish"
    )
    stack.settle()
    [(before,)] = stack.sql("SELECT id FROM contact")
    said = len(stack.replies(PERSON))
    stack.sql("UPDATE data_request SET state = 'waiting', due_at = now()")  # as an admin in the console
    eventually(lambda: stack.sql("SELECT 1 FROM data_request WHERE state = 'done'"), "an end")
    [(report,)] = stack.sql("SELECT report FROM data_request")
    assert report["told"] == 1
    assert stack.answered(PERSON, said + 1)[-1].startswith("Pronto: apagamos todos os seus dados")
    eventually(lambda: _places(stack, before) == [], "the statuses of what was said last")
    # Meta's times are whole seconds: in the second of the erasure it would count as said before.
    stack.http.post("/_sim/clock", json={"advance_seconds": 60}).raise_for_status()
    stack.say("Voltei", PERSON)
    stack.answered(PERSON, said + 2)
    stack.http.request("DELETE", "/_sim/clock").raise_for_status()
    [(after,)] = stack.sql("SELECT id FROM contact")
    assert after != before
    assert "Olá" not in json.dumps(stack.sql("SELECT content FROM message"))
