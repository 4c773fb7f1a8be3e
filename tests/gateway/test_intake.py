"""Every kind of event has its effect, is kept, or is ignored visibly; nothing fails."""

import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.store import accounts, contacts, conversations, ownership
from gateway.store.conversations import Quiet
from gateway.store.database import Pool
from gateway.whatsapp.raw import decode
from tests.gateway.deliveries import NUMBER
from tests.gateway.inbound import MARIA, PAYLOADS, Inbox, T, change, echo, message, said, zoo
from tests.gateway.test_turns import Bench


@pytest.fixture
def inbox(pool: Pool) -> Inbox:
    return Inbox(pool)


@pytest.fixture
async def bench(pool: Pool) -> AsyncIterator[Bench]:
    bench = Bench(pool)
    bench.server.answer = lambda given: {"turn_id": given["turn_id"], "replies": [], "handoff": None}
    yield bench
    await bench.turns.drain()


async def agents_view(inbox: Inbox) -> list[str | None]:
    """The texts of the history that the agent may read."""
    [(contact,)] = await inbox.sql("SELECT contact_id FROM conversation LIMIT 1")
    async with inbox.pool.connection() as conn:
        return [item.content.get("text") for item in await conversations.history(conn, contact, 50)]


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
    await inbox.take(message(said(kind, body)))
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
    await inbox.take(message(said(kind, body)))
    assert [(row[1], row[3]) for row in await inbox.messages()] == [(kind, False)]
    assert await inbox.sql("SELECT due_at FROM conversation") == [(None,)]


async def test_a_reaction_that_is_taken_back_is_an_empty_one(inbox: Inbox) -> None:
    await inbox.take(message(said("reaction", {"message_id": "wamid.X"})))
    assert await inbox.sql("SELECT content->'reaction'->>'emoji' FROM message") == [("",)]


async def test_whatsapps_own_words_do_not_open_the_window(inbox: Inbox) -> None:
    await inbox.take(message(said("system", {"type": "customer_identity_changed", "body": "x"})))
    assert await inbox.sql("SELECT last_inbound_at FROM conversation") == [(None,)]
    await inbox.take(message(said("reaction", {"message_id": "wamid.X", "emoji": "👍"}, at=T + 5)))
    assert await inbox.sql("SELECT last_inbound_at FROM conversation") == [(datetime.fromtimestamp(T + 5, UTC),)]


async def test_referral_context_and_forwarding_reach_the_agent(inbox: Inbox) -> None:
    first = said(body="Quanto custa?")
    await inbox.take(message(first))
    context = {"id": first["id"], "from": MARIA, "forwarded": True}
    ad = {"source_type": "ad", "source_id": "77", "headline": "Lentes", "ctwa_clid": "abc"}
    await inbox.take(message(said(body="E este?", context=context, referral=ad)))
    [(item,)] = await inbox.sql("SELECT content FROM message ORDER BY seq DESC LIMIT 1")
    assert item["context"] == {"message_id": first["id"], "text": "Quanto custa?", "forwarded": True}
    assert (item["referral"]["source_id"], item["referral"]["ctwa_clid"]) == ("77", "abc")


async def test_our_own_message_is_quoted_and_another_customers_is_not(inbox: Inbox) -> None:
    await inbox.take(message(said()))
    await inbox.sql(
        """INSERT INTO message (conversation_id, direction, author, wamid, type, content, status)
           SELECT id, 'out', 'agent', 'wamid.OURS', 'buttons', '{"type": "buttons", "body": "Confirma?"}', 'sent'
           FROM conversation"""
    )
    await inbox.take(message(said(body="sim", context={"id": "wamid.OURS"})))
    await inbox.take(message({**said(body="sim", context={"id": "wamid.OURS"}), "from": "5511900000000"}))
    rows = await inbox.sql(
        "SELECT content->'context'->>'text' FROM message WHERE content->>'text' = 'sim' ORDER BY seq"
    )
    assert rows == [("Confirma?",), (None,)]


