"""Descriptions of the customer's messages in words: every field of the run contract's item that a model needs.

Everything except the customer's own text stands in brackets. The customer's words cannot forge such a note: brackets in
them become parentheses, and a note has no line breaks. Every value passes through `plain` or `value` of `words`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from graph.contract.state import Inbound, Order, OrderItem, Referral
from graph.history.words import plain, value

MEDIA_NAMES = {
    "image": "imagem",
    "audio": "áudio",
    "video": "vídeo",
    "document": "documento",
    "sticker": "figurinha",
}
# Why a file cannot be opened (the statuses of the run contract).
NOT_STORED = {
    "too_large": "grande demais para ser aberto",
    "expired": "não está mais disponível, peça de novo",
    "failed": "não foi possível recebê-lo, peça de novo",
}
# Ids that this agent gave its own choices: the title says their meaning, or it is decided without the model.
OWN_IDS = ("choice:", "order:", "confirm:", "drop:")
# Kinds whose text only repeats the detail.
TEXT_REPEATS_DETAIL = ("location", "contacts", "reaction")
# Fields of a Flow and a contact card that are for machines.
MACHINE_FIELDS = frozenset({"flow_token", "wa_id", "type", "country_code", "origin"})
# The origin of the card by which a customer answered our request for the number.
REQUESTED_CONTACT = "contact_request"
VALUES_LIMIT = 50  # values of one form, card or order
NOTE_LIMIT = 4096  # characters of all values of one note
DEPTH_LIMIT = 4


def describe(message: Inbound) -> str:
    """Return one message of the customer in words, never empty; everything except text stands in brackets."""
    body = " ".join(part for part in (_forwarded(message), _notice(message), _own_words(message)) if part)
    return "\n".join([*_around(message), body or "[mensagem vazia]"])


def _around(message: Inbound) -> Iterable[str]:
    """Yield the references of the message: the advertisement, the product, the text that it answers."""
    context = message.context
    if message.referral:
        yield _referral(message.referral)
    if context and context.product and context.product.product:
        catalog = f" (catálogo {value(context.product.catalog)})" if context.product.catalog else ""
        yield f"[sobre o produto {value(context.product.product)}{catalog}]"
    if context and context.text:
        yield f"[em resposta a: {value(context.text)}]"


def _forwarded(message: Inbound) -> str:
    return "[mensagem encaminhada]" if message.context and message.context.forwarded else ""


def _own_words(message: Inbound) -> str:
    known = {"location": message.location, "contacts": message.contacts, "reaction": message.reaction}
    if message.kind in TEXT_REPEATS_DETAIL and known[message.kind]:
        return ""
    if message.kind in ("button", "interactive") and message.interactive:
        return ""
    return plain(message.text or "")


def _notice(message: Inbound) -> str:
    """Return the content of the message besides text; empty for plain text."""
    match message.kind:
        case "text":
            return ""
        case kind if kind in MEDIA_NAMES:
            return _media(message)
        case "button" | "interactive":
            return _choice(message)
        case "location":
            return _location(message)
        case "contacts":
            return _contacts(message)
        case "reaction":
            return _reaction(message)
        case "order":
            return _order(message.order)
        case _:
            return "[mensagem de um tipo que não é possível ler aqui]"


def _media(message: Inbound) -> str:
    media = message.media
    filename = f": {value(media.filename)}" if media and media.filename else ""
    lost = f", {NOT_STORED[media.status]}" if media and media.status in NOT_STORED else ""
    return f"[{MEDIA_NAMES[message.kind]}{filename}{lost}]"


def _choice(message: Inbound) -> str:
    """Return a tap or a filled-in form: the choice as the customer read it, and the code of the company's button."""
    chosen = message.interactive
    if chosen is None:
        return "" if message.text else "[toque em um botão]"
    if chosen.type == "nfm_reply" or chosen.data:
        return f"[formulário preenchido{_tail(_answers(chosen.data or {}))}]"
    title, more = plain(chosen.title or message.text or ""), value(chosen.description or "")
    shown = more if title.endswith("…") and more.startswith(title[:-1]) else f"{title} [{more}]" if more else title
    code = "" if chosen.id.startswith(OWN_IDS) or value(chosen.id) == title else value(chosen.id)
    return " ".join(filter(None, [shown or "[toque em um botão sem texto]", code and f"[código do botão: {code}]"]))


