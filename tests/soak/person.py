"""An attendant at the console, who takes conversations over, answers some, and hands them back."""

from __future__ import annotations

import random
import re
import threading
import time
from contextlib import suppress
from typing import Any, Self

import httpx
import psycopg

from tests.invariants.stack import Stack, eventually

LOGIN = "ana"
ANSWER = "Olá! Aqui é uma pessoa da loja. Já vi o seu pedido."


class Attendant:
    """One of the local stack's people, over HTTP as the console's pages do it."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self._stack, self._chance = stack, chance
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._http:
            self._http.close()

    def take_over(self) -> None:
        """Take over a conversation that waits for a person, else any; answer perhaps; hand it back."""
        with self._lock:
            found = self._sql(
                """SELECT id, assignee_id IS NOT NULL FROM conversation
                   ORDER BY (holder = 'person') DESC, random() LIMIT 1"""
            )
            for conversation, _ in found:
                self._serve(conversation, answers=self._chance.random() < 0.5)

    def hand_back_all(self) -> None:
        """Hand back every conversation that a person holds, so that the agent answers what waits there."""
        with self._lock:
            for (conversation,) in self._sql("SELECT id FROM conversation WHERE holder = 'person'"):
                self._serve(conversation, answers=False)

    def _serve(self, conversation: object, *, answers: bool) -> None:
        """Each step may meet a conversation that changed meanwhile, as people's do; then nothing is done."""
        if not self._decide(conversation, "take"):
            return
        if answers:
            self._decide(conversation, "send", text=ANSWER)
            time.sleep(self._chance.uniform(0, 1))
        eventually(lambda: self._decide(conversation, "hand-back") or not self._held(conversation), "a hand-back")

    def _held(self, conversation: object) -> bool:
        return bool(self._sql("SELECT 1 FROM conversation WHERE id = %s AND holder = 'person'", conversation))

    def _decide(self, conversation: object, what: str, **fields: object) -> bool:
        """Post a decision with what a page shows now; return whether the console carried it out."""
        [(version, assignee, last_seen)] = self._sql(
            """SELECT version, assignee_id, (SELECT max(seq) FROM message m
                   WHERE m.conversation_id = c.id AND direction = 'in') FROM conversation c WHERE id = %s""",
            conversation,
        )
        shown = {"version": version, "last_seen": last_seen} | ({"from_person": str(assignee)} if assignee else {})
        try:
            if self._http is None or "X-CSRF-Token" not in self._http.headers:
                self._sign_in()
            answer = self._http.post(f"/console/conversations/{conversation}/{what}", json={**shown, **fields})
        except (httpx.TransportError, SignedOutError):
            return False
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            del self._http.headers["X-CSRF-Token"]
        return answer.is_success

    def _sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask Postgres; again where it restarts at the moment."""
        found: list[list[tuple[Any, ...]]] = []

        def asked() -> bool:
            with suppress(psycopg.OperationalError):
                found.append(self._stack.sql(query, *values))
            return bool(found)

        eventually(asked, "Postgres")
        return found[0]

    def _sign_in(self) -> None:
        console = self._stack.address("console")
        origin = console.removesuffix("/console/")
        self.__exit__()
        http = self._http = httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=30, trust_env=False)
        [person] = [one for one in self._stack.described["console_people"] if one["login"] == LOGIN]
        form = {"login": LOGIN, "password": person["password"], "csrf": _token(http.get("/console/login"))}
        http.post("/console/login", data=form)
        http.headers["X-CSRF-Token"] = _token(http.get("/console/account"))


class SignedOutError(Exception):
    """The console shows no page to somebody who is signed in, for example because Postgres restarts."""


def _token(page: httpx.Response) -> str:
    found = re.search(r'<meta name="csrf" content="(\w+)">', page.text)
    if found is None:
        raise SignedOutError
    return found[1]
