"""The places that a request about a person's data did not reach, in the words of the page.

The reasons that the request keeps are for operators, in English: the page says the place and what to do.
"""

from __future__ import annotations

from gateway.console.texts import Words
from gateway.store.customers.data_requests import DataRequest

#: Steps of exports and erasures with a name; any other place is a file of the archive.
PLACES = (
    "tombstone", "memory", "memory_again", "business", "files", "limits", "messages", "events", "rows", "farewell",
    "write",
)  # fmt: skip


def lines(t: Words, request: DataRequest) -> list[str]:
    """Return a sentence for each place that was not reached, that is left, or that is tried again."""
    found = [t("admin.data.not_reached", place=place(t, name)) for name in request.report.get("not_reached", {})]
    found += [_left(t, name) for name in request.report.get("left", {})]
    if request.error and request.state == "waiting" and request.step:
        found.append(t("admin.data.tried_again", place=place(t, request.step)))
    return found


def place(t: Words, name: str) -> str:
    """Return the name of a place."""
    return t(f"admin.data.places.{name}") if name in PLACES else t("admin.data.one_file", name=name)


def _left(t: Words, name: str) -> str:
    advice = t(f"admin.data.left.{name if name in ('business', 'farewell', 'write') else 'other'}")
    return f"{place(t, name)}: {advice}"
