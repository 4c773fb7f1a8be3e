"""The outcomes of processing an event."""

from typing import NamedTuple


class EventOutcome(NamedTuple):
    """state: of the table `event` (done, ignored, unknown, failed), or erased; note; received: a message's type."""

    state: str
    note: str | None = None
    received: str | None = None


class NotYet(NamedTuple):
    """An event cannot be decided yet, and nothing was changed. seconds: until the next look."""

    reason: str
    seconds: float


DONE = EventOutcome("done")
ERASED = EventOutcome("erased")  # the item is deleted
DUPLICATE_MESSAGE = EventOutcome("ignored", "the message is there already")
SUPERSEDED = EventOutcome("ignored", "something later was said already")
UNIDENTIFIED_CUSTOMER = EventOutcome("unknown", "nothing names the customer for certain")
UNREADABLE_EDIT = EventOutcome("unknown", "the edit cannot be read")
