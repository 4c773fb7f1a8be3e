"""Every kind of event has its effect, is kept, or is ignored visibly; nothing fails."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.whatsapp.json_bytes import decode
from tests.gateway.support.bench import Bench, nothing
from tests.gateway.support.deliveries import NUMBER
from tests.gateway.support.faults import poison
from tests.gateway.support.inbound import MARIA, PAYLOADS, Inbox, T, agents_view, message, raw_message


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """A worker whose agent returns no replies."""
    bench.server.answer = nothing
    return bench


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
async def test_what_a_customer_sends_waits_for_an_answer(inbox: Inbox, kind: str, body: object) -> None:
    await inbox.take(message(raw_message(kind, body)))
    assert [(row[1], row[3]) for row in await inbox.messages()] == [(kind, True)]
    assert await inbox.outcomes() == [("done", None)]


KEPT = [
    ("reaction", {"message_id": "wamid.X", "emoji": "👍"}),
    ("reaction", {"message_id": "wamid.X"}),
    ("system", {"type": "customer_identity_changed", "body": "User identity changed"}),
    ("system", {"type": "user_did_something_new", "body": "Something new"}),
    ("interactive", {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}}),
]


@pytest.mark.parametrize(("kind", "body"), KEPT)
async def test_what_asks_for_no_answer_is_only_kept(inbox: Inbox, kind: str, body: object) -> None:
    await inbox.take(message(raw_message(kind, body)))
    assert [(row[1], row[3]) for row in await inbox.messages()] == [(kind, False)]
    assert await inbox.sql("SELECT due_at FROM conversation") == [(None,)]


async def test_a_reaction_that_is_taken_back_is_an_empty_one(inbox: Inbox) -> None:
    await inbox.take(message(raw_message("reaction", {"message_id": "wamid.X"})))
    assert await inbox.sql("SELECT content->'reaction'->>'emoji' FROM message") == [("",)]


async def test_whatsapps_own_words_do_not_open_the_window(inbox: Inbox) -> None:
    await inbox.take(message(raw_message("system", {"type": "customer_identity_changed", "body": "x"})))
    assert await inbox.sql("SELECT last_inbound_at FROM conversation") == [(None,)]
    await inbox.take(message(raw_message("reaction", {"message_id": "wamid.X", "emoji": "👍"}, at=T + 5)))
    assert await inbox.sql("SELECT last_inbound_at FROM conversation") == [(datetime.fromtimestamp(T + 5, UTC),)]


async def test_referral_context_and_forwarding_reach_the_agent(inbox: Inbox) -> None:
    first = raw_message(body="Quanto custa?")
    await inbox.take(message(first))
    context = {"id": first["id"], "from": MARIA, "forwarded": True}
    ad = {"source_type": "ad", "source_id": "77", "headline": "Lentes", "ctwa_clid": "abc"}
    await inbox.take(message(raw_message(body="E este?", context=context, referral=ad)))
    [(item,)] = await inbox.sql("SELECT content FROM message ORDER BY seq DESC LIMIT 1")
    assert item["context"] == {"message_id": first["id"], "text": "Quanto custa?", "forwarded": True}
    assert (item["referral"]["source_id"], item["referral"]["ctwa_clid"]) == ("77", "abc")


async def test_our_own_message_is_quoted_and_another_customers_is_not(inbox: Inbox) -> None:
    await inbox.take(message(raw_message()))
    await inbox.sql(
        """INSERT INTO message (conversation_id, direction, author, wamid, type, content, status)
           SELECT id, 'out', 'agent', 'wamid.OURS', 'buttons', '{"type": "buttons", "body": "Confirma?"}', 'sent'
           FROM conversation"""
    )
    await inbox.take(message(raw_message(body="sim", context={"id": "wamid.OURS"})))
    await inbox.take(message({**raw_message(body="sim", context={"id": "wamid.OURS"}), "from": "5511900000000"}))
    rows = await inbox.sql(
        "SELECT content->'context'->>'text' FROM message WHERE content->>'text' = 'sim' ORDER BY seq"
    )
    assert rows == [("Confirma?",), (None,)]


async def test_what_is_said_in_a_group_is_kept_and_not_answered_nor_shown(inbox: Inbox) -> None:
    await inbox.take(message(raw_message(body="olá grupo", group_id="G1")))
    assert await inbox.sql("SELECT group_id, awaits FROM message") == [("G1", False)]
    assert await agents_view(inbox) == []
    assert await inbox.sql("SELECT last_inbound_at, due_at FROM conversation") == [(None, None)]


# Unreadable messages ------------------------------------------------------------------------------------------------

UNSUPPORTED = [{"code": 131051, "title": "Message type unknown"}]
TOO_LARGE = [{"code": 131052, "title": "Media download error"}]


async def lines(bench: Bench, *payloads: dict[str, object]) -> list[str]:
    await Inbox(bench.pool).take(*payloads)
    await bench.settle()
    return await bench.replies()


async def test_a_message_that_whatsapp_keeps_back_gets_one_polite_line(bench: Bench) -> None:
    poll = {"errors": UNSUPPORTED}
    told = [message(raw_message("unsupported", {"type": "poll_creation"}, **poll)) for _ in range(3)]
    [line] = await lines(bench, *told)
    assert line.startswith("Ainda não consigo ver esse tipo de mensagem")
    assert bench.server.runs == []
    assert await bench.rows("SELECT author FROM message WHERE direction = 'out'") == [("gateway",)]


async def test_media_that_whatsapp_could_not_pass_on_gets_a_line_of_its_own(bench: Bench) -> None:
    broken = {**raw_message("video", None), "errors": TOO_LARGE}
    [line] = await lines(bench, message({name: part for name, part in broken.items() if name != "video"}))
    assert "grande demais" in line
    assert await bench.rows("SELECT type, content->'media'->>'status' FROM message WHERE direction = 'in'") == [
        ("video", "too_large")
    ]


async def test_with_something_to_answer_the_agent_sees_all_of_it(bench: Bench) -> None:
    poll = message(raw_message("unsupported", {"type": "poll_creation"}, errors=UNSUPPORTED))
    assert await lines(bench, poll, message(raw_message(body="qual você prefere?"))) == []
    assert [item["kind"] for item in bench.server.runs[0]["input"]["inbound"]] == ["unsupported", "text"]


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
async def test_system_ephemeral_and_unknown_types_never_lead_to_an_apology(bench: Bench, strange: dict) -> None:  # type: ignore[type-arg]
    assert await lines(bench, message(strange)) == []
    assert bench.server.runs == []


async def test_while_a_person_is_there_no_polite_line_goes_out(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    await inbox.take(message(raw_message()))
    await inbox.sql("UPDATE conversation SET holder = 'person'")
    assert await lines(bench, message(raw_message("unsupported", {"type": "poll_creation"}, errors=UNSUPPORTED))) == []


# Everything ---------------------------------------------------------------------------------------------------------


async def test_every_case_of_the_zoo_goes_through_intake(inbox: Inbox) -> None:
    for path in sorted(PAYLOADS.glob("*.json")):
        for name, case in json.loads(path.read_text()).items():
            await inbox.take(case)
            left = await inbox.sql(
                """SELECT key, note FROM event WHERE state IN ('failed', 'new')
                   AND note IS DISTINCT FROM 'no message of ours'"""
            )
            assert left == [], (path.name, name)
            await inbox.sql("DELETE FROM message")
            await inbox.sql("DELETE FROM event")  # cases share their ids


async def test_every_public_payload_goes_through_intake(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.environ.get("WHATSAPP_PAYLOADS")
    if folder is None:
        pytest.skip("WHATSAPP_PAYLOADS names no folder of public payloads")
    paths = sorted(Path(folder).glob("**/*.json"))  # noqa: ASYNC240  # before anything waits
    assert paths
    channels = inbox.intake._channels
    monkeypatch.setattr(channels, "get", lambda _: channels.all()[NUMBER])  # every number is ours
    for path in paths:
        await inbox.take(decode(path.read_bytes()))  # type: ignore[arg-type]
    left = await inbox.sql("SELECT key, note FROM event WHERE state IN ('failed', 'new')")
    assert {note for _, note in left} <= {"no message of ours"}  # a status that is looked at again


# A bad item among others --------------------------------------------------------------------------------------------


async def test_an_item_that_cannot_be_stored_fails_alone(inbox: Inbox) -> None:
    await poison(inbox.pool, "message", "NEW.content->>'text' = 'poison'")
    await inbox.take(message(raw_message(body="before"), raw_message(body="poison"), raw_message(body="after")))
    assert await inbox.outcomes() == [("done", None), ("failed", "ProgramLimitExceeded"), ("done", None)]
    await inbox.take(message(raw_message(body="later")))
    assert [row[2] for row in await inbox.messages()] == ["before", "after", "later"]
