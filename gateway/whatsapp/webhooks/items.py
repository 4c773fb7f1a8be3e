"""Take a webhook payload apart: one `Item` for each message, status, error, call or account update in it.

This is the hot path of `serve`: it reads nothing but the envelope, copies nothing and never raises. `parse` reads the
items.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from gateway.whatsapp.json_bytes import Json, canonical

UNKNOWN = "unknown"

# Lists inside a value whose elements are items of their own, and the name that each element gets in Item.value.
_LISTS = {
    "messages": "message",
    "message_echoes": "echo",
    "statuses": "status",
    "errors": "error",
    "calls": "call",
    "history": "history",
    "state_sync": "contact_sync",
    "user_preferences": "preference",
    "user_id_update": "user_id_update",
    "groups": "group",
}
# The fields whose values hold such lists. In others (flows, say) "errors" is a detail of the one event.
_LISTED_FIELDS = frozenset(
    {
        "messages",
        "standby",
        "calls",
        "history",
        "smb_message_echoes",
        "smb_app_state_sync",
        "user_preferences",
        "user_id_update",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
    }
)
# These lists hold items in any field.
_ALWAYS_LISTS = ("messages", "message_echoes", "statuses")
# The fields around those lists, which are no items.
_ENVELOPE = frozenset({"messaging_product", "metadata", "contacts"})
# Keys of items that name a customer, the most telling first.
_PARTIES = ("from_user_id", "from", "recipient_user_id", "recipient_id", "to_user_id", "to", "user_id", "wa_id")
# The copy of a message in another field must not take the place of the message itself.
_KEY_PREFIXES = {"standby": "standby:", "history": "history:"}

_LONGEST_ID = 512
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Item:
    """One report of a webhook, with everything that is needed to read it alone.

    key: the same for every delivery of the same thing, different for different things; ASCII, at most 1,200 characters:
        `msg:<wamid>`, `echo:<wamid>`, `st:<wamid>:<status>` (groups: and the participant), `call:<id>:<event>`,
        else a hash. Items of `standby` and `history` have that word in front.
    field: the webhook field (`messages`, `account_update` ...), or `unknown`.
    type: for messages their type (`text`); `status`, `error`, `call` ...; the field's name for account-level updates;
        `unknown` where the shape is.
    value: the raw form, self-contained: `{"message" | "echo" | "status" | "error" | "call" | ...: {...}, "contact":
        {...} or None, "metadata": {...} or None}` (an echo is a message that the business sent by another way);
        `{"field", "value", "time"}` for account-level updates; `{"raw": ...}` for what has no known shape.
    signer: names the secret that signed the webhook; verified: that secret is known to sign for this number. `items`
        knows neither: the program that checked the signature sets them.
    """

    key: str
    field: str
    type: str
    phone_number_id: str | None
    waba_id: str | None
    value: Json
    signer: str | None = None
    verified: bool = True


def items(payload: object) -> list[Item]:
    """Return the items of a decoded payload. Never raises, never drops anything: an unknown shape is an unknown item.

    Several entries, changes, messages and statuses each are normal (up to 1,000 updates a payload).
    """
    return list(each_item(payload))


def each_item(payload: object) -> Iterator[Item]:
    """Yield the items of a payload, for a reader that may stop early.

    Items repeat what they share (a contact, metadata, ids): all together may be much larger than the payload.
    """
    entries = payload.get("entry") if isinstance(payload, dict) else None
    if not isinstance(entries, list) or not entries:
        yield whole(payload)
        return
    for entry in entries:
        yield from _entry(entry)


def whole(payload: object) -> Item:
    """Return a payload as one unknown item."""
    return _unknown(payload, None)


def _entry(entry: object) -> Iterator[Item]:
    changes = entry.get("changes") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(changes, list) or not changes:
        yield _unknown(entry, None)
        return
    waba_id, time = _id(entry.get("id")), entry.get("time")
    for change in changes:
        yield from _change(change, waba_id, time)
    # Messenger's handover protocol puts lists next to `changes`; should WhatsApp do so one day, nothing is lost.
    rest = {name: entry[name] for name in entry if name not in ("id", "time", "changes")}
    if rest:
        yield _unknown(rest, waba_id)


def _change(change: object, waba_id: str | None, time: object) -> Iterator[Item]:
    field = _name(change.get("field")) if isinstance(change, dict) else None
    value = change.get("value") if isinstance(change, dict) else None
    if field is None or not isinstance(value, dict):
        yield _unknown({"change": change, "time": time}, waba_id)
    elif field in _LISTED_FIELDS or any(isinstance(value.get(name), list) for name in _ALWAYS_LISTS):
        yield from _listed(field, value, waba_id, time)
    else:
        yield _whole(field, field, value, waba_id, time)


def _listed(field: str, value: Json, waba_id: str | None, time: object) -> Iterator[Item]:
    """Return the elements of every known list; then, as one unknown item, all other fields."""
    inner = value.get("standby") if field == "standby" else None
    if isinstance(inner, dict) and inner:
        # The standby field nests one level deeper: value.standby.messages, .statuses, .message_echoes.
        value = {**{name: value[name] for name in value if name != "standby"}, **inner}
    change = _Change(field, value, waba_id, time)
    found = False
    for name, wrapper in _LISTS.items():
        elements = value.get(name)
        if isinstance(elements, list):
            for element in elements:
                found = True
                yield change.item(wrapper, element)
    rest = {n: v for n, v in value.items() if n not in _ENVELOPE and v and not (n in _LISTS and isinstance(v, list))}
    if rest and found:
        yield _whole(field, UNKNOWN, {**rest, "metadata": value.get("metadata")}, waba_id, time)
    elif not found:
        yield _whole(field, UNKNOWN, value, waba_id, time)


class _Change:
    """One `changes` element with lists: the parts that its items share."""

    __slots__ = (
        "_neighbours", "by_id", "contacts", "field", "metadata", "phone_number_id", "prefix", "time", "value",
        "waba_id",
    )  # fmt: skip

    def __init__(self, field: str, value: Json, waba_id: str | None, time: object) -> None:
        self.field, self.value, self.waba_id, self.time = field, value, waba_id, time
        metadata = value.get("metadata")
        self.metadata: Json | None = metadata if isinstance(metadata, dict) else None
        self.phone_number_id = _id(self.metadata.get("phone_number_id")) if self.metadata else None
        self.prefix = _KEY_PREFIXES.get(field, "")
        contacts = value.get("contacts")
        self.contacts = [c for c in contacts if isinstance(c, dict)] if isinstance(contacts, list) else []
        self._neighbours: list[str] | None = None
        # By every id, because a value may hold a thousand contacts and as many messages.
        self.by_id: dict[str, Json] = {}
        for contact in self.contacts:
            for name in ("user_id", "wa_id"):
                if isinstance(contact.get(name), str):
                    self.by_id.setdefault(contact[name], contact)

    def item(self, wrapper: str, element: object) -> Item:
        if not isinstance(element, dict):
            return self._unknown(wrapper, element)
        if wrapper in ("message", "echo"):
            return self._message(wrapper, element)
        if wrapper == "status":
            return self._status(element)
        return self._other(wrapper, element)

    def _message(self, wrapper: str, message: Json) -> Item:
        wamid = _id(message.get("id"))
        if wamid is None:
            return self._unknown(wrapper, message)
        word = "msg" if wrapper == "message" else wrapper
        return self._item(f"{self.prefix}{word}:{wamid}", _message_type(message), wrapper, message)

    def _status(self, status: Json) -> Item:
        wamid, name = _id(status.get("id")), _name(status.get("status"))
        if wamid is None or name is None:
            return self._unknown("status", status)
        key = f"{self.prefix}st:{wamid}:{name}"
        # In a group each participant has a status of the same message.
        participant = _id(status.get("recipient_participant_user_id")) or _id(status.get("recipient_participant_id"))
        return self._item(f"{key}:{participant}" if participant else key, "status", "status", status)

    def _other(self, wrapper: str, element: Json) -> Item:
        identifier, event = _id(element.get("id")), _name(element.get("event"))
        if wrapper == "call" and identifier and event:
            return self._item(f"call:{identifier}:{event}", "call", "call", element)
        value: Json = {wrapper: element, "contact": self._contact(element), "metadata": self.metadata}
        if wrapper == "error":
            # Errors of a value carry no id; the other ids of the value tell one occurrence from the next.
            value["about"] = self._about()
        return Item(self._hash(value), self.field, wrapper, self.phone_number_id, self.waba_id, value)

    def _unknown(self, wrapper: str, element: object) -> Item:
        value: Json = {"raw": {wrapper: element, "contacts": self.contacts, "metadata": self.metadata}}
        return Item(self._hash(value), self.field, UNKNOWN, self.phone_number_id, self.waba_id, value)

    def _item(self, key: str, kind: str, wrapper: str, element: Json) -> Item:
        value: Json = {wrapper: element, "contact": self._contact(element), "metadata": self.metadata}
        return Item(key, self.field, kind, self.phone_number_id, self.waba_id, value)

    def _contact(self, element: Json) -> Json | None:
        """Return the contact of an element, by any id that both name."""
        for name in _PARTIES:
            party = element.get(name)
            if isinstance(party, str) and party in self.by_id:
                return self.by_id[party]
        return None

    def _about(self) -> list[str]:
        if self._neighbours is None:
            lists = [self.value.get("messages"), self.value.get("statuses"), self.value.get("calls")]
            elements = [element for one in lists if isinstance(one, list) for element in one]
            self._neighbours = [found for e in elements if isinstance(e, dict) and (found := _id(e.get("id")))]
        return self._neighbours

    def _hash(self, value: Json) -> str:
        return _hashed(self.field, self.waba_id, self.time, value)


def _whole(field: str, kind: str, value: Json, waba_id: str | None, time: object) -> Item:
    raw = {"field": field, "value": value, "time": time}
    return Item(_hashed(field, waba_id, time, value), field, kind, _number(value), waba_id, raw)


def _number(value: Json) -> str | None:
    """Return the number of an update, from `metadata` or `recipient` (messaging_handovers)."""
    for place in ("metadata", "recipient"):
        holder = value.get(place)
        if isinstance(holder, dict) and (found := _id(holder.get("phone_number_id"))):
            return found
    return _id(value.get("phone_number_id"))


def _unknown(raw: object, waba_id: str | None) -> Item:
    return Item(_hashed(UNKNOWN, waba_id, None, raw), UNKNOWN, UNKNOWN, None, waba_id, {"raw": raw})


def _hashed(field: str, waba_id: str | None, time: object, value: object) -> str:
    return f"{field}:{blake2b(canonical([field, waba_id, time, value]), digest_size=20).hexdigest()}"


def _message_type(message: Json) -> str:
    kind = _name(message.get("type"))
    if kind is not None:
        return kind
    # Seen in real payloads: a location without its type.
    return next((name for name in _GUESSABLE if isinstance(message.get(name), dict)), UNKNOWN)


_GUESSABLE = ("text", "image", "audio", "video", "document", "sticker", "location", "reaction", "interactive", "button")


def _id(value: object) -> str | None:
    """Return an id that is fit for a database key, else None: printable ASCII of a bounded length."""
    if isinstance(value, str):
        return value if 0 < len(value) <= _LONGEST_ID and value.isascii() and value.isprintable() else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20 else None


def _name(value: object) -> str | None:
    """Return a word that is fit for a column or a label (a field, a type, a status), else None."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isascii() and value.isprintable():
        return value
    return None
