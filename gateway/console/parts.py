"""Resources of the console, opened once and given to each room."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from gateway.console.listener import Listener
from gateway.console.settings import ConsoleSettings
from gateway.console.signed_in import Cookies
from gateway.store.database import Pool


@dataclass(frozen=True)
class Parts:
    """The database, the settings, the cookies, a client for HTTP, and what tells of changes.

    Rooms are classes over it: `Inbox(parts).routes()`.
    """

    pool: Pool
    settings: ConsoleSettings
    cookies: Cookies
    http: httpx.AsyncClient
    listener: Listener