async def test_what_is_said_in_a_group_is_kept_and_not_answered_nor_shown(inbox: Inbox) -> None:
    await inbox.take(message(said(body="olá grupo", group_id="G1")))
    assert await inbox.sql("SELECT group_id, awaits FROM message") == [("G1", False)]
    assert await agents_view(inbox) == []
    assert await inbox.sql("SELECT last_inbound_at, due_at FROM conversation") == [(None, None)]


# Edits and revocations ----------------------------------------------------------------------------------------------


def edit(of: str, text: str, at: int | None = None) -> dict[str, object]:
    inner = {"type": "text", "text": {"body": text}}
    return message(said("edit", {"original_message_id": of, "message": inner}, at=at))


def revoke(of: str, at: int | None = None) -> dict[str, object]:
    return message(said("revoke", {"original_message_id": of}, at=at))


async def test_the_agent_sees_the_edited_text(bench: Bench) -> None:
    inbox, first = Inbox(bench.pool), said(body="pedido 12345")
    await inbox.take(message(first), edit(first["id"], "pedido 12346"))
    await bench.settle()
    assert [item["text"] for item in bench.server.runs[0]["input"]["inbound"]] == ["pedido 12346"]
    assert await agents_view(inbox) == ["pedido 12346"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)])
async def test_edits_count_in_the_order_in_which_they_were_made(inbox: Inbox, order: tuple[int, ...]) -> None:
    first = said(body="a", at=T)
    told = [message(first), edit(first["id"], "b", T + 1), edit(first["id"], "c", T + 2)]
    await inbox.take(*(told[n] for n in order))
    assert await agents_view(inbox) == ["c"]
    assert [row[3] for row in await inbox.messages() if row[1] == "text"] == [True]


@pytest.mark.parametrize("late", [False, True])
async def test_a_pending_message_that_is_revoked_is_never_answered(bench: Bench, late: bool) -> None:
    inbox, first = Inbox(bench.pool), said(body="segredo")
    told = [message(first), revoke(first["id"], T * 2)]
    await inbox.take(*(reversed(told) if late else told))
    await bench.settle()
    assert bench.server.runs == []
    assert await agents_view(inbox) == []
    assert await inbox.sql("SELECT due_at FROM conversation") == [(None,)]


async def test_the_rest_of_what_waits_is_answered(bench: Bench) -> None:
    inbox, first = Inbox(bench.pool), said(body="engano")
    await inbox.take(message(first), message(said(body="bom dia")), revoke(first["id"]))
    await bench.settle()
    assert [item["text"] for item in bench.server.runs[0]["input"]["inbound"]] == ["bom dia"]


async def test_a_revocation_after_its_turn_began_is_noted(bench: Bench) -> None:
    inbox, first = Inbox(bench.pool), said(body="segredo")
    await inbox.take(message(first))
    await bench.settle()
    await inbox.take(revoke(first["id"]))
    assert await inbox.sql("SELECT revoked_at IS NOT NULL FROM message WHERE wamid = %s", first["id"]) == [(True,)]
    assert await agents_view(inbox) == []
    await inbox.take(message(said(body="outra", context={"id": first["id"]})))
    assert await inbox.sql("SELECT content->'context'->>'text' FROM message ORDER BY seq DESC LIMIT 1") == [(None,)]


async def test_nobody_changes_what_another_said(inbox: Inbox) -> None:
    first = said(body="meu")
    await inbox.take(message(first))
    for foreign in (edit(first["id"], "teu"), revoke(first["id"])):
        foreign["entry"][0]["changes"][0]["value"]["messages"][0]["from"] = "5511900000000"  # type: ignore[index]
        await inbox.take(foreign)
    assert await inbox.sql("SELECT content->>'text', revoked_at FROM message WHERE wamid = %s", first["id"]) == [
        ("meu", None)
    ]


async def test_an_edit_that_cannot_be_read_is_kept_for_a_later_version(inbox: Inbox) -> None:
    await inbox.take(zoo("edit", "unreadable"))
    assert await inbox.outcomes() == [("unknown", "the edit cannot be read")]


