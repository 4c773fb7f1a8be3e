"""The Cloud API's calls about conversations: send a message, mark one as read, take or release a thread."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from gateway.whatsapp.api.connection import GRAPH_URL, GraphApi
from gateway.whatsapp.errors import Uncertain
from gateway.whatsapp.json_bytes import Json

ThreadAction = Literal["take", "release"]

_THREAD_CONTROL_URL = "https://api.facebook.com/business/whatsapp/phone_numbers"


@dataclass(frozen=True, slots=True)
class Sent:
    """Meta's receipt for a message.

    wamid: the message's id; wa_id: the number that Meta made of our `input` (Brazil: it may differ by the ninth
    digit); user_id: the business-scoped id; message_status: `accepted`, `held_for_quality_assessment`, `paused`.
    """

    wamid: str
    wa_id: str | None = None
    input: str | None = None
    message_status: str | None = None
    user_id: str | None = None


class CloudApi(GraphApi):
    """The Cloud API with one access token.

    Source: developers.facebook.com/docs/whatsapp/cloud-api/reference/messages.
    """

    async def send(self, phone_number_id: str, payload: Json) -> Sent:
        """Send one payload of `render` once and return the receipt.

        Raises:
            Temporary: Not sent (NotSent: not even tried; PairLimited); the same may be sent again later.
            Uncertain: It may be out: wait for a status that echoes biz_opaque_callback_data.
            Permanent: It will never go out as it is (WindowClosed, TemplateError).
            AccountBlocked: Nothing of this number goes out until a person acts.
        """
        return _sent(await self.post(phone_number_id, "messages", body=payload))

    async def thread_control(
        self, phone_number_id: str, action: ThreadAction, *, to: str | None = None, recipient: str | None = None
    ) -> None:
        """Take the conversation with a customer over from another app, or release it to Meta's automatic responder.

        A release makes no webhook. Taking is for the escalation partner that is configured at Meta: Permanent (2494191)
        for anybody else. Asking twice does no harm: never Uncertain, but Temporary.

        Source: developers.facebook.com/documentation/meta-business-agent/reference/operate/thread-control-cloud-api,
        which names a host of its own; elsewhere than at Meta the edge is the number's, as resellers offer it.
        """
        body: Json = {"messaging_product": "whatsapp", "action": action}
        body |= {"to": to if to.startswith("+") else f"+{to}"} if to else {"recipient": recipient or ""}
        if self.base_url == GRAPH_URL:
            await self.repeatable_at(f"{_THREAD_CONTROL_URL}/{quote(phone_number_id)}/thread_control", body=body)
        else:
            await self.repeatable("POST", phone_number_id, "thread_control", body=body)

    async def mark_read(self, phone_number_id: str, wamid: str, *, typing: bool = False) -> None:
        """Show the customer that a message (and all before it) is read; with typing, that an answer is on its way.

        The typing indicator goes after 25 seconds or with the next message. Raises as `send`, but never Uncertain.
        """
        body: Json = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        await self.repeatable("POST", phone_number_id, "messages", body=body)


def _sent(answer: Json) -> Sent:
    message, contact = _first(answer.get("messages")), _first(answer.get("contacts"))
    wamid = _text(message, "id")
    if wamid is None:
        raise Uncertain("Meta's answer names no message id; the message was probably taken.")
    return Sent(
        wamid=wamid,
        wa_id=_text(contact, "wa_id"),
        input=_text(contact, "input"),
        message_status=_text(message, "message_status"),
        user_id=_text(contact, "user_id"),
    )


def _first(elements: object) -> Json:
    return elements[0] if isinstance(elements, list) and elements and isinstance(elements[0], dict) else {}


def _text(holder: Json, name: str) -> str | None:
    value = holder.get(name)
    return value if isinstance(value, str) and value else None
