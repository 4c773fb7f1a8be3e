"""Every kind of event has its effect, is kept, or is ignored visibly; nothing fails."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.whatsapp.json_bytes import decode
from tests.gateway.support.deliveries import MARIA, NUMBER, PAYLOADS, T, message, raw_message
from tests.gateway.support.faults import poison
from tests.gateway.support.harness import Gateway, nothing


@pytest.fixture
def gateway(gateway: Gateway) -> Gateway:
    """A worker whose agent returns no replies."""
    gateway.agent.answer = nothing
    return gateway


# Kinds of messages --------------------------------------------------------------------------------------------------

ANSWERED = [
    ("image", {"id": "M1", "mime_type": "image/jpeg", "caption": "assim"}),
    ("audio", {"id": "M1", "mime_type": "audio/ogg; codecs=opus", "voice": True}),
    ("video", {"id": "M1", "mime_type": "video/mp4"}),
    ("document", {"id": "M1", "mime_type": "application/pdf", "filename": "receita.pdf"}),
    ("sticker", {"id": "M1", "mime_type": "image/webp"}),
    ("location", {"latitude": -23.5, "longitude": -46.6}),
    ("contacts", [{"name": {"formatted_name": "Ana"}}]),
    ("button", {"text": "Sim", "payload": "yes"}),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Sim"}}),
    ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Vendas", "description": "x"}}),
    ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{}"}}),
    ("order", {"catalog_id": "1", "product_items": [{"product_retailer_id": "a", "quantity": 1}]}),
]


@pytest.mark.parametrize(("kind", "body"), ANSWERED)
async def test_what_a_customer_sends_waits_for_an_answer(gateway: Gateway, kind: str, body: object) -> None:
    await gateway.take(message(raw_message(kind, body)))
    assert [(row[1], row[3]) for row in await gateway.messages()] == [(kind, True)]
    assert await gateway.outcomes() == [("done", None)]


KEPT = [
    ("reaction", {"message_id": "wamid.X", "emoji": "👍"}),
    ("reaction", {"message_id": "wamid.X"}),
    ("system", {"type": "customer_identity_changed", "body": "User identity changed"}),
    ("system", {"type": "user_did_something_new", "body": "Something new"}),
    ("interactive", {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}}),
]


@pytest.mark.parametrize(("kind", "body"), KEPT)
async def test_what_asks_for_no_answer_is_only_kept(gateway: Gateway, kind: str, body: object) -> None:
    await gateway.take(message(raw_message(kind, body)))
    assert [(row[1], row[3]) for row in await gateway.messages()] == [(kind, False)]
    assert await gateway.sql("SELECT due_at FROM conversation") == [(None,)]


async def test_a_reaction_that_is_taken_back_is_an_empty_one(gateway: Gateway) -> None:
    await gateway.take(message(raw_message("reaction", {"message_id": "wamid.X"})))
    assert await gateway.sql("SELECT content->'reaction'->>'emoji' FROM message") == [("",)]


async def test_whatsapps_own_words_do_not_open_the_window(gateway: Gateway) -> None:
    await gateway.take(message(raw_message("system", {"type": "customer_identity_changed", "body": "x"})))
    assert await gateway.sql("SELECT last_inbound_at FROM conversation") == [(None,)]
    await gateway.take(message(raw_message("reaction", {"message_id": "wamid.X", "emoji": "👍"}, at=T + 5)))
    assert await gateway.sql("SELECT last_inbound_at FROM conversation") == [(datetime.fromtimestamp(T + 5, UTC),)]


async def test_referral_context_and_forwarding_reach_the_agent(gateway: Gateway) -> None:
    first = raw_message(body="Quanto custa?")
    await gateway.take(message(first))
    context = {"id": first["id"], "from": MARIA, "forwarded": True}
    ad = {"source_type": "ad", "source_id": "77", "headline": "Lentes", "ctwa_clid": "abc"}
    await gateway.take(message(raw_message(body="E este?", context=context, referral=ad)))
    [(item,)] = await gateway.sql("SELECT content FROM message ORDER BY seq DESC LIMIT 1")
    assert item["context"] == {"message_id": first["id"], "text": "Quanto custa?", "forwarded": True}
    assert (item["referral"]["source_id"], item["referral"]["ctwa_clid"]) == ("77", "abc")


async def test_our_own_message_is_quoted_and_another_customers_is_not(gateway: Gateway) -> None:
    await gateway.take(message(raw_message()))
    await gateway.sql(
        """INSERT INTO message (conversation_id, direction, author, wamid, type, content, status)
           SELECT id, 'out', 'agent', 'wamid.OURS', 'buttons', '{"type": "buttons", "body": "Confirma?"}', 'sent'
           FROM conversation"""
    )
    await gateway.take(message(raw_message(body="sim", context={"id": "wamid.OURS"})))
    await gateway.take(message({**raw_message(body="sim", context={"id": "wamid.OURS"}), "from": "5511900000000"}))
    rows = await gateway.sql(
        "SELECT content->'context'->>'text' FROM message WHERE content->>'text' = 'sim' ORDER BY seq"
    )
    assert rows == [("Confirma?",), (None,)]


async def test_what_is_said_in_a_group_is_kept_and_not_answered_nor_shown(gateway: Gateway) -> None:
    await gateway.take(message(raw_message(body="olá grupo", group_id="G1")))
    assert await gateway.sql("SELECT group_id, awaits FROM message") == [("G1", False)]
    assert await gateway.agents_view() == []
    assert await gateway.sql("SELECT last_inbound_at, due_at FROM conversation") == [(None, None)]


# Unreadable messages ------------------------------------------------------------------------------------------------

UNSUPPORTED = [{"code": 131051, "title": "Message type unknown"}]
TOO_LARGE = [{"code": 131052, "title": "Media download error"}]


async def lines(gateway: Gateway, *payloads: dict[str, object]) -> list[str]:
    await gateway.take(*payloads)
    await gateway.settle()
    return await gateway.replies()


async def test_a_message_that_whatsapp_keeps_back_gets_one_polite_line(gateway: Gateway) -> None:
    poll = {"errors": UNSUPPORTED}
    told = [message(raw_message("unsupported", {"type": "poll_creation"}, **poll)) for _ in range(3)]
    [line] = await lines(gateway, *told)
    assert line.startswith("Ainda não consigo ver esse tipo de mensagem")
    assert gateway.agent.runs == []
    assert await gateway.sql("SELECT author FROM message WHERE direction = 'out'") == [("gateway",)]


async def test_media_that_whatsapp_could_not_pass_on_gets_a_line_of_its_own(gateway: Gateway) -> None:
    broken = {**raw_message("video", None), "errors": TOO_LARGE}
    [line] = await lines(gateway, message({name: part for name, part in broken.items() if name != "video"}))
    assert "grande demais" in line
    assert await gateway.sql("SELECT type, content->'media'->>'status' FROM message WHERE direction = 'in'") == [
        ("video", "too_large")
    ]


async def test_with_something_to_answer_the_agent_sees_all_of_it(gateway: Gateway) -> None:
    poll = message(raw_message("unsupported", {"type": "poll_creation"}, errors=UNSUPPORTED))
    assert await lines(gateway, poll, message(raw_message(body="qual você prefere?"))) == []
    assert [item["kind"] for item in gateway.agent.runs[0]["input"]["inbound"]] == ["unsupported", "text"]


@pytest.mark.parametrize(
    "strange",
    [
        raw_message("unknown", {}, errors=UNSUPPORTED),
        raw_message("ephemeral", {}, errors=UNSUPPORTED),
        raw_message("hologram", {}, errors=UNSUPPORTED),
        raw_message("hologram", {}),
        raw_message("ephemeral", {}),
        raw_message("unsupported", {"type": "ephemeral"}, errors=UNSUPPORTED),
        raw_message("unsupported", {}),
        raw_message("system", {"type": "customer_identity_changed"}, errors=UNSUPPORTED),
    ],
)
async def test_system_ephemeral_and_unknown_types_never_lead_to_an_apology(gateway: Gateway, strange: dict) -> None:  # type: ignore[type-arg]
    assert await lines(gateway, message(strange)) == []
    assert gateway.agent.runs == []


async def test_while_a_person_is_there_no_polite_line_goes_out(gateway: Gateway) -> None:
    await gateway.take(message(raw_message()))
    await gateway.sql("UPDATE conversation SET holder = 'person'")
    assert (
        await lines(gateway, message(raw_message("unsupported", {"type": "poll_creation"}, errors=UNSUPPORTED))) == []
    )


# Everything ---------------------------------------------------------------------------------------------------------


async def test_every_case_of_the_zoo_goes_through_intake(gateway: Gateway) -> None:
    for path in sorted(PAYLOADS.glob("*.json")):
        for name, case in json.loads(path.read_text()).items():
            await gateway.take(case)
            left = await gateway.sql(
                """SELECT key, note FROM event WHERE state IN ('failed', 'new')
                   AND note IS DISTINCT FROM 'no message of ours'"""
            )
            assert left == [], (path.name, name)
            await gateway.sql("DELETE FROM message")
            await gateway.sql("DELETE FROM event")  # cases share their ids


async def test_every_public_payload_goes_through_intake(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.environ.get("WHATSAPP_PAYLOADS")
    if folder is None:
        pytest.skip("WHATSAPP_PAYLOADS names no folder of public payloads")
    paths = sorted(Path(folder).glob("**/*.json"))  # noqa: ASYNC240  # before anything waits
    assert paths
    channels = gateway.intake._channels
    monkeypatch.setattr(channels, "get", lambda _: channels.all()[NUMBER])  # every number is ours
    for path in paths:
        await gateway.take(decode(path.read_bytes()))  # type: ignore[arg-type]
    left = await gateway.sql("SELECT key, note FROM event WHERE state IN ('failed', 'new')")
    assert {note for _, note in left} <= {"no message of ours"}  # a status that is looked at again


# A bad item among others --------------------------------------------------------------------------------------------


async def test_an_item_that_cannot_be_stored_fails_alone(gateway: Gateway) -> None:
    await poison(gateway.pool, "message", "NEW.content->>'text' = 'poison'")
    await gateway.take(message(raw_message(body="before"), raw_message(body="poison"), raw_message(body="after")))
    assert await gateway.outcomes() == [("done", None), ("failed", "ProgramLimitExceeded"), ("done", None)]
    await gateway.take(message(raw_message(body="later")))
    assert [row[2] for row in await gateway.messages()] == ["before", "after", "later"]
