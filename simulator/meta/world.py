"""Meta's data: business numbers, the people on WhatsApp, and every message between them, all in memory."""

import asyncio
import base64
import copy
import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import Literal

from simulator.json_type import Json
from simulator.meta.business.accounts import APP_ID, Account, App, Number, Token, digits_of
from simulator.meta.business.templates import STARTER_TEMPLATES, TemplateStore
from simulator.meta.media import MediaStore

__all__ = ["MARIA", "Clock", "Message", "Number", "Persona", "World", "digits_of", "new_wamid", "text_of"]

HOME = "55"  # the business's country code
# Numbers that WhatsApp knows by two forms, the longer and the shorter: Brazil's mobiles with and without their ninth
# digit (Anatel, resolution 553/2010), Mexico's with and without 1, Argentina's with and without 9 after the country.
FORMS = (
    (re.compile(r"(55[1-9]{2})9([6-9]\d{7})"), "9", re.compile(r"(55[1-9]{2})([6-9]\d{7})")),
    (re.compile(r"(52)1(\d{10})"), "1", re.compile(r"(52)(\d{10})")),
    (re.compile(r"(54)9(\d{10})"), "9", re.compile(r"(54)(\d{10})")),
)
MARIA = ("5511987654321", "Maria Souza")  # the customer of the demo; the demo orders are hers


class Clock:
    """Meta's clock, which can be moved. The simulator's own delays and retries follow real time."""

    offset: float = 0

    def now(self) -> float:
        """Return Meta's time in seconds since 1970."""
        return time.time() + self.offset

    def stamp(self) -> str:
        """Return the present moment as webhooks write it: whole seconds in a string."""
        return str(int(self.now()))


@dataclass
class Persona:
    """A person with a phone. `user_id`: the business-scoped id. `hidden`: webhooks carry only the user id.

    `blocks`: has blocked the business; `marketing`: `stop` after an opt-out; `experiment`: Meta withholds
    marketing; `owner`: the conversation's owner (`us`, else webhooks come by standby); `wrote` and `entered`:
    when the person last wrote to each number, or came from an advertisement.
    """

    wa_id: str
    name: str
    user_id: str
    hidden: bool = False
    username: str | None = None
    blocks: bool = False
    marketing: Literal["resume", "stop"] = "resume"
    experiment: bool = False
    owner: str = "us"
    wrote: dict[str, float] = field(default_factory=dict)
    entered: dict[str, float] = field(default_factory=dict)


@dataclass
class Message:
    """One message of either direction. `content` is the Cloud API's JSON of it, `statuses` its ticks so far.

    `rendered`: a template with its values; `arrived` of an incoming one: the business acknowledged its webhook;
    `answer`: the answer to the sender; `added` and `revision`: the world's revision when the message came, and at
    its last change; `author` of an outgoing one: `api`, `business_app` (a person on the business's phone) or
    another app's name.
    """

    id: str
    direction: Literal["in", "out"]
    wa_id: str
    number_id: str
    content: Json
    timestamp: float
    callback_data: str | None = None
    statuses: list[Json] = field(default_factory=list)
    medium_id: str | None = None
    rendered: Json | None = None
    pricing: Json | None = None
    answer: Json | None = None
    arrived: bool = False
    revoked: bool = False
    edited: Json | None = None
    author: str = "api"
    added: int = 0
    revision: int = 0

    def as_json(self) -> Json:
        """Return the fields that the control API shows."""
        kind = self.content.get("type", "text")
        return {
            "id": self.id,
            "direction": self.direction,
            "wa_id": self.wa_id,
            "number_id": self.number_id,
            "type": kind,
            "text": text_of(self.content),
            "content": self.content,
            "timestamp": datetime.fromtimestamp(self.timestamp, UTC).isoformat(),
            "biz_opaque_callback_data": self.callback_data,
            "statuses": self.statuses,
            "media_url": f"/_sim/media/{self.medium_id}" if self.medium_id else None,
            "rendered": self.rendered,
            "pricing": self.pricing,
            "arrived": self.arrived,
            "revoked": self.revoked,
            "edited": self.edited,
            "author": self.author if self.direction == "out" else "customer",
            "revision": self.revision,
        }


