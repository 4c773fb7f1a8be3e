"""Other events of conversations: statuses, errors, handovers, echoes, history, ids, calls."""

from dataclasses import replace
from datetime import UTC, datetime

from gateway.whatsapp.errors import Cause
from gateway.whatsapp.webhooks.accounts import AccountReviewed
from gateway.whatsapp.webhooks.contents import EditContent, RevokeContent, TextContent
from gateway.whatsapp.webhooks.events import (
    ContactSynced,
    Customer,
    ErrorReported,
    HistoryReceived,
    Pricing,
    UserIdChanged,
)
from tests.gateway.whatsapp.zoo.words import (
    BOTH_IDS,
    GROUP,
    MARIA,
    NUMBER,
    OURS,
    PMP,
    T,
    Untyped,
    call,
    echoed,
    handover,
    media,
    preference,
    status,
    text,
)


def expected():
    """Return the events of each case by file and case name."""
    return {
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
    }
