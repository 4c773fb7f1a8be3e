"""Which list a page shows, as its address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from uuid import UUID

from gateway.store.desk.lists import Filter, Row
from gateway.store.people.people import Person

INBOX = "/console/"
#: The lists by name, and the states of what is in each; None: all.
VIEWS: Mapping[str, tuple[str, ...] | None] = {
    "waiting": ("waiting",),
    "mine": None,
    "all": ("open", "waiting", "taken", "elsewhere", "snoozed"),
    "snoozed": ("snoozed",),
    "closed": ("closed",),
}
_LONGEST = 200


@dataclass(frozen=True)
class Query:
    """A list and what it is narrowed down to; empty: not at all. assignee and tag are ids."""

    view: str = "waiting"
    department: str = ""
    channel: str = ""
    assignee: str = ""
    tag: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Query:
        """Read an address; what is not understood is left out."""
        view = values.get("view", "")
        return cls(
            view if view in VIEWS else "waiting",
            values.get("department", "")[:_LONGEST],
            values.get("channel", "")[:_LONGEST],
            str(as_uuid(values.get("assignee", "")) or ""),
            str(as_uuid(values.get("tag", "")) or ""),
        )

    def wanted(self, person: Person) -> Filter:
        """Return it as the store is asked."""
        return Filter(
            states=VIEWS[self.view],
            assignee_id=person.id if self.view == "mine" else as_uuid(self.assignee),
            department=self.department or None,
            channel_id=self.channel or None,
            tag_id=as_uuid(self.tag),
        )

    def address(self, path: str = INBOX, **changes: str) -> str:
        """Return the address of a page with this list, or with another one that differs in these fields."""
        other = replace(self, **changes)
        given = {name: value for name, value in vars(other).items() if value}
        return f"{path}?{urlencode(given)}"

    @property
    def narrowed(self) -> bool:
        """Return whether this is not the whole list."""
        assignee = self.assignee if self.view != "mine" else ""
        return any((self.department, self.channel, assignee, self.tag))

    def holds(self, row: Row, person: Person) -> bool:
        """Return whether a conversation is in this list."""
        wanted = self.wanted(person)
        return (
            (wanted.states is None or row.state in wanted.states)
            and wanted.assignee_id in (None, row.assignee_id)
            and wanted.department in (None, row.department)
            and wanted.channel_id in (None, row.channel_id)
            and (wanted.tag_id is None or any(tag["id"] == str(wanted.tag_id) for tag in row.tags))
        )

    def place(self, row: Row) -> str:
        """Return by what a row is ordered in the list, as text that sorts: the smallest first."""
        if self.view == "waiting":
            return f"{row.waits_since.timestamp() if row.waits_since else 9e11:018.6f}"
        return f"{1e11 - row.last_at.timestamp():018.6f}"


def as_uuid(text: str) -> UUID | None:
    """Return the id that a text is, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None
