"""Times as people read them in lists and conversations, in the console's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.console.texts import Words

_WINDOW = timedelta(hours=24)
_SOON = timedelta(hours=2)  # also in clock.js
FAR = datetime(9000, 1, 1, tzinfo=UTC)  # a snooze beyond it ends with a reply


class Times:
    """Clocks and days in a language; now: the time that all of a page is compared with."""

    def __init__(self, zone: ZoneInfo, t: Words, now: datetime | None = None) -> None:
        self._zone = zone
        self._t = t
        self.now = now or datetime.now(UTC)

    def clock(self, at: datetime) -> str:
        """Return hours and minutes."""
        return f"{at.astimezone(self._zone):%H:%M}"

    def iso(self, at: datetime) -> str:
        """Return a time for scripts."""
        return at.astimezone(UTC).isoformat(timespec="milliseconds")

    def day(self, at: datetime) -> str:
        """Return the day: today, yesterday, or its date."""
        day, today = self._date(at), self._date(self.now)
        if day == today:
            return self._t("inbox.time.today")
        if day == today - timedelta(days=1):
            return self._t("inbox.time.yesterday")
        return self._t("inbox.time.day", day=day)

    def brief(self, at: datetime) -> str:
        """Return the clock of today, else the day."""
        return self.clock(at) if self._date(at) == self._date(self.now) else self.day(at)

    def since(self, at: datetime) -> str:
        """Return for how long something has lasted: minutes, hours, days."""
        minutes = max(0, int((self.now - at).total_seconds() // 60))
        if minutes < 1:
            return self._t("inbox.time.now")
        if minutes < 60:
            return self._t("inbox.time.minutes", n=minutes)
        if minutes < 60 * 48:
            return self._t("inbox.time.hours", n=minutes // 60)
        return self._t("inbox.time.days", n=minutes // (60 * 24))

    def window_end(self, last_inbound_at: datetime | None) -> datetime | None:
        """Return when Meta's window for free answers closes; None: it is closed."""
        if last_inbound_at is None or last_inbound_at + _WINDOW <= self.now:
            return None
        return last_inbound_at + _WINDOW

    def is_soon(self, until: datetime) -> bool:
        """Return whether a window is about to close."""
        return until - self.now < _SOON

    def left(self, until: datetime) -> str:
        """Return how much time is left until then."""
        minutes = max(0, int((until - self.now).total_seconds() // 60))
        if minutes >= 60:
            return self._t("inbox.time.hours", n=minutes // 60)
        return self._t("inbox.time.minutes", n=minutes)

    def until_reply(self, at: datetime) -> bool:
        """Return whether a snooze only ends with the customer's next message."""
        return at > FAR

    def _date(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()
