"""Replies of an agent to messages that fit: Markdown formatted for WhatsApp, long bodies split (here only)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.whatsapp.messages import caps
from gateway.whatsapp.messages.markdown import to_plain, to_whatsapp
from gateway.whatsapp.messages.messages import (
    Button,
    Buttons,
    Choices,
    ContactRequest,
    CtaUrl,
    Flow,
    Media,
    Message,
    Row,
    Section,
    Text,
    message,
)
from gateway.whatsapp.text import split_formatted

_BODIES = {
    "buttons": caps.BUTTONS_BODY,
    "list": caps.LIST_BODY,
    "cta_url": caps.CTA_BODY,
    "flow": caps.FLOW_BODY,
    "contact_request": caps.CONTACT_REQUEST_BODY,
}


def prepare(reply: Message | Mapping[str, Any]) -> list[Message]:
    """Return a reply of an agent as messages that each fit: `formatted`, then `split`.

    Raises:
        InvalidMessage: The reply is none of the run contract's.
    """
    return split(formatted(reply))


def formatted(reply: Message | Mapping[str, Any]) -> Message:
    """Return a reply with its Markdown in WhatsApp's formatting; to be called once, and never for a person's text.

    Bodies and captions are formatted; where WhatsApp shows plain text (titles, headers, footers), marks are taken off.
    Verbatim replies stay as they are: in Markdown some words are not shown (comments, attributes of tags).
    """
    whole = message(reply) if isinstance(reply, Mapping) else reply
    match whole:
        case Text(verbatim=True) | Buttons(verbatim=True):
            return whole
        case Text():
            return replace(whole, text=to_whatsapp(whole.text))
        case Media(caption=str(caption)):
            return replace(whole, caption=to_whatsapp(caption))
        case ContactRequest():
            return replace(whole, body=to_whatsapp(whole.body))
        case Buttons() | Choices() | CtaUrl() | Flow():
            return _formatted_interactive(whole)
        case _:
            return whole


def _formatted_interactive(whole: Buttons | Choices | CtaUrl | Flow) -> Message:
    whole = replace(whole, body=to_whatsapp(whole.body), header=_plain(whole.header), footer=_plain(whole.footer))
    match whole:
        case Buttons():
            return replace(whole, buttons=[Button(id=b.id, title=to_plain(b.title)) for b in whole.buttons])
        case Choices():
            return replace(whole, button=to_plain(whole.button), sections=[_plain_section(s) for s in whole.sections])
        case CtaUrl():
            return replace(whole, text=to_plain(whole.text))
        case Flow():
            return replace(whole, cta=to_plain(whole.cta))


def _plain_section(section: Section) -> Section:
    rows = [Row(id=r.id, title=to_plain(r.title), description=_plain(r.description)) for r in section.rows]
    return Section(title=to_plain(section.title), rows=rows)


def _plain(text: str | None) -> str | None:
    return None if text is None else to_plain(text)


def split(content: Message | Mapping[str, Any]) -> list[Message]:
    """Return the same content in messages that each fit: long bodies and captions continue as texts.

    A body that is too long for its buttons goes out before them, as text; a caption that is too long (or that audio
    and stickers cannot have) goes on after the media. Raises InvalidMessage as `message` does.
    """
    whole = message(content) if isinstance(content, Mapping) else content
    if isinstance(whole, Text):
        return _texts(whole)
    if isinstance(whole, Media) and whole.caption:
        return _with_caption(whole, whole.caption)
    if isinstance(whole, Buttons | Choices | CtaUrl | Flow | ContactRequest):
        return _with_body(whole)
    return [whole]


def _texts(whole: Text) -> list[Message]:
    pieces = split_formatted(whole.text, caps.TEXT_BODY)
    if len(pieces) < 2:
        return [whole]
    return [replace(whole, text=piece, reply_to=None if n else whole.reply_to) for n, piece in enumerate(pieces)]


def _with_caption(media: Media, caption: str) -> list[Message]:
    if media.kind in caps.WITHOUT_CAPTION:
        return [replace(media, caption=None), *_texts(Text(text=caption))]
    first, *rest = split_formatted(caption, caps.CAPTION) or [""]
    if not rest:
        return [media]
    return [replace(media, caption=first), *_texts(Text(text="\n\n".join(rest)))]


def _with_body(whole: Buttons | Choices | CtaUrl | Flow | ContactRequest) -> list[Message]:
    pieces = split_formatted(whole.body, _BODIES[whole.type])
    if len(pieces) < 2:
        return [whole]
    texts: list[Message] = [Text(text=piece) for piece in pieces[:-1]]
    texts[0] = Text(text=pieces[0], reply_to=whole.reply_to)
    return [*texts, replace(whole, body=pieces[-1], reply_to=None)]
