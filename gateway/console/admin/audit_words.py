"""Entries of the audit in the words of a language: what was done, to whom, and with which details."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

_ID_LETTERS = 8  # that tell one from another
_PEOPLE = ("from", "to")
_LISTED = {"role": "base.roles.{}", "state": "inbox.states.{}", "way": "admin.audit.ways.{}"}


@dataclass(frozen=True)
class Wording:
    """Names for ids and codes. Words of another release that name no text of this one stay as they are.

    texts: of the language, by key; people, tags: names by id; stamp: writes a time.
    """

    texts: Mapping[str, str]
    people: Mapping[str, str]
    tags: Mapping[str, str]
    stamp: Callable[[datetime], str]

    def action(self, name: str) -> str:
        """Return the name of an action."""
        return self._text("admin.audit.actions.{}", name)

    def subject(self, subject: str) -> str:
        """Return the name of a person, or else the kind and the beginning of the id, as in `Conversa 35e9b26d`."""
        kind, _, found = subject.partition(":")
        if found in self.people:
            return self.people[found]
        named = self.texts.get(f"admin.audit.{found}", found[:_ID_LETTERS])
        return f"{self._text('admin.audit.subjects.{}', kind)} {named}".strip()

    def details(self, detail: Mapping[str, object]) -> list[tuple[str, str]]:
        """Return names and values of the details that say something."""
        return [
            (self._text("admin.audit.details.{}", name), self._value(name, value))
            for name, value in detail.items()
            if value is not None
        ]

    def _value(self, name: str, value: object) -> str:
        if isinstance(value, bool):
            return self.texts["admin.audit.yes" if value else "admin.audit.no"]
        if isinstance(value, list):
            return ", ".join(map(str, value))
        if name in ("not_reached", "left") and isinstance(value, Mapping):  # the reasons are for operators
            return ", ".join(self._text("admin.data.places.{}", place) for place in value)
        if isinstance(value, Mapping):
            return ", ".join(f"{key} {one}" for key, one in value.items())
        text = str(value)
        if name in _PEOPLE:
            return self.people.get(text) or self._text("admin.audit.{}", text)
        if name in _LISTED:
            return self._text(_LISTED[name], text)
        if name == "tag":
            return self.tags.get(text, text)
        return self._until(text) if name == "until" else text

    def _until(self, text: str) -> str:
        try:
            return self.stamp(datetime.fromisoformat(text))
        except ValueError:  # "a reply"
            return self.texts["inbox.until_reply"]

    def _text(self, key: str, name: str) -> str:
        return self.texts.get(key.format(name), name)
