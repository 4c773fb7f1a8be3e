"""The people whom an item is about, whatever its kind, and when they did what it reports."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.whatsapp.json_bytes import Json, encode
from gateway.whatsapp.numbers import is_parent_id
from gateway.whatsapp.reading import part, parts
from gateway.whatsapp.webhooks.contents import SystemContent
from gateway.whatsapp.webhooks.events import (
    CallChanged,
    ContactSynced,
    Customer,
    HandoverChanged,
    HistoryReceived,
    MessageEchoed,
    MessageReceived,
    StatusChanged,
    UserIdChanged,
    UserPreferenceChanged,
)
from gateway.whatsapp.webhooks.items import Item
from gateway.whatsapp.webhooks.parse import Event, event

# In an item of no known shape every such string may be a person's.
_NUMBER = re.compile(rb'"\+?([1-9][0-9]{6,14})"')
_USER_ID = re.compile(rb'"([A-Z]{2}\.[A-Za-z0-9]{1,128})"')
_TIME = re.compile(rb'"(?:timestamp|time)":"?([0-9]{10})\b')
_MOST = 500


@dataclass(frozen=True, slots=True)
class Party:
    """A person. numbers: without a plus; user_ids: business-scoped; at: the sender's time, None if there is none."""

    numbers: tuple[str, ...]
    user_ids: tuple[str, ...]
    at: datetime | None


def parties(item: Item) -> list[Party]:
    """Return the people of an item; of an item of no known shape one party with all strings that may name one.

    Raises:
        ValueError: The item is nested too deeply.
    """
    return [party for party in _of(event(item)) if party.numbers or party.user_ids] or [_anybody(item)]


def part_about(item: Item, names: Collection[str]) -> Json | None:
    """Return what an item says about the person with these names, and about nobody else; None where it is not known.

    Of a chunk of history these are the person's threads; an item of no known shape may be about many people.

    Raises:
        ValueError: The item is nested too deeply.
    """
    if chunk := part(item.value, "history"):
        threads = [thread for thread in parts(chunk, "threads") if _is_of(thread, names)]
        return {**item.value, "history": {**chunk, "threads": threads}} if threads else None
    found = {name for party in _of(event(item)) for name in (*party.numbers, *party.user_ids)}
    return item.value if found and found <= set(names) else None


def _is_of(thread: Json, names: Collection[str]) -> bool:
    about = part(thread, "context")
    found = (thread.get("id"), about.get("wa_id"), about.get("user_id"))
    return any(isinstance(name, str) and name.removeprefix("+") in names for name in found)


def of_message(message: MessageReceived | MessageEchoed) -> Party:
    """Return the customer of a message; WhatsApp's own messages may name a customer's new ids too."""
    named, content = message.customer, message.content
    more: tuple[str | None, ...] = ()
    if isinstance(content, SystemContent):
        more = (content.wa_id, content.user_id, content.previous_user_id)
    return _party(named, message.timestamp, *more)


def _of(meant: Event) -> list[Party]:
    match meant:
        case HistoryReceived():
            return [of_message(message) for message in meant.messages]
        case MessageReceived() | MessageEchoed():
            return [of_message(meant)]
        case StatusChanged():
            people = [meant.customer, meant.participant]
            return [_party(one, meant.timestamp) for one in people if one]
        case UserIdChanged():
            return [_party(meant.customer, meant.timestamp, meant.previous, meant.current)]
        case CallChanged() | HandoverChanged() | UserPreferenceChanged() | ContactSynced():
            return [_party(meant.customer, meant.timestamp)]
        case _:
            return []


def _party(named: Customer, at: datetime | None, *more: str | None) -> Party:
    """Return a party by all names of a customer and further ids; parent ids lead to nobody."""
    names = [name.removeprefix("+") for name in (named.wa_id, named.user_id, *more) if name]
    numbers = tuple(name for name in names if name.isdigit())
    return Party(numbers, tuple(name for name in names if not name.isdigit() and not is_parent_id(name)), at)


def _anybody(item: Item) -> Party:
    raw = encode(item.value)
    numbers = dict.fromkeys(found.decode() for found in _NUMBER.findall(raw)[:_MOST])
    user_ids = dict.fromkeys(found.decode() for found in _USER_ID.findall(raw)[:_MOST])
    time = _TIME.search(raw)
    return Party(tuple(numbers), tuple(user_ids), datetime.fromtimestamp(int(time[1]), UTC) if time else None)