class World:
    """All data of the simulated Meta, and a way to wait for its next change."""

    def __init__(self, number: Number, callback: str = "") -> None:
        self._first = number
        self.app = App(APP_ID, "Simulator", number.app_secret, callback, number.verify_token)
        self.templates = TemplateStore()
        self.media = MediaStore()
        self.clock = Clock()
        self._changed = asyncio.Event()
        self.revision = 0
        self.reset()

    def reset(self) -> None:
        """Remove people, messages, templates and all numbers but the first; reset the clock; revisions go on."""
        self.id = secrets.token_hex(4)
        self.clock.offset = 0
        self.app.secret = self._first.app_secret
        self.accounts: dict[str, Account] = {}
        self.numbers: dict[str, Number] = {}
        self.tokens: dict[str, Token] = {}
        self.templates.clear()
        self.media.clear()
        self.add_number(replace(self._first, profile=dict(self._first.profile), blocked=[], health_errors=[]))
        self.personas: dict[str, Persona] = {}
        self.given_up: set[str] = set()  # numbers that a person had before
        self.messages: dict[str, Message] = {}
        self._by_change: dict[str, Message] = {}  # the same, the last changed last
        self.typing: dict[str, float] = {}
        self.persona(*MARIA).wrote["*"] = self.clock.now()  # her window is open
        self._touch()

    def account(self, account_id: str, name: str | None = None) -> Account:
        """Return the account of that id; create it unless it exists, and set its name if one is given."""
        if account_id not in self.accounts:
            self.accounts[account_id] = Account(account_id, name or f"Conta {account_id[-4:]}")
            for starter in copy.deepcopy(STARTER_TEMPLATES):
                self.templates.add(account_id, starter | {"status": "APPROVED"})
        account = self.accounts[account_id]
        account.name = name or account.name
        return account

    def add_number(self, number: Number) -> Number:
        """Add a number, its account and its token; a number of that id is replaced."""
        self.account(number.account_id)
        self.numbers[number.id] = number
        self.tokens.setdefault(number.access_token, Token(number.access_token, issued_at=int(self.clock.now())))
        return number

    def callback(self, account_id: str, number_id: str | None) -> str | None:
        """Return where webhooks go: the number's override, the account's, the app's; None without a subscription.

        Overrides hold for what is about one number (docs/whatsapp/embedded-signup/webhooks/override).
        """
        account, number = self.accounts.get(account_id), self.numbers.get(number_id or "")
        if account is None or not account.subscribed:
            return None
        overrides = [number.override, account.override] if number else []
        return next(filter(None, overrides), self.app.callback)

    def persona(self, wa_id: str, name: str | None = None, *, hidden: bool | None = None) -> Persona:
        """Return the person of that number, created unless known; given values are set."""
        found = self.personas.get(wa_id)
        if found is None:
            # The new owner of a given-up number is another person, with another user id.
            seed = secrets.token_hex(8) if wa_id in self.given_up else wa_id
            found = Persona(wa_id, name or f"Cliente {wa_id[-4:]}", _user_id(seed))
            self.personas[wa_id] = found
        found.name = name or found.name
        found.hidden = found.hidden if hidden is None else hidden
        return found

    def find_persona(self, recipient: str) -> Persona | None:
        """Return the recipient of a send, by number in any notation or by user id; None when there is none.

        Numbers with two forms are found by either; without + the business's own country code may be missing.
        """
        digits = digits_of(recipient)
        forms = [digits] if recipient.startswith("+") else [digits, HOME + digits]
        for form in (one for each in forms for one in (each, _other_form(each))):
            if form in self.personas:
                return self.personas[form]
        return next((one for one in self.personas.values() if one.user_id == recipient), None)

    def move(self, persona: Persona, wa_id: str | None) -> Persona:
        """Give a person another number (None: the same) and another user id. Raises ValueError for a taken number."""
        if wa_id in self.personas:
            raise ValueError(f"{wa_id} belongs to another person")
        new = replace(persona, wa_id=wa_id or persona.wa_id, user_id=_user_id(secrets.token_hex(8)))
        del self.personas[persona.wa_id]
        self.given_up.add(persona.wa_id)
        self.personas[new.wa_id] = new
        for message in self.messages.values():  # the conversation moves along
            message.wa_id = new.wa_id if message.wa_id == persona.wa_id else message.wa_id
        return new

    def add(self, message: Message) -> Message:
        """Store a new message."""
        self.messages[message.id] = message
        if message.direction == "out":
            self.typing.pop(message.wa_id, None)  # a reply dismisses the typing indicator
        self.changed(message)
        message.added = message.revision
        return message

    def changed(self, message: Message) -> None:
        """Give the message a new revision and wake all waiters."""
        self._by_change.pop(message.id, None)
        self._by_change[message.id] = message
        message.revision = self._touch()

    def show_typing(self, wa_id: str, seconds: float) -> None:
        """Show the typing indicator on that person's phone."""
        self.typing[wa_id] = time.time() + seconds
        self._touch()

    def is_typing(self, wa_id: str) -> bool:
        """Return whether that person sees the business typing."""
        return self.typing.get(wa_id, 0) > time.time()

    def transcript(self, wa_id: str | None = None, after: int = 0) -> list[Message]:
        """Return the messages of one person (or of all) that changed after that revision, oldest first."""
        changed = takewhile(lambda one: one.revision > after, reversed(self._by_change.values()))
        return sorted((one for one in changed if wa_id in {None, one.wa_id}), key=lambda one: one.added)

    async def wait(self, after: int, seconds: float) -> None:
        """Return when the world has changed after that revision, or the time is over."""
        if self.revision > after:
            return
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return

    def _touch(self) -> int:
        self.revision += 1
        self._changed.set()
        self._changed = asyncio.Event()
        return self.revision


def new_wamid() -> str:
    """Return a message id in Meta's notation."""
    return "wamid." + base64.b64encode(b"\x1d\x18" + secrets.token_bytes(27)).decode()


def _other_form(digits: str) -> str | None:
    """Return the other form of a number that has two."""
    for longer, between, shorter in FORMS:
        if match := longer.fullmatch(digits):
            return match[1] + match[2]
        if match := shorter.fullmatch(digits):
            return match[1] + between + match[2]
    return None


def text_of(content: Json) -> str | None:
    """Return the text that a person reads first in a message; None where it has none."""
    kind = content.get("type", "text")
    part = content.get(kind)
    if not isinstance(part, dict):
        return None
    body = part.get("body")
    found = body.get("text") if isinstance(body, dict) else body or part.get("caption") or part.get("emoji")
    if isinstance(reply := part.get(str(part.get("type"))), dict):  # a tapped button or row
        found = found or reply.get("title")
    found = found or part.get("text")  # a template's quick reply
    return found if isinstance(found, str) else None


def _user_id(wa_id: str) -> str:
    """Return a stable business-scoped user id: country code, dot, alphanumerics."""
    return "BR." + hashlib.sha256(wa_id.encode()).hexdigest()[:24].upper()
