"""The rules that say to whom, when and how often a business may write.

Sources: docs/whatsapp/cloud-api/overview (throughput, pair rate limits), guides/send-messages (customer service
windows), marketing messages per user and opt-out; the code of each in "Error codes".
"""

from collections import deque
from typing import Literal

from pydantic import BaseModel, Field

from simulator.meta.errors import (
    EXPERIMENT,
    OPTED_OUT,
    PAIR_LIMIT,
    SAME_NUMBER,
    THROUGHPUT,
    UNDELIVERABLE,
    UNSUPPORTED_RECIPIENT,
    USER_BLOCKED,
    WINDOW_CLOSED,
    GraphError,
)
from simulator.meta.world import Number, Persona

WINDOW_SECONDS = 24 * 3600
ENTRY_POINT_SECONDS = 72 * 3600
STANDARD_MESSAGES_PER_SECOND, HIGH_MESSAGES_PER_SECOND, COEXISTENCE_MESSAGES_PER_SECOND = (
    80,
    1000,
    20,
)  # messages a second, in and out
PAIR_SECONDS, PAIR_BURST = 6, 45
ANY_NUMBER = "*"  # key of `Persona.wrote`: as if the person had written to each


class Rules(BaseModel):
    """The rules in force. `links`: fetch the files that messages link to, as Meta does, or assume that they exist."""

    window: bool = True
    rates: bool = True
    links: Literal["fetch", "trust"] = "fetch"
    link_seconds: float = Field(10, gt=0)


class Rates:
    """Messages of the last second by number, and how far each pair is ahead of its steady rate."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}
        self._pairs: dict[tuple[str, str], float] = {}

    def count(self, number: Number, now: float) -> int:
        """Count a message of either direction, and return how many there were in the second before."""
        recent = self._seconds.setdefault(number.id, deque())
        while recent and recent[0] <= now - 1:
            recent.popleft()
        recent.append(now)
        return len(recent) - 1

    def spend(self, number: Number, to: str, now: float) -> None:
        """Count a send. Raises GraphError when the number or the pair is over its limit."""
        if self.count(number, now) >= throughput(number):
            self._seconds[number.id].pop()
            raise GraphError(THROUGHPUT, "Cloud API message throughput has been reached.")
        ahead = max(self._pairs.get((number.id, to), now), now)
        if ahead - now > (PAIR_BURST - 1) * PAIR_SECONDS:
            details = "Too many messages sent from the sender phone number to the same recipient phone number"
            raise GraphError(PAIR_LIMIT, details)
        self._pairs[number.id, to] = ahead + PAIR_SECONDS


def throughput(number: Number) -> int:
    """Return the messages a second that the number may send and receive."""
    if number.is_on_biz_app:
        return COEXISTENCE_MESSAGES_PER_SECOND
    return HIGH_MESSAGES_PER_SECOND if number.throughput == "HIGH" else STANDARD_MESSAGES_PER_SECOND


def require_recipient(number: Number, persona: Persona | None, to: str, *, by_user_id: bool, category: str) -> None:
    """Check whether the recipient can be written to at all. Raises GraphError."""
    if to == number.digits:
        raise GraphError(SAME_NUMBER, "Sender and recipient phone number is the same.")
    if persona and persona.wa_id in number.blocked:
        raise GraphError(USER_BLOCKED, "The business has blocked this user")
    if by_user_id and category == "authentication":
        details = "Authentication templates cannot be sent to business-scoped user ids"
        raise GraphError(UNSUPPORTED_RECIPIENT, details)


def failure(number: Number, persona: Persona | None, category: str, now: float, *, window: bool) -> GraphError | None:
    """Return the reason why an accepted message will not arrive; the status `failed` carries it later."""
    if persona is None:
        return GraphError(UNDELIVERABLE, "The recipient's number is not a WhatsApp account.")
    if window and category == "service" and not window_open(number, persona, now):
        details = "Message failed to send because more than 24 hours have passed since the customer last replied"
        return GraphError(WINDOW_CLOSED, details)
    if category == "marketing" and persona.marketing == "stop":
        return GraphError(OPTED_OUT, "User has opted out of marketing messages from your business.")
    if category == "marketing" and persona.experiment:
        return GraphError(EXPERIMENT, "User's number is part of an experiment")
    return None


def window_open(number: Number, persona: Persona, now: float) -> bool:
    """Return whether the person wrote in the last 24 hours, which permits free form; a click on an ad does not."""
    return last_wrote(number, persona) > now - WINDOW_SECONDS


def entry_point(number: Number, persona: Persona, now: float) -> bool:
    """Return whether a free entry point is open: an advertisement led the person here in the last 72 hours.

    Messages sent then cost nothing; they need the 24-hour window, or a template, nevertheless.
    """
    return persona.entered.get(number.id, float("-inf")) > now - ENTRY_POINT_SECONDS


def last_wrote(number: Number, persona: Persona) -> float:
    """Return when the person last wrote to the number; minus infinity: never."""
    never = float("-inf")
    return max(persona.wrote.get(number.id, never), persona.wrote.get(ANY_NUMBER, never))