# What cannot be handled ---------------------------------------------------------------------------------------------

UNSUPPORTED = [{"code": 131051, "title": "Message type unknown"}]
TOO_LARGE = [{"code": 131052, "title": "Media download error"}]


async def lines(bench: Bench, *payloads: dict[str, object]) -> list[str]:
    await Inbox(bench.pool).take(*payloads)
    await bench.settle()
    return await bench.replies()


async def test_a_message_that_whatsapp_keeps_back_gets_one_polite_line(bench: Bench) -> None:
    poll = {"errors": UNSUPPORTED}
    told = [message(said("unsupported", {"type": "poll_creation"}, **poll)) for _ in range(3)]
    [line] = await lines(bench, *told)
    assert line.startswith("Ainda não consigo ver esse tipo de mensagem")
    assert bench.server.runs == []
    assert await bench.rows("SELECT author FROM message WHERE direction = 'out'") == [("gateway",)]


async def test_media_that_whatsapp_could_not_pass_on_gets_a_line_of_its_own(bench: Bench) -> None:
    broken = {**said("video", None), "errors": TOO_LARGE}
    [line] = await lines(bench, message({name: part for name, part in broken.items() if name != "video"}))
    assert "grande demais" in line
    assert await bench.rows("SELECT type, content->'media'->>'status' FROM message WHERE direction = 'in'") == [
        ("video", "too_large")
    ]


async def test_with_something_to_answer_the_agent_sees_all_of_it(bench: Bench) -> None:
    poll = message(said("unsupported", {"type": "poll_creation"}, errors=UNSUPPORTED))
    assert await lines(bench, poll, message(said(body="qual você prefere?"))) == []
    assert [item["kind"] for item in bench.server.runs[0]["input"]["inbound"]] == ["unsupported", "text"]


@pytest.mark.parametrize(
    "strange",
    [
        said("unknown", {}, errors=UNSUPPORTED),
        said("ephemeral", {}, errors=UNSUPPORTED),
        said("hologram", {}, errors=UNSUPPORTED),
        said("hologram", {}),
        said("ephemeral", {}),
        said("unsupported", {"type": "ephemeral"}, errors=UNSUPPORTED),
        said("unsupported", {}),
        said("system", {"type": "customer_identity_changed"}, errors=UNSUPPORTED),
    ],
)
async def test_system_ephemeral_and_unknown_types_never_lead_to_an_apology(bench: Bench, strange: dict) -> None:  # type: ignore[type-arg]
    assert await lines(bench, message(strange)) == []
    assert bench.server.runs == []


