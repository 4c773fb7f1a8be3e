"""Every case of the zoo (tests/payloads/<type>.json) and what it means; a case without an expectation fails."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from gateway.whatsapp.accounts import (
    AccountAlerted,
    AccountReviewed,
    AccountUpdated,
    CapabilitiesChanged,
    FlowChanged,
    GroupChanged,
    NumberNameReviewed,
    NumberQualityChanged,
    Restriction,
    SecurityChanged,
    TemplateCategoryChanged,
    TemplateComponentsChanged,
    TemplateQualityChanged,
    TemplateRef,
    TemplateStatusChanged,
)
from gateway.whatsapp.contents import (
    ButtonContent,
    ContactsContent,
    EditContent,
    InteractiveContent,
    LocationContent,
    MediaContent,
    OrderContent,
    OrderItem,
    ReactionContent,
    RevokeContent,
    SystemContent,
    TextContent,
    UnsupportedContent,
)
from gateway.whatsapp.errors import Cause
from gateway.whatsapp.events import (
    CallChanged,
    ContactSynced,
    Context,
    Customer,
    ErrorReported,
    HandoverChanged,
    HistoryReceived,
    MessageEchoed,
    MessageReceived,
    Pricing,
    Product,
    Referral,
    StatusChanged,
    Unknown,
    UserIdChanged,
    UserPreferenceChanged,
)
from gateway.whatsapp.parse import event, items
from gateway.whatsapp.raw import decode

PAYLOADS = Path(__file__).parents[2] / "payloads"

T = datetime.fromtimestamp(1_790_000_000, UTC)
LATER = datetime.fromtimestamp(1_790_600_000, UTC)
MARIA = Customer("5511987654321", "BR.1349120865530274", "BR.ENT.118157992128868", "maria.souza", "Maria Souza")
NUMBER = Customer("5511987654321")
BOTH_IDS = Customer("5511987654321", "BR.1349120865530274")
ANSWERS = Context(message_id="wamid.OUT1", sender="551130000000")
UNSUPPORTED = Cause(131051, None, "Message type unknown", "Message type is currently not supported.")


class Untyped:
    """Stands for an Unknown of this field and type, whose raw form is checked for every case alike."""

    def __init__(self, kind):
        self.kind = kind

    def __eq__(self, other):
        return isinstance(other, Unknown) and other.type == self.kind and bool(other.raw)

    def __hash__(self):
        return hash(self.kind)


def said(content, **more):
    return MessageReceived(**{"wamid": "wamid.INA", "timestamp": T, "customer": MARIA, "content": content, **more})


def text(body, **more):
    return said(TextContent(body), **more)


def media(kind, mime_type="image/jpeg", text=None, **more):
    return said(MediaContent(kind, "1479537139650973", mime_type, "4fmt9bnD0ZQ=", text, **more))


def status(word, **more):
    return StatusChanged(**{"wamid": "wamid.OUT1", "status": word, "timestamp": T, "customer": NUMBER, **more})


def system(event, words, *ids, customer=NUMBER):
    return said(SystemContent(event, words, *ids), customer=customer)


def handover(kind, *, ours, **more):
    return HandoverChanged(**{"type": kind, "timestamp": T, "customer": BOTH_IDS, "ours": ours, **more})


def echoed(content, **more):
    return MessageEchoed(**{"wamid": "wamid.APP1", "timestamp": T, "customer": MARIA, "content": content, **more})


def preference(value, detail="User requested to stop marketing messages"):
    return UserPreferenceChanged(MARIA, "marketing_messages", value, T, detail)


def call(name, **more):
    return CallChanged(**{"id": "wacid.C1", "event": name, "timestamp": T, "customer": MARIA, **more})


PMP = Pricing(billable=True, model="PMP", type="regular", category="service")
OURS = "0192f6a0-0000-7000-8000-000000000001"
CARD = {
    "name": {"first_name": "João", "last_name": "Silva", "formatted_name": "João Silva"},
    "phones": [{"phone": "+55 11 91234-5678", "type": "CELL", "wa_id": "5511912345678"}],
    "emails": [{"email": "joao@example.com", "type": "WORK"}],
    "org": {"company": "Ótica Central"},
}
TEMPLATE = TemplateRef("1689556908129832", "pedido_enviado", "pt_BR")
GROUP = "Y2FwaV9ncm91cDox"


def _value(name, case):
    """The raw value of an account-level case: events keep it whole."""
    return zoo()[name][case]["entry"][0]["changes"][0]["value"]


def _group(field, kind, case):
    [raw] = _value("groups", case)["groups"]
    return GroupChanged(field, kind, GROUP, raw, T)


@cache
def zoo():
    """Give every payload by file and case name."""
    return {path.stem: decode(path.read_bytes()) for path in sorted(PAYLOADS.glob("*.json"))}


@cache
def expected():
    """Give the events of each case by file and case name."""
    return {
        "text": {
            "plain": [text("Olá, quero saber do meu pedido 12345")],
            "older_shape_without_business_scoped_ids": [
                text("oi", customer=Customer("5511987654321", name="Maria Souza"))
            ],
            "customer_without_a_number": [text("oi", customer=Customer(user_id="BR.1349120865530274", name="Maria"))],
            "without_contacts": [text("oi", customer=NUMBER)],
            "reply": [text("esse aqui", context=ANSWERS)],
            "forwarded": [text("olha isso", context=Context(forwarded=True))],
            "forwarded_often": [text("corrente", context=Context(forwarded=True, often=True))],
            "about_a_product": [
                text("tem em azul?", context=replace(ANSWERS, product=Product("194836987003835", "armacao-42")))
            ],
            "from_an_advertisement": [
                text(
                    "vi o anúncio",
                    referral=Referral(
                        source_type="ad",
                        source_id="120226305854810726",
                        source_url="https://fb.me/3cr4Wqqkv",
                        headline="Lentes com 20% off",
                        body="Só esta semana",
                        media_type="image",
                        media_url="https://scontent.example/lentes.jpg",
                        ctwa_clid="Aff-n8ZTODiE79d22KtAwQKj9e",
                    ),
                )
            ],
            "in_a_group": [text("oi grupo", group_id=GROUP)],
            "nul_and_lone_surrogate": [text("ab\ufffdc")],
            "emoji_and_right_to_left": [text("👩‍👩‍👧 שלום مرحبا 🇧🇷")],
            "timestamp_as_number": [text("oi")],
        },
        "image": {
            "with_caption": [media("image", text="minha receita")],
            "without_caption": [
                media(
                    "image",
                    url="https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1479537139650973",
                )
            ],
            "too_large_to_pass_on": [
                said(
                    UnsupportedContent("image"),
                    errors=(Cause(131052, None, "Media download error", "File size exceeds the limit"),),
                )
            ],
        },
        "audio": {
            "voice_note": [media("audio", "audio/ogg; codecs=opus", voice=True)],
            "file": [media("audio", "audio/mpeg")],
        },
        "video": {"with_caption": [media("video", "video/mp4", "assim que quebrou")]},
        "document": {
            "pdf": [media("document", "application/pdf", filename="receita.pdf")],
            "with_caption": [media("document", "application/pdf", "segue a receita", filename="receita.pdf")],
        },
        "sticker": {
            "still": [media("sticker", "image/webp")],
            "animated": [media("sticker", "image/webp", animated=True)],
        },
        "location": {
            "point": [said(LocationContent(-23.561414, -46.655881))],
            "place": [
                said(
                    LocationContent(
                        -23.561414, -46.655881, "MASP", "Av. Paulista, 1578", "https://foursquare.com/v/masp"
                    )
                )
            ],
            "degrees_as_text": [said(LocationContent(-23.5, -46.6))],
            "without_its_type": [said(LocationContent(-23.5, -46.6))],
            "unreadable": [Untyped("location")],
        },
        "contacts": {
            "one": [said(ContactsContent([CARD]))],
            "two": [said(ContactsContent([CARD, {"name": {"formatted_name": "Ana"}}]))],
            "none": [Untyped("contacts")],
        },
        "reaction": {
            "given": [said(ReactionContent("wamid.OUT1", "👍"))],
            "taken_back": [said(ReactionContent("wamid.OUT1", None))],
            "taken_back_with_empty_emoji": [said(ReactionContent("wamid.OUT1", None))],
        },
        "button": {"of_a_template": [said(ButtonContent("Confirmar", "confirm-12345"), context=ANSWERS)]},
        "interactive": {
            "button_reply": [said(InteractiveContent("button_reply", "yes", "Sim"), context=ANSWERS)],
            "list_reply": [said(InteractiveContent("list_reply", "orders", "Pedidos", "Onde está meu pedido"))],
            "flow_reply": [
                said(
                    InteractiveContent(
                        "nfm_reply",
                        "flow",
                        "Sent",
                        data={"flow_token": "t1", "grau": "-2,50", "olhos": ["direito"]},
                    )
                )
            ],
            "flow_reply_with_broken_json": [said(InteractiveContent("nfm_reply", "flow", "Sent"))],
            "call_permission_granted": [
                said(
                    InteractiveContent(
                        "call_permission_reply",
                        "accept",
                        data={
                            "response": "accept",
                            "expiration_timestamp": 1790600000,
                            "response_source": "user_action",
                        },
                    )
                )
            ],
            "without_content": [
                Untyped("interactive"),
                ErrorReported(
                    Cause(131000, None, "Something went wrong", "Unsupported webhook payload"), ("wamid.INA",)
                ),
            ],
        },
        "order": {
            "cart": [
                said(
                    OrderContent(
                        "194836987003835",
                        [OrderItem("armacao-42", 1, 299.9, "BRL"), OrderItem("lente-1", 2, 89.9, "BRL")],
                        "para presente",
                    )
                )
            ]
        },
        "system": {
            "number_changed": [
                system("user_changed_number", "User Maria changed from 5511987654321 to 5511900000000", "5511900000000")
            ],
            "number_changed_with_new_user_id": [
                system(
                    "user_changed_number",
                    "User Maria changed from 5511987654321 to 5511900000000",
                    "5511900000000",
                    "BR.2481730591287364",
                )
            ],
            "user_id_changed": [
                system(
                    "user_changed_user_id",
                    "User Maria changed from BR.1349120865530274 to BR.2481730591287364",
                    None,
                    "BR.2481730591287364",
                    customer=Customer(user_id="BR.1349120865530274"),
                )
            ],
            "identity_changed": [system("customer_identity_changed", "User identity changed")],
            "not_known_yet": [system("user_did_something_new", "Something new")],
        },
        "edit": {
            "text": [said(EditContent("wamid.IN0", TextContent("12346, desculpe")))],
            "caption": [
                said(
                    EditContent(
                        "wamid.IN0",
                        MediaContent("image", "1479537139650973", "image/jpeg", "4fmt9bnD0ZQ=", "nova legenda"),
                    )
                )
            ],
            "unreadable": [said(EditContent("wamid.IN0", None))],
        },
        "revoke": {"message": [said(RevokeContent("wamid.IN0"))]},
        "unsupported": {
            "poll": [said(UnsupportedContent("poll_creation"), errors=(UNSUPPORTED,))],
            "without_type": [said(UnsupportedContent(), errors=(UNSUPPORTED,))],
            "older_shape": [
                said(
                    UnsupportedContent("unknown"),
                    errors=(
                        Cause(131051, None, "Unsupported message type", "Message type is not currently supported"),
                    ),
                )
            ],
        },
        "unknown": {
            "type_of_tomorrow": [Untyped("hologram")],
            "ephemeral": [Untyped("ephemeral")],
            "field_of_tomorrow": [Untyped("some_new_field")],
            "message_without_id": [Untyped("unknown")],
            "nothing_in_it": [Untyped("unknown")],
        },
        "status": {
            "sent": [
                status(
                    "sent",
                    customer=BOTH_IDS,
                    callback=OURS,
                    pricing=PMP,
                    conversation_id="7270432eae37498234f4444b35ffc5",
                    conversation_category="service",
                    conversation_expiry=datetime.fromtimestamp(1_790_086_400, UTC),
                )
            ],
            "sent_in_the_older_pricing": [
                status(
                    "sent",
                    pricing=Pricing(billable=False, model="CBP", category="user_initiated"),
                    conversation_id="7270432eae37498234f4444b35ffc5",
                    conversation_category="user_initiated",
                )
            ],
            "delivered": [status("delivered", callback=OURS, pricing=PMP)],
            "read": [status("read")],
            "played": [status("played")],
            "failed": [
                status(
                    "failed",
                    callback=OURS,
                    errors=(
                        Cause(
                            131047,
                            None,
                            "Re-engagement message",
                            "Message failed to send because more than 24 hours have passed since the customer last "
                            "replied to this number.",
                        ),
                    ),
                )
            ],
            "read_in_a_group": [status("read", customer=Customer(), group_id=GROUP, participant=BOTH_IDS)],
            "with_contact": [status("read", customer=MARIA)],
            "word_of_tomorrow": [status("pondered")],
            "without_a_status": [Untyped("unknown")],
        },
        "errors": {
            "of_a_value": [
                ErrorReported(
                    Cause(
                        130429,
                        None,
                        "Rate limit hit",
                        "Message failed to send because there were too many messages sent from this phone number in a "
                        "short period of time",
                    )
                )
            ]
        },
        "batch": {
            "three_customers_in_one_value": [
                text("mensagem 1", wamid="wamid.IN1"),
                text("mensagem 2", wamid="wamid.IN2", customer=Customer("5511912345678", name="João Silva")),
                text("mensagem 3", wamid="wamid.IN3", customer=Customer("5511955555555", name="Ana")),
            ],
            "entries_changes_and_a_bad_item": [
                text("mensagem 1", wamid="wamid.IN1"),
                Untyped("unknown"),
                text("mensagem 2", wamid="wamid.IN2"),
                status("sent"),
                status("delivered"),
                status("sent", wamid="wamid.OUT2"),
                AccountReviewed("APPROVED", T),
                Untyped("unknown"),
            ],
        },
        "standby": {
            "message": [text("mensagem S", wamid="wamid.INS", source="standby")],
            "echo_of_metas_agent": [
                echoed(TextContent("Posso ajudar?"), wamid="wamid.ECHO1", customer=NUMBER, source="standby")
            ],
            "status": [status("delivered", wamid="wamid.ECHO1", standby=True)],
            "flat_message": [text("mensagem S", wamid="wamid.INS", source="standby")],
            "empty": [Untyped("unknown")],
        },
        "messaging_handovers": {
            "passed_to_us": [
                handover(
                    "control_passed",
                    ours=True,
                    previous_owner="ai_agent",
                    new_owner="escalation",
                    metadata="cliente pediu uma pessoa",
                )
            ],
            "given_to_metas_agent": [
                handover("control_passed", ours=False, previous_owner="escalation", new_owner="ai_agent")
            ],
            "taken_from_us": [handover("control_taken", ours=False, previous_owner="111", new_owner="222")],
            "passed_without_names": [handover("control_passed", ours=True)],
            "in_messengers_words": [
                handover(
                    "pass_thread_control",
                    ours=True,
                    customer=NUMBER,
                    previous_owner="111",
                    new_owner="222",
                    metadata="x",
                )
            ],
            "without_a_customer": [Untyped("messaging_handovers")],
        },
        "smb_message_echoes": {
            "text": [echoed(TextContent("Já chegou na loja!"))],
            "edit": [echoed(EditContent("wamid.APP0", TextContent("corrigindo")))],
            "revoke": [echoed(RevokeContent("wamid.APP0"))],
            "type_of_tomorrow": [Untyped("hologram")],
        },
        "history": {
            "chunk": [
                HistoryReceived(
                    messages=[
                        text(
                            "vocês abrem sábado?",
                            wamid="wamid.H1",
                            customer=NUMBER,
                            timestamp=datetime.fromtimestamp(1_780_000_000, UTC),
                            source="history",
                        ),
                        echoed(
                            TextContent("Sim, até 13h"),
                            wamid="wamid.H2",
                            customer=NUMBER,
                            timestamp=datetime.fromtimestamp(1_780_000_060, UTC),
                            source="history",
                            status="DELIVERED",
                        ),
                    ],
                    phase=1,
                    chunk_order=2,
                    progress=55,
                    unread=[
                        {
                            "thread": "5511987654321",
                            "message": {
                                "from": "5511987654321",
                                "id": "wamid.H3",
                                "timestamp": "1780000120",
                                "type": "media_placeholder",
                                "history_context": {"status": "READ"},
                            },
                        }
                    ],
                )
            ],
            "declined": [
                HistoryReceived(
                    messages=[],
                    errors=(
                        Cause(
                            2593109,
                            None,
                            "History sharing is turned off by the business from the WhatsApp Business App",
                            "History sharing is turned off by the business",
                        ),
                    ),
                )
            ],
            "media_that_follows": [replace(media("image", text="antiga"), wamid="wamid.INH4", source="history")],
            "empty": [Untyped("history")],
        },
        "smb_app_state_sync": {
            "added": [ContactSynced("add", Customer("5511987654321", name="Maria Souza"), T)],
            "removed": [ContactSynced("remove", NUMBER, T)],
        },
        "user_preferences": {
            "stop": [preference("stop")],
            "resume": [preference("resume", "User requested to resume marketing messages")],
            "without_a_value": [Untyped("preference")],
        },
        "user_id_update": {
            "changed": [
                UserIdChanged(
                    Customer("5511987654321", name="Maria Souza"), "BR.1349120865530274", "BR.2481730591287364", T
                )
            ]
        },
        "calls": {
            "from_the_customer": [call("connect", direction="USER_INITIATED")],
            "to_the_customer_ended": [
                call("terminate", direction="BUSINESS_INITIATED", status="COMPLETED", duration=120, callback="ours")
            ],
            "ringing": [call("status", status="RINGING", customer=NUMBER)],
        },
        "groups": {
            "created": [_group("group_lifecycle_update", "group_create", "created")],
            "joined": [_group("group_participants_update", "group_participants_add", "joined")],
            "renamed": [_group("group_settings_update", "group_settings_update", "renamed")],
            "suspended": [_group("group_status_update", "group_suspend", "suspended")],
        },
        "message_template_status_update": {
            "approved": [
                TemplateStatusChanged(TEMPLATE, "APPROVED", reason="NONE", category="UTILITY", time=T),
            ],
            "rejected": [TemplateStatusChanged(TEMPLATE, "REJECTED", reason="INVALID_FORMAT", time=T)],
            "paused": [TemplateStatusChanged(TEMPLATE, "PAUSED", note="Paused for 3 hours for low quality", time=T)],
            "to_be_disabled": [TemplateStatusChanged(TEMPLATE, "FLAGGED", disable_date="1790600000", time=T)],
            "quality_under_this_field": [TemplateQualityChanged(TEMPLATE, "GREEN", "YELLOW", T)],
            "of_no_template": [Untyped("message_template_status_update")],
        },
        "message_template_quality_update": {"worse": [TemplateQualityChanged(TEMPLATE, "GREEN", "RED", T)]},
        "message_template_components_update": {
            "edited": [TemplateComponentsChanged(TEMPLATE, _value("message_template_components_update", "edited"), T)]
        },
        "template_category_update": {
            "done": [TemplateCategoryChanged(TEMPLATE, "UTILITY", "MARKETING", time=T)],
            "announced": [TemplateCategoryChanged(TEMPLATE, None, "UTILITY", "MARKETING", T)],
        },
        "account_update": {
            "restricted": [
                AccountUpdated(
                    "ACCOUNT_RESTRICTION",
                    restrictions=(
                        Restriction("RESTRICTED_BIZ_INITIATED_MESSAGING", LATER),
                        Restriction("RESTRICTED_ADD_PHONE_NUMBER_ACTION"),
                    ),
                    value=_value("account_update", "restricted"),
                    time=T,
                )
            ],
            "violation": [
                AccountUpdated(
                    "ACCOUNT_VIOLATION", violation="ADULT", value=_value("account_update", "violation"), time=T
                )
            ],
            "to_be_disabled": [
                AccountUpdated(
                    "DISABLED_UPDATE",
                    ban_state="SCHEDULE_FOR_DISABLE",
                    ban_date="January 31, 2027",
                    value=_value("account_update", "to_be_disabled"),
                    time=T,
                )
            ],
            "verified": [
                AccountUpdated(
                    "VERIFIED_ACCOUNT",
                    phone_number="551130000000",
                    value=_value("account_update", "verified"),
                    time=T,
                )
            ],
            "without_an_event": [Untyped("account_update")],
        },
        "account_review_update": {"approved": [AccountReviewed("APPROVED", T)]},
        "account_alerts": {
            "limit_denied": [
                AccountAlerted(
                    "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
                    "WARNING",
                    "ACTIVE",
                    "Additional verification is required",
                    "PHONE_NUMBER",
                    "100000000000001",
                    T,
                )
            ]
        },
        "phone_number_quality_update": {
            "flagged": [NumberQualityChanged("551130000000", "FLAGGED", "TIER_10K", "TIER_100K", "TIER_10K", T)]
        },
        "phone_number_name_update": {
            "declined": [NumberNameReviewed("551130000000", "DECLINED", "SVLentes", "NAME_NOT_RELATED", T)]
        },
        "security": {"pin_changed": [SecurityChanged("551130000000", "PIN_CHANGED", "61555822107539", T)]},
        "business_capability_update": {
            "limits": [CapabilitiesChanged("2000", 10, 10, T)],
            "tier": [CapabilitiesChanged("TIER_UNLIMITED", None, 25, T)],
            "older_names": [CapabilitiesChanged("-1", 25, None, T)],
        },
        "flows": {
            "status": [
                FlowChanged(
                    "FLOW_STATUS_CHANGE",
                    "6627390910605886",
                    "Flow changed status",
                    _value("flows", "status"),
                    T,
                )
            ],
            "endpoint_errors": [
                FlowChanged(
                    "ENDPOINT_ERROR_RATE",
                    "6627390910605886",
                    "The error rate has reached 10%",
                    _value("flows", "endpoint_errors"),
                    T,
                )
            ],
        },
    }


CASES = [(name, case) for name, cases in zoo().items() for case in cases]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_case_means_what_it_should(name, case):
    found = [event(item) for item in items(zoo()[name][case])]
    assert found == expected()[name][case]


def test_nothing_is_expected_that_is_not_in_the_zoo():
    assert {(name, case) for name, cases in expected().items() for case in cases} == set(CASES)


def test_a_stored_item_means_the_same_as_a_fresh_one():
    for name, case in CASES:
        for item in items(zoo()[name][case]):
            assert event(replace(item, value=json.loads(json.dumps(item.value)))) == event(item)


def _public_payloads():
    """The folder of public payloads, by source; INDEX.tsv names their kinds."""
    folder = os.environ.get("WHATSAPP_PAYLOADS")
    if folder is None:
        pytest.skip("WHATSAPP_PAYLOADS names no folder of public payloads")
    return sorted(Path(folder).glob("**/*.json"))


def _elements(payload):
    """Count what a payload tells, in the plainest way: list elements, else one for each change."""
    count = 0
    for entry in payload["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            lists = [value.get(name) for name in ("messages", "statuses", "errors", "calls", "message_echoes")]
            listed = sum(len(one) for one in lists if isinstance(one, list))
            count += listed or len(value.get("user_preferences", [])) or len(value.get("user_id_update", [])) or 1
    return count


def test_every_public_payload_comes_out_whole():
    paths = _public_payloads()
    assert paths
    typed = total = 0
    for path in paths:
        payload = decode(path.read_bytes())
        found = items(payload)
        assert len(found) == _elements(payload), path.name
        events = [event(item) for item in found]
        assert all(one.raw for one in events if isinstance(one, Unknown)), path.name
        typed += sum(not isinstance(one, Unknown) for one in events)
        total += len(events)
    assert typed >= 0.95 * total
