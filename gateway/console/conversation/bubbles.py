"""Messages as the page shows them: inbound items of the run contract and outbound replies, in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from gateway.console.conversation.marks import flat, formatted

_FILES = ("image", "video", "audio", "voice", "document", "sticker")
_DEEPEST = 3


@dataclass(frozen=True)
class Bubble:
    """Parts of a message to show.

    kind: which template shows it; rows: of a table, name and value; options: to be tapped.
    link: an address that is neither media of ours nor checked; place: latitude, longitude, name, address.
    product: the shop's code of the product that the customer asks about.
    """

    kind: str
    body: Markup
    header: str = ""
    footer: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    rows: list[tuple[str, str]] = field(default_factory=list)
    place: Mapping[str, Any] | None = None
    cards: list[tuple[str, list[str]]] = field(default_factory=list)
    filename: str = ""
    media_status: str = ""
    mime_type: str = ""
    link: str = ""
    forwarded: bool = False
    quoted: str | None = None
    quoted_id: str | None = None
    referral: str = ""
    product: str = ""


def bubble(content: Mapping[str, Any]) -> Bubble:
    """Return what a message shows; a field that is not as it should be is left out."""
    return _outbound(content) if "type" in content else _inbound(content)


def summary(content: Mapping[str, Any]) -> str:
    """Return a message in a line, for a quote; empty where it has no words."""
    return flat(_text(content, "text") or _text(content, "body") or _text(content, "caption"))[:200]


# What customers wrote ---------------------------------------------------------------------------------------------


def _inbound(content: Mapping[str, Any]) -> Bubble:
    context, media = _map(content, "context"), _map(content, "media")
    interactive, kind = _map(content, "interactive"), _text(content, "kind")
    return Bubble(
        kind=_inbound_kind(kind, media, interactive),
        body=formatted(_text(content, "text")),
        rows=_flow_rows(_map(interactive, "data")) or _order_rows(_map(content, "order")),
        options=[(title, _text(interactive, "description"))] if (title := _text(interactive, "title")) else [],
        place=_place(content.get("location")),
        cards=_cards(content.get("contacts")),
        filename=_text(media, "filename"),
        media_status=_text(media, "status"),
        mime_type=_text(media, "mime_type"),
        forwarded=context.get("forwarded") is True,
        quoted=_text(context, "text") or None,
        quoted_id=_text(context, "message_id") or None,
        referral=_text(_map(content, "referral"), "headline"),
        product=_text(_map(context, "product"), "product"),
    )


def _inbound_kind(kind: str, media: Mapping[str, Any], interactive: Mapping[str, Any]) -> str:
    if kind == "audio" and media.get("voice"):
        return "voice"
    if kind == "interactive" and interactive.get("type") == "nfm_reply":
        return "flow_answer"
    return {"interactive": "choice", "button": "choice"}.get(kind, kind)


def _flow_rows(data: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Return a flow's answers as lines of a table; its token tells people nothing."""
    rows: list[tuple[str, str]] = []
    for name, value in data.items():
        label = f"{prefix}{name}".replace("_", " ")
        if name == "flow_token":
            continue
        if isinstance(value, Mapping) and depth < _DEEPEST:
            rows += _flow_rows(value, f"{label} › ", depth + 1)
        else:
            rows.append((label, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows


def _order_rows(order: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for item in _maps(order.get("items")):
        price = _money(_text(item, "currency"), item.get("price"))
        quantity = item.get("quantity")
        count = f"{quantity:g} ×" if isinstance(quantity, int | float) else ""
        rows.append((_text(item, "product"), f"{count} {price}".strip()))
    return rows


def _money(currency: str, amount: object) -> str:
    if not isinstance(amount, int | float):
        return ""
    return f"R$ {amount:.2f}".replace(".", ",") if currency == "BRL" else f"{currency} {amount:.2f}".strip()


def _place(value: object) -> Mapping[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    latitude, longitude = value.get("latitude"), value.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    return {
        "latitude": latitude, "longitude": longitude, "name": _text(value, "name"), "address": _text(value, "address")
    }  # fmt: skip


def _cards(value: object) -> list[tuple[str, list[str]]]:
    return [
        (
            _text(_map(card, "name"), "formatted_name"),
            [number for phone in _maps(card.get("phones")) if (number := _text(phone, "phone"))],
        )
        for card in _maps(value)
    ]


# What we wrote ----------------------------------------------------------------------------------------------------


def _outbound(content: Mapping[str, Any]) -> Bubble:
    kind = _text(content, "type")
    return Bubble(
        kind=_text(content, "kind") if kind == "media" else kind,
        body=formatted(_text(content, "text") if kind in ("text", "template") else _body(content)),
        header=_text(content, "header"),
        footer=_text(content, "footer"),
        options=_options(content, kind),
        place=_place(content) if kind == "location" else None,
        cards=_cards(content.get("contacts")),
        filename=_text(content, "filename"),
        mime_type=_text(content, "mime_type"),
        link=_text(content, "link") or _text(content, "url"),
        quoted_id=_text(content, "reply_to") or None,
    )


def _body(content: Mapping[str, Any]) -> str:
    return _text(content, "body") or _text(content, "caption")


def _options(content: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    if kind == "buttons":
        return [(_text(one, "title"), "") for one in _maps(content.get("buttons"))]
    if kind == "list":
        sections = _maps(content.get("sections"))
        return [(_text(row, "title"), _text(row, "description")) for one in sections for row in _maps(one.get("rows"))]
    label = {"cta_url": "text", "flow": "cta"}.get(kind)
    return [(_text(content, label), "")] if label else []


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def _map(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> Iterable[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
