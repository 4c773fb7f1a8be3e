"""The clock of this machine against those of Postgres and of Meta."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from gateway.doctor.findings import Finding, unchecked, warning
from gateway.store.database import Connection, now

Clock = Callable[[], datetime]

_MAX_SECONDS = 5.0  # a header has whole seconds; leases and quiet periods have a few
_STEP = "have NTP (chrony, systemd-timesyncd) run on both machines; Meta's times decide about the 24-hour window"


def utc_now() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


async def against_postgres(conn: Connection, clock: Clock = utc_now) -> list[Finding]:
    """Compare with the database's clock."""
    before = clock()
    theirs = await now(conn)
    return _compared("Postgres", theirs, before, clock())


async def against_meta(url: str, http: httpx.AsyncClient, clock: Clock = utc_now) -> list[Finding]:
    """Compare with the Date header of Meta's answer, whatever it answers."""
    before = clock()
    try:
        answer = await http.head(url)
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except (httpx.HTTPError, ValueError) as error:
        return [unchecked("clock", f"Meta's time is not known ({type(error).__name__})", f"look whether {url} answers")]
    return _compared("Meta", theirs, before, clock())


def _compared(whose: str, theirs: datetime, before: datetime, after: datetime) -> list[Finding]:
    ahead = (before - theirs).total_seconds()
    behind = (theirs - after).total_seconds()
    if max(ahead, behind) <= _MAX_SECONDS:
        return []
    how = f"{ahead:.0f} s ahead of" if ahead > behind else f"{behind:.0f} s behind"
    return [warning("clock", f"this machine's clock is {how} that of {whose}", _STEP)]
