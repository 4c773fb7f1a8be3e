"""The age of the newest backup."""

from __future__ import annotations

from gateway.doctor.findings import Finding, unchecked


def backup() -> list[Finding]:
    """Return that no backup is known: nothing tells this process about one."""
    step = "make backups of Postgres and of the files by your platform's means, and restore one as a trial"
    return [unchecked("backup", "no backup is known", step)]
