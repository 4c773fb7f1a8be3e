"""The contents of Postgres after turns of the real server: rows and bytes, not the view of an API."""

from __future__ import annotations

import psycopg
from langgraph_sdk.client import LangGraphClient
from psycopg import sql

from tests.graph.support.serving import Conversation
from tests.graph.support.talk import inbound, turn_input

CARD, CPF = "4111 1111 1111 1111", "529.982.247-25"


async def test_no_card_or_document_number_is_stored_anywhere(conversation: Conversation, server_database: str) -> None:
    form = {"type": "nfm_reply", "id": "1", "title": "Enviado", "data": {"cpf": 52998224725, "card": CARD}}
    card = [{"name": {"formatted_name": f"Ana {CPF}"}}]
    await conversation.turn(
        "t1",
        f"Meu cartão de teste é {CARD}",
        inbound("E o documento", kind="interactive", interactive=form),
        inbound("", kind="contacts", contacts=card, context={"text": f"CPF {CPF}"}),
    )
    stored = _stored(server_database)
    assert b"cart\xc3\xa3o de teste" in stored  # it is looked at where it would be found
    assert b"[CPF final 25]" in stored
    for number in (CARD, CPF, CARD.replace(" ", ""), "52998224725"):
        assert number.encode() not in stored


async def test_the_server_itself_never_sees_the_numbers(conversation: Conversation, client: LangGraphClient) -> None:
    run = await conversation.start("t1", turn_input("t1", f"Cartão {CARD}"))
    assert CARD not in str(await client.runs.get(conversation.thread, run))
    await conversation.finish(run)
    assert CARD not in str(await client.threads.get_history(conversation.thread, limit=100))


async def test_the_customer_is_known_although_numbers_are_masked(
    conversation: Conversation, client: LangGraphClient
) -> None:
    """Keys of customers can look like card numbers: the context is not masked."""
    key = "5511900000002"  # passes Luhn
    conversation.context["customer_keys"] = [{"kind": "wa_id", "value": key}]
    run = await conversation.start("t1", turn_input("t1", "Oi"))
    found = await client.runs.get(conversation.thread, run)
    assert found["kwargs"]["context"]["customer_keys"] == [{"kind": "wa_id", "value": key}]
    await conversation.finish(run)


def _stored(database: str) -> bytes:
    """Return all rows of the agent's schema, as Postgres keeps them."""
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'agent'").fetchall()
        return b"".join(_rows(connection, table) for (table,) in tables)


def _rows(connection: psycopg.Connection, table: str) -> bytes:
    copy = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier("agent", table))
    with connection.cursor().copy(copy) as rows:
        return b"".join(bytes(row) for row in rows)