async def test_while_a_person_is_there_no_polite_line_goes_out(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    await inbox.take(message(said()))
    await inbox.sql("UPDATE conversation SET holder = 'person'")
    assert await lines(bench, message(said("unsupported", {"type": "poll_creation"}, errors=UNSUPPORTED))) == []


# Who speaks: the phone app, other apps ------------------------------------------------------------------------------


async def now(inbox: Inbox) -> int:
    [(seconds,)] = await inbox.sql("SELECT extract(epoch FROM now())::bigint")
    return int(seconds)


async def test_a_message_of_the_phone_app_silences_the_agent_for_a_while(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    await inbox.take(message(said(body="Olá")), echo("Aqui é a Ana", await now(inbox)))
    assert await inbox.holder() == "app"
    await inbox.take(message(said(body="obrigada, e o preço?")))
    await bench.settle()
    assert bench.server.runs == []
    await inbox.sql("UPDATE conversation SET held_until = now()")
    async with bench.pool.connection() as conn:
        assert await ownership.expire(conn, Quiet(0, 0)) == 1
        assert await ownership.expire(conn, Quiet(0, 0)) == 0
    await bench.settle()
    given = bench.server.runs[0]["input"]
    # "Olá" was answered by Ana; the model is told both, because nobody has told it before
    assert [item["text"] for item in given["inbound"]] == ["Olá", "obrigada, e o preço?"]
    assert [(item["author"], item["text"]) for item in given["since"]] == [("business_app", "Aqui é a Ana")]


async def test_it_stays_silent_until_handed_back_where_the_setting_says_so(pool: Pool) -> None:
    inbox = Inbox(pool, phone_app_hold=0)
    await inbox.take(echo("Olá", await now(inbox)))
    assert await inbox.sql("SELECT holder, held_until > now() + interval '1000 years' FROM conversation") == [
        ("app", True)
    ]
    [(conversation,)] = await inbox.sql("SELECT id FROM conversation")
    async with pool.connection() as conn:
        await ownership.hand_back(conn, conversation, Quiet(0, 0))
    assert await inbox.holder() == "agent"


async def test_an_old_echo_silences_nobody_for_longer_than_it_says(inbox: Inbox) -> None:
    await inbox.take(echo("faz tempo", T))
    async with inbox.pool.connection() as conn:
        await ownership.expire(conn, Quiet(0, 0))
    assert await inbox.holder() == "agent"


async def test_a_reaction_in_the_phone_app_silences_nobody(inbox: Inbox) -> None:
    first = said()
    reaction = {"type": "reaction", "reaction": {"message_id": first["id"], "emoji": "👍"}}
    await inbox.take(message(first), echo("", await now(inbox), **reaction))
    assert await inbox.holder() == "agent"
    assert (await inbox.sql("SELECT due_at IS NOT NULL FROM conversation")) == [(True,)]


async def test_the_phone_app_does_not_take_a_conversation_from_a_person(inbox: Inbox) -> None:
    await inbox.take(message(said()))
    await inbox.sql("UPDATE conversation SET holder = 'person'")
    await inbox.take(echo("Olá", await now(inbox)))
    assert await inbox.sql("SELECT holder, held_until FROM conversation") == [("person", None)]


async def test_the_phone_app_edits_and_revokes_its_own(inbox: Inbox) -> None:
    first = echo("errado", await now(inbox))
    wamid = first["entry"][0]["changes"][0]["value"]["message_echoes"][0]["id"]
    inner = {"original_message_id": wamid, "message": {"type": "text", "text": {"body": "certo"}}}
    await inbox.take(first, echo("", T * 2, type="edit", edit=inner))
    assert await agents_view(inbox) == ["certo"]
    await inbox.take(echo("", T * 2, type="revoke", revoke={"original_message_id": wamid}))
    assert await agents_view(inbox) == []


def standby(at: int, body: str = "Olá") -> dict[str, object]:
    return change({"standby": {"messages": [said(body=body, at=at)]}}, "standby")


def handover(at: int, *, ours: bool) -> dict[str, object]:
    roles = ("ai_agent", "escalation") if ours else ("escalation", "ai_agent")
    return change(
        {
            "recipient": {"phone_number_id": NUMBER}, "sender": {"phone_number": MARIA}, "timestamp": str(at),
            "type": "control_passed",
            "control_passed": {"previous_owner_role": roles[0], "new_owner_role": roles[1]},
        },
        "messaging_handovers",
    )  # fmt: skip


async def test_while_another_app_has_the_thread_the_agent_is_silent_and_answers_when_it_is_back(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    await inbox.take(standby(T, "quero uma pessoa"))
    await bench.settle()
    assert (await inbox.holder(), bench.server.runs) == ("app", [])
    await inbox.take(handover(T + 10, ours=True))
    assert await inbox.holder() == "agent"
    await bench.settle()
    assert [item["text"] for item in bench.server.runs[0]["input"]["inbound"]] == ["quero uma pessoa"]


async def test_what_the_other_app_said_is_told_and_counts_as_an_answer(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    await inbox.take(standby(T), zoo("standby", "echo_of_metas_agent"), message(said(body="alô?", at=T + 60)))
    await bench.settle()
    given = bench.server.runs[0]["input"]
    assert [(item["author"], item["text"]) for item in given["since"]] == [("business_app", "Posso ajudar?")]
    assert given["inbound"][-1]["text"] == "alô?"


CONTROL = {
    "standby": standby(T),
    "lost": handover(T + 10, ours=False),
    "returned": handover(T + 20, ours=True),
    "to us": message(said(at=T + 30)),
}


@pytest.mark.parametrize(
    ("told", "holder"),
    [
        (["standby"], "app"), (["lost"], "app"), (["standby", "to us"], "agent"), (["to us", "standby"], "agent"),
        (["returned", "lost"], "agent"), (["lost", "returned"], "agent"), (["returned", "standby"], "agent"),
        (["to us", "lost"], "agent"), (["lost", "standby", "returned"], "agent"), (["standby", "lost"], "app"),
    ],
)  # fmt: skip
async def test_the_last_word_on_control_counts_in_whatever_order_they_come(
    inbox: Inbox, told: list[str], holder: str
) -> None:
    await inbox.take(*(CONTROL[name] for name in told))
    assert await inbox.holder() == holder


async def test_a_handover_that_does_not_tell_changes_nothing(inbox: Inbox) -> None:
    unclear = handover(T, ours=True)
    value = unclear["entry"][0]["changes"][0]["value"]  # type: ignore[index]
    value["type"], value["something_else"] = "something_else", {}
    del value["control_passed"]
    await inbox.take(unclear)
    assert [state for state, _ in await inbox.outcomes()] == ["ignored"]


async def test_what_the_agent_has_queued_is_not_sent_once_another_app_has_the_thread(inbox: Inbox) -> None:
    await inbox.take(message(said(at=T)))
    await inbox.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           SELECT id, 'out', 'agent', 'text', '{"type": "text", "text": "x"}', 'queued', now() FROM conversation"""
    )
    await inbox.take(handover(T + 10, ours=False))
    assert await inbox.sql("SELECT status FROM message WHERE direction = 'out'") == [("failed",)]


# History, preferences, accounts -------------------------------------------------------------------------------------


async def test_history_is_kept_in_its_own_time_and_waits_for_nothing(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    await inbox.take(zoo("history", "chunk"), zoo("history", "media_that_follows"))
    assert await inbox.messages() == [
        ("customer", "text", "vocês abrem sábado?", False),
        ("app", "text", "Sim, até 13h", False),
        ("customer", "image", "antiga", False),
    ]
    assert await inbox.sql("SELECT status FROM message WHERE author = 'app'") == [("delivered",)]
    assert await inbox.sql("SELECT count(*) FROM media") == [(0,)]
    assert await inbox.outcomes() == [("done", "1 messages are of no known shape"), ("done", None)]
    assert (await inbox.holder(), await inbox.sql("SELECT due_at FROM conversation")) == ("agent", [(None,)])
    await inbox.take(message(said(body="oi")))
    await bench.settle()
    given = bench.server.runs[0]["input"]
    assert ([item["text"] for item in given["inbound"]], given["since"]) == (["oi"], [])


async def test_a_declined_history_is_noted(inbox: Inbox) -> None:
    await inbox.take(zoo("history", "declined"))
    assert await inbox.outcomes() == [("done", "error 2593109")]


def preference(value: str, at: int) -> dict[str, object]:
    told = {"wa_id": MARIA, "category": "marketing_messages", "timestamp": at, "value": value}
    return change({"user_preferences": [told]}, "user_preferences")


@pytest.mark.parametrize(("told", "stopped"), [([("stop", 1)], True), ([("stop", 1), ("resume", 2)], False), ([("resume", 2), ("stop", 1)], False), ([("stop", 2), ("signup", 1)], True)])  # fmt: skip  # noqa: E501
async def test_the_customers_last_word_on_marketing_counts(
    inbox: Inbox, told: list[tuple[str, int]], stopped: bool
) -> None:
    await inbox.take(*(preference(value, T + at) for value, at in told))
    [(contact,)] = await inbox.sql("SELECT id FROM contact")
    async with inbox.pool.connection() as conn:
        assert await contacts.wants_no_marketing(conn, contact) is stopped


async def test_the_newest_about_each_account_number_and_template_is_kept(inbox: Inbox) -> None:
    def quality(limit: str, at: int) -> dict[str, object]:
        value = {"display_phone_number": "551130000000", "event": "UPGRADE", "current_limit": limit}
        told = change(value, "phone_number_quality_update", None)
        told["entry"][0]["time"] = at
        return told

    await inbox.take(quality("TIER_10K", T + 2), quality("TIER_1K", T + 1))
    await inbox.take(zoo("message_template_status_update", "approved"), zoo("account_update", "restricted"))
    async with inbox.pool.connection() as conn:
        kept = {state.kind: state for state in await accounts.told(conn)}
        [number] = await accounts.told(conn, "phone_number_quality_update")
    assert (number.subject, number.value["current_limit"]) == ("551130000000", "TIER_10K")
    assert (number.waba_id, number.told_at) == ("200000000000002", datetime.fromtimestamp(T + 2, UTC))
    assert kept["message_template_status_update"].value["event"] == "APPROVED"
    assert kept["account_update"].value["restrictions"][0]["type"] == "RESTRICTED_BIZ_INITIATED_MESSAGING"
    assert [state for state, _ in await inbox.outcomes()] == ["done", "ignored", "done", "done"]


async def test_a_quality_under_the_field_for_the_status_does_not_replace_the_status(inbox: Inbox) -> None:
    name = "message_template_status_update"
    await inbox.take(zoo(name, "approved"), zoo(name, "quality_under_this_field"))
    assert await inbox.sql("SELECT kind FROM account_state ORDER BY 1") == [
        ("message_template_quality_update",),
        (name,),
    ]


async def test_an_error_of_a_whole_webhook_is_kept_by_its_code(inbox: Inbox) -> None:
    await inbox.take(zoo("errors", "of_a_value"))
    assert await inbox.sql("SELECT kind, value->>'code' FROM account_state") == [("error", "130429")]


async def test_calls_are_ignored_visibly(inbox: Inbox) -> None:
    await inbox.take(zoo("calls", "to_the_customer_ended"))
    assert await inbox.outcomes() == [("ignored", "a call: the agent takes none")]


async def test_a_customers_call_opens_the_window(inbox: Inbox) -> None:
    await inbox.take(zoo("calls", "from_the_customer"))
    assert await inbox.outcomes() == [("done", "a call: not taken, but it opens the 24-hour window")]
    assert await inbox.sql("SELECT extract(epoch FROM last_inbound_at)::bigint FROM conversation") == [(1_790_000_000,)]


async def test_the_address_book_names_customers_and_makes_none(inbox: Inbox) -> None:
    await inbox.take(zoo("smb_app_state_sync", "added"))
    assert await inbox.sql("SELECT count(*) FROM contact") == [(0,)]
    await inbox.take(message(said()))
    added = zoo("smb_app_state_sync", "added")
    added["entry"][0]["changes"][0]["value"]["state_sync"][0]["contact"]["full_name"] = "Maria da Silva"
    await inbox.take(added)
    assert await inbox.sql("SELECT name FROM contact") == [("Maria da Silva",)]


async def test_what_names_no_customer_for_certain_is_kept_as_unknown(inbox: Inbox) -> None:
    nameless = {name: part for name, part in said().items() if name != "from"}
    await inbox.take(message(nameless), message({**nameless, "id": "wamid.P", "from_parent_user_id": "BR.ENT.1"}))
    assert [state for state, _ in await inbox.outcomes()] == ["unknown", "unknown"]
    assert await inbox.sql("SELECT count(*) FROM contact") == [(0,)]


# Everything ---------------------------------------------------------------------------------------------------------


async def test_every_case_of_the_zoo_goes_through_intake(inbox: Inbox) -> None:
    for path in sorted(PAYLOADS.glob("*.json")):
        for name, case in json.loads(path.read_text()).items():
            await inbox.take(case)
            left = await inbox.sql("SELECT key, note FROM event WHERE state IN ('failed', 'new')")
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
    assert await inbox.sql("SELECT key, note FROM event WHERE state IN ('failed', 'new')") == []
