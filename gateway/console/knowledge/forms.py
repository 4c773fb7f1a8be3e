"""A text as people write it in a form, and as the agent server takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gateway.console.knowledge.shapes import KINDS, Version

LONGEST = {"title": 300, "content": 400_000, "department": 63, "channel_id": 63, "owner": 200, "link": 500}
WORDINGS_LIMIT = 50
UTC = ZoneInfo("UTC")  # for a text without days
_YEARS = range(2000, 3000)


@dataclass(frozen=True)
class Written:
    """The fields of the form. wordings: one a line; valid_from, valid_until: days, both included."""

    kind: str = "qa"
    title: str = ""
    wordings: str = ""
    content: str = ""
    department: str = ""
    channel_id: str = ""
    owner: str = ""
    link: str = ""
    valid_from: str = ""
    valid_until: str = ""

    @classmethod
    def of(cls, form: Mapping[str, object]) -> Written:
        """Read a form."""
        values = {name: str(form.get(name, "")).replace("\r\n", "\n").strip() for name in cls.__dataclass_fields__}
        return cls(**values | {"title": " ".join(values["title"].split())})

    @classmethod
    def again(cls, version: Version, zone: ZoneInfo) -> Written:
        """Return the form of a version, for people to change."""
        ends = version.valid_until - timedelta(microseconds=1) if version.valid_until else None
        return cls(
            kind=version.kind, title=version.title, wordings="\n".join(version.wordings), content=version.content,
            department=version.department or "", channel_id=version.channel_id or "", owner=version.owner,
            link=version.link or "", valid_from=_day(version.valid_from, zone), valid_until=_day(ends, zone),
        )  # fmt: skip

    def problem(self) -> str | None:
        """Return the key of the sentence that says what is wrong; None: nothing is."""
        days = [_date(self.valid_from), _date(self.valid_until)]
        checks = {
            "empty": not self.title or not self.content or self.kind not in KINDS,
            "long": any(len(getattr(self, name)) > most for name, most in LONGEST.items()),
            "wordings": len(self._wordings()) > WORDINGS_LIMIT,
            "link": bool(self.link) and not _is_link(self.link),
            "days": any(given and not day for given, day in zip([self.valid_from, self.valid_until], days, strict=True))
            or bool(days[0] and days[1] and days[0] > days[1]),
        }
        return next((f"knowledge.problems.{name}" for name, wrong in checks.items() if wrong), None)

    def body(self, zone: ZoneInfo = UTC) -> dict[str, object]:
        """Return it as the agent server takes it; there must be no problem."""
        first, last = _date(self.valid_from), _date(self.valid_until)
        return {
            "kind": self.kind, "title": self.title, "wordings": self._wordings(), "content": self.content,
            "department": self.department or None, "channel_id": self.channel_id or None, "owner": self.owner,
            "link": self.link or None, "valid_from": _begins(first, zone),
            "valid_until": _begins(last + timedelta(days=1) if last else None, zone),
        }  # fmt: skip

    def _wordings(self) -> list[str]:
        return [line.strip() for line in self.wordings.splitlines() if line.strip()]


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:  # brackets that are no address
        return False
    return parts.scheme == "https" and bool(parts.hostname) and " " not in link


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def _day(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).date().isoformat() if at else ""


def _begins(day: date | None, zone: ZoneInfo) -> str | None:
    return datetime.combine(day, time(), zone).isoformat() if day else None
