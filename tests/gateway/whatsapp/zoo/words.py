"""The payloads of tests/payloads, and short words for the events that are expected of them."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from gateway.whatsapp.errors import Cause
from gateway.whatsapp.json_bytes import decode
from gateway.whatsapp.webhooks.accounts import GroupChanged, TemplateRef
from gateway.whatsapp.webhooks.contents import MediaContent, SystemContent, TextContent
from gateway.whatsapp.webhooks.events import (
    CallChanged,
    Context,
    Customer,
    HandoverChanged,
    MessageEchoed,
    MessageReceived,
    Pricing,
    StatusChanged,
    Unknown,
    UserPreferenceChanged,
)

PAYLOADS = Path(__file__).parents[3] / "payloads"

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


def received(content, **more):
    return MessageReceived(**{"wamid": "wamid.INA", "timestamp": T, "customer": MARIA, "content": content, **more})


def text(body, **more):
    return received(TextContent(body), **more)


def media(kind, mime_type="image/jpeg", text=None, **more):
    return received(MediaContent(kind, "1479537139650973", mime_type, "4fmt9bnD0ZQ=", text, **more))


def status(word, **more):
    return StatusChanged(**{"wamid": "wamid.OUT1", "status": word, "timestamp": T, "customer": NUMBER, **more})


def system(event, words, *ids, customer=NUMBER):
    return received(SystemContent(event, words, *ids), customer=customer)


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


def value(name, case):
    """Return the raw value of an account-level case: events keep it whole."""
    return zoo()[name][case]["entry"][0]["changes"][0]["value"]


def group(field, kind, case):
    [raw] = value("groups", case)["groups"]
    return GroupChanged(field, kind, GROUP, raw, T)


@cache
def zoo():
    """Return every payload by file and case name."""
    return {path.stem: decode(path.read_bytes()) for path in sorted(PAYLOADS.glob("*.json"))}