def _answers(data: Mapping[str, Any]) -> str:
    """Return the names and values of a form, the values in quotation marks."""
    named = [(name, found) for name, one in data.items() if name not in MACHINE_FIELDS for found in _leaves(one)]
    return "; ".join(f'{value(name)}: "{found}"' for name, found in named[:VALUES_LIMIT])


def _leaves(part: Any, depth: int = 0) -> Iterable[str]:  # noqa: ANN401 - JSON
    """Yield the values in JSON as words, except values that are nested too deeply."""
    match part:
        case bool():
            yield "sim" if part else "não"
        case str() | int() | float():
            yield value(str(part))
        case dict() if depth < DEPTH_LIMIT:
            for name, inner in part.items():
                yield from () if name in MACHINE_FIELDS else _leaves(inner, depth + 1)
        case list() if depth < DEPTH_LIMIT:
            for inner in part:
                yield from _leaves(inner, depth + 1)


def _referral(referral: Referral) -> str:
    what = "uma publicação" if referral.source_type == "post" else "um anúncio"
    texts = [f'"{value(text)}"' for text in (referral.headline, referral.body) if text]
    return f"[o cliente chegou por {what}{_tail(', '.join([*texts, *_given(referral.source_url)]))}]"


def _location(message: Inbound) -> str:
    place = message.location
    if place is None:
        return "[localização]"
    names = ", ".join(_given(place.name, place.address))
    return f"[localização: {names + ' ' if names else ''}({place.latitude}, {place.longitude})]"


def _reaction(message: Inbound) -> str:
    emoji = value(message.reaction.emoji) if message.reaction else ""
    return f"[reagiu com {emoji}]" if emoji else "[retirou a reação]"


def _contacts(message: Inbound) -> str:
    cards = message.contacts or []
    if any(card.get("origin") == REQUESTED_CONTACT for card in cards):
        return f"[o cliente compartilhou o próprio número{_tail('; '.join(filter(None, map(_card, cards))))}]"
    return f"[contatos enviados: {len(cards)}{_tail('; '.join(filter(None, map(_card, cards))))}]"


def _card(contact: Mapping[str, Any]) -> str:
    """Return a contact card in the Cloud API's form: the name once, then company, numbers, addresses and the rest."""
    name = contact.get("name")
    shown = name.get("formatted_name") if isinstance(name, dict) else None
    rest = {key: part for key, part in contact.items() if key != "name"}
    named = [value(shown)] if isinstance(shown, str) else list(_leaves(name))
    return ", ".join([found for found in [*named, *_leaves(rest)] if found][:VALUES_LIMIT])


def _order(order: Order | None) -> str:
    if order is None:
        return "[pedido feito pelo catálogo]"
    lines = "; ".join(_line(item) for item in order.items[:VALUES_LIMIT])
    return f"[pedido feito pelo catálogo{f' {value(order.catalog)}' if order.catalog else ''}{_tail(lines)}]"


def _line(item: OrderItem) -> str:
    product = value(item.product or "produto sem código")
    if item.price is None:
        return f"{_number(item.quantity)} x {product}"
    price = " ".join([f"{item.price:.2f}".replace(".", ","), *_given(item.currency)])
    return f"{_number(item.quantity)} x {product}, {price} cada"


def _number(number: float | None) -> str:
    if number is None or not math.isfinite(number):
        return "?"
    return str(int(number)) if number == int(number) else str(number)


def _given(*texts: str | None) -> list[str]:
    return [value(text) for text in texts if text]


def _tail(text: str) -> str:
    """Return a colon and the text, of limited length; empty for an empty text."""
    return "" if not text else f": {text}" if len(text) <= NOTE_LIMIT else f": {text[:NOTE_LIMIT]}…"
