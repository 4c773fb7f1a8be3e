"""The prices of messages.

Source: docs/whatsapp/pricing (per-message pricing; since 2026-10-01 free-form messages are billed, and so are utility
templates inside the 24-hour window; what follows a click on an advertisement for 72 hours is free). The prices are
those of Brazil in US dollars, rounded, as a reader of bills would check them: they are not a price list.
"""

from simulator.json_type import Json

USD = {"marketing": 0.0625, "utility": 0.0068, "authentication": 0.0068, "service": 0.0068}


def pricing(category: str, *, entry_point: bool) -> Json:
    """Return the `pricing` of a message's statuses."""
    kind = "free_entry_point" if entry_point else "regular"
    return {"billable": not entry_point, "pricing_model": "PMP", "type": kind, "category": category}


class Ledger:
    """The business's costs: one entry for each delivered message."""

    def __init__(self) -> None:
        self.entries: list[Json] = []

    def add(self, message_id: str, number_id: str, wa_id: str, price: Json, at: float) -> None:
        """Charge a delivered message."""
        usd = USD.get(price["category"], 0.0) if price["billable"] else 0.0
        about = {"message_id": message_id, "number_id": number_id, "wa_id": wa_id, "at": at}
        self.entries.append(about | price | {"usd": usd})

    def as_json(self) -> Json:
        """Return all entries, and sums by category."""
        sums: dict[str, Json] = {}
        for one in self.entries:
            found = sums.setdefault(one["category"], {"messages": 0, "billable": 0, "usd": 0.0})
            found["messages"] += 1
            found["billable"] += one["billable"]
            found["usd"] = round(found["usd"] + one["usd"], 6)
        total = round(sum(one["usd"] for one in self.entries), 6)
        return {"total_usd": total, "categories": sums, "entries": self.entries}
