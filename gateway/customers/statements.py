"""A payload's statement about a customer: by which ids it names them, when, and to which number and account of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.numbers.channels import Channel
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store.customers.contacts import Key
from gateway.whatsapp.numbers import wa_id_variants
from gateway.whatsapp.webhooks.events import Customer


@dataclass(frozen=True, slots=True)
class Ids:
    """How a payload names a customer.

    number: digits only; user_id: business-scoped; parent: an id that linked portfolios share, which leads to nobody.
    """

    number: str | None = None
    user_id: str | None = None
    parent: str | None = None

    @property
    def strong(self) -> list[Key]:
        """Return the keys that lead to one person, the most certain first; a number is a key in each of its forms."""
        numbers = wa_id_variants(self.number) if self.number else []
        user = [Key("user_id", self.user_id)] if self.user_id else []
        return [*user, *(Key("wa_id", number) for number in numbers)]

    @property
    def names(self) -> list[str]:
        """Return the names to lock: one for each key of a person, whatever its form."""
        number = min(wa_id_variants(self.number)) if self.number else None
        return [name for name in (number, self.user_id) if name]


@dataclass(frozen=True, slots=True)
class Statement:
    """The circumstances of a statement about customers: its time, our number and account, and its event.

    scopes: within which a customer has one user id at a time, as `scopes` returns them.
    spoken: the customer wrote or called at that time. silence: a number from which nobody wrote for longer may be
    another person's now; None: nothing follows from silence (history, or actions of the business).
    """

    at: datetime
    channel_id: str
    scopes: tuple[str, ...]
    event_id: int
    quiet: QuietPeriod = field(default_factory=lambda: QuietPeriod(0, 0))
    spoken: bool = False
    silence: timedelta | None = None


def scopes(channel: Channel | None, number: str, account: str | None = None) -> tuple[str, ...]:
    """Return the scopes of a number of ours, within which a customer has one user id at a time.

    They are the business account (WABA) that a webhook names and the channel's own. A channel without an account has
    its number as a scope instead, because sends and receipts name no account.
    """
    own = (channel.waba_id if channel else None) or number
    return tuple(dict.fromkeys(name for name in (account, own) if name))


def ids_of(customer: Customer) -> Ids:
    """Return the ids of a customer in a payload, the number without a plus."""
    number = (customer.wa_id or "").removeprefix("+")
    return Ids(number or None, customer.user_id, customer.parent_user_id)
