"""The console with 100,000 conversations, 2 million messages, 50 people: its pages, and how soon browsers know.

Two consoles are measured in one run, page by page in turn: that one, and one with a hundredth of the rows. 50 people
follow `/console/events` on each and fetch the rows that the page *Aguardando* would; customers go on writing to both.
Times are a client's on the same machine: they hold the console's own time and, on few processors, its waiting for the
100 clients. At the end stands how often a large table was read as a whole: never, where all plans use indexes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import orjson
import psycopg
from psycopg.types.json import Jsonb

from bench.webhooks import server
from gateway.console.signed_in import Cookies
from gateway.store.desk import changes
from gateway.store.migrate import migrate
from gateway.store.people import sessions
from simulator.ports import free_port
from simulator.stack.postgres import Postgres

CONVERSATIONS = 100_000
MESSAGES_EACH = 20
MESSAGES_OF_ONE = 5000  # that the last conversation has besides
PEOPLE = 50
ROUNDS = 60
WARM_UP = 10  # rounds that do not count
WRITES_A_SECOND = 10  # messages of customers during the measurement
OF_PEOPLE = ("waiting", "taken", "snoozed")  # as in rows.js
_CHANNEL = "106540352242922"
_SAID = "Quando chegam as lentes?"  # words that the other messages have, too: people search for such
_LIMITED = "vendas: "  # pages of a person who sees one department
_COOKIE = Cookies(secure=False).session

# Conversations as the gateway's triggers leave them: of 1,000, one waits, four are taken, one is snoozed, the last
# 100 are with the agent, the others closed. The triggers themselves would take an hour.
_ROWS = """
CREATE FUNCTION bench_id(kind text, n bigint) RETURNS uuid IMMUTABLE RETURN md5(kind || n)::uuid;
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO person (id, login, name, role, departments)
SELECT bench_id('p', n), 'person' || n, 'Pessoa ' || n, 'attendant', NULL FROM generate_series(1, %(people)s) n;
INSERT INTO person (id, login, name, role, departments)
VALUES (bench_id('p', 0), 'vendas', 'Pessoa das vendas', 'attendant', '{vendas}');
INSERT INTO contact (id, name)
SELECT bench_id('c', n), (ARRAY['Maria', 'João', 'Ana', 'José', 'Antônia'])[1 + n %% 5] || ' Silva ' || n
FROM generate_series(1, %(conversations)s) n;
INSERT INTO contact_key (kind, value, contact_id)
SELECT 'wa_id', '55119' || lpad(n::text, 8, '0'), bench_id('c', n) FROM generate_series(1, %(conversations)s) n;
INSERT INTO conversation (id, channel_id, contact_id, last_inbound_at, last_at, last_text, last_type, last_author,
                          holder, assignee_id, snoozed_until, closed_at, waits_since, held_since, department)
SELECT bench_id('v', n), %(channel)s, bench_id('c', n), at, at, 'Onde está o meu pedido?', 'text', 'customer',
       CASE WHEN n %% 1000 < 6 THEN 'person' ELSE 'agent' END,
       CASE WHEN n %% 1000 IN (1, 2, 3, 4) THEN bench_id('p', 1 + n %% %(people)s) END,
       CASE WHEN n %% 1000 = 5 THEN now() + interval '1 hour' END,
       CASE WHEN n %% 1000 BETWEEN 6 AND 899 THEN at END,
       CASE WHEN n %% 1000 = 0 THEN at END, CASE WHEN n %% 1000 < 6 THEN at END,
       CASE n %% 3 WHEN 0 THEN 'vendas' WHEN 1 THEN 'suporte' END
FROM generate_series(1, %(conversations)s) n, LATERAL (SELECT now() - n * interval '20 s' AS at) t;
INSERT INTO episode (conversation_id, opened_at, opened_by)
SELECT id, last_at - interval '1 hour', 'customer' FROM conversation WHERE closed_at IS NULL;
INSERT INTO message (conversation_id, direction, author, wamid, type, content, status, created_at, sent_at)
SELECT bench_id('v', %(conversations)s), 'in', 'customer', 'wamid.LONG' || n, 'text',
       jsonb_build_object('type', 'text', 'kind', 'text', 'text', 'Lentes do lote M' || n), 'received', at, at
FROM generate_series(1, %(long)s) n,
     LATERAL (SELECT now() - (%(messages)s + %(long)s - n) * interval '1 s' AS at) t;
INSERT INTO message (conversation_id, direction, author, wamid, type, content, status, created_at, sent_at)
SELECT bench_id('v', 1 + n %% %(conversations)s), CASE WHEN n %% 2 = 0 THEN 'in' ELSE 'out' END,
       CASE WHEN n %% 2 = 0 THEN 'customer' ELSE 'agent' END, 'wamid.BENCH' || n, 'text',
       jsonb_build_object('type', 'text', 'kind', 'text', 'text', 'O pedido ' || n || ' de lentes, lote L' || n %% 5000
                          || CASE WHEN n %% 40 = 0 AND n < %(messages)s / 2 THEN ', da promoção,' ELSE ',' END
                          || ' chega amanhã'),
       CASE WHEN n %% 2 = 0 THEN 'received' ELSE 'read' END, at, at
FROM generate_series(1, %(messages)s) n, LATERAL (SELECT now() - (%(messages)s - n) * interval '1 s' AS at) t;
RESET session_replication_role;
RESET synchronous_commit;
"""


@dataclass
class Console:
    """A console under test, the tokens of its people, and what was measured, in milliseconds."""

    url: str
    database: str
    conversations: int
    tokens: list[str]
    pages: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PAGES})
    events: list[float] = field(default_factory=list)
    written: dict[str, float] = field(default_factory=dict)  # by message id: the time of its commit


#: Searches: name, and the words for a round, of so many conversations. `promoção` is in one of 80 messages, all old.
SEARCHES: dict[str, Callable[[int, int], str]] = {
    "word of all messages": lambda *_: "lente",
    "word of old messages": lambda *_: "promocao",
    "word of a few": lambda n, _: f"lote l{n * 37 % 5000}",
    "order": lambda n, many: f"pedido {1 + n * 99_991 % (many * MESSAGES_EACH)}",
    "frequent name": lambda *_: "Antonia",
    "name": lambda n, many: f"Joao Silva {1 + n * 997 % many}",
    "number": lambda n, many: f"(11) 9{1 + n * 997 % many:08}",
    "nobody": lambda n, _: f"Gertrudis Zwetschge {n}",
}


def _found(words: Callable[[int, int], str]) -> Callable[[int, int], str]:
    return lambda n, many: f"/console/search/found?q={words(n, many)}"


#: The pages that people ask for all day: name, and the path for a round, of so many conversations.
PAGES: dict[str, Callable[[int, int], str]] = {
    "inbox, who waits": lambda *_: "/console/?view=waiting",
    "list of all": lambda *_: "/console/list?view=all",
    "list of own": lambda *_: "/console/list?view=mine",
    "list of closed": lambda *_: "/console/list?view=closed",
    "list of a department": lambda *_: "/console/list?view=all&department=vendas",
    "conversation": lambda n, many: f"/console/conversations/{identifier('v', n * 997 % many)}",
    "thread": lambda n, many: f"/console/conversations/{identifier('v', n * 991 % many)}/thread",
    **{f"search: {name}": _found(words) for name, words in SEARCHES.items()},
    "search in a conversation": lambda n, many: (
        f"/console/conversations/{identifier('v', n * 991 % many)}/search?q=lente"
    ),
    "conversation of 5,000": lambda _, many: f"/console/conversations/{identifier('v', many - 1)}",
    "word of all, in 5,000": lambda _, many: f"/console/conversations/{identifier('v', many - 1)}/search?q=lente",
    "word of one, in 5,000": lambda n, many: (
        f"/console/conversations/{identifier('v', many - 1)}/search?q=m{1 + n * 97 % MESSAGES_OF_ONE}"
    ),
    f"{_LIMITED}list of all": lambda *_: "/console/list?view=all",
    f"{_LIMITED}conversation": lambda n, many: (
        f"/console/conversations/{identifier('v', 3 * (n * 997 % (many // 3)) + 2)}"
    ),
    f"{_LIMITED}word of all messages": lambda *_: "/console/search/found?q=lente",
    f"{_LIMITED}word of old messages": lambda *_: "/console/search/found?q=promocao",
    f"{_LIMITED}word of a few": _found(SEARCHES["word of a few"]),
}


def identifier(kind: str, number: int) -> UUID:
    """Return the id that `bench_id` gives to the row after so many others."""
    return UUID(hashlib.md5(f"{kind}{1 + number}".encode(), usedforsecurity=False).hexdigest())


async def prepare(url: str, conversations: int) -> list[str]:
    """Create the schema, the rows and a session for each person; return their tokens, the last one of *vendas*."""
    await asyncio.to_thread(migrate, url)
    values = {
        "conversations": conversations, "messages": conversations * MESSAGES_EACH, "people": PEOPLE,
        "channel": _CHANNEL, "long": MESSAGES_OF_ONE,
    }  # fmt: skip
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        # The index of words is built at the end: in a tenth of the time that it takes message by message.
        made = await (await conn.execute("SELECT pg_get_indexdef('message_search'::regclass)")).fetchone()
        await conn.execute("DROP INDEX message_search")
        await psycopg.AsyncClientCursor(conn).execute(_ROWS, values)
        await psycopg.AsyncClientCursor(conn).execute(made[0] if made else "")
        await conn.execute("VACUUM ANALYZE")
        people = await (await conn.execute("SELECT id FROM person ORDER BY login")).fetchall()
        hour = timedelta(hours=1)
        return [await sessions.begin(conn, person, "bench", idle=hour, age=hour) for (person,) in people]


@contextlib.contextmanager
def console(url: str) -> Iterator[str]:
    """Run `gateway console`; yield its address."""
    port = free_port()
    environment = {
        "DATABASE_URL": url, "CONSOLE_PORT": str(port), "CONSOLE_OPS_PORT": str(free_port()), "LOG_LEVEL": "warning",
    }  # fmt: skip
    with server(["-m", "gateway.cli", "console"], port, environment):
        yield f"http://127.0.0.1:{port}"


async def follow(one: Console, client: httpx.AsyncClient, person: int) -> None:
    """Follow the events of a person's page, and note how long each message took until the browser was told."""
    headers = {"Cookie": f"{_COOKIE}={one.tokens[person]}"}
    params = {"after": await _newest(one)}
    async with (
        asyncio.TaskGroup() as group,
        client.stream("GET", f"{one.url}/console/events", params=params, headers=headers) as stream,
    ):
        stream.raise_for_status()
        fetching: asyncio.Task[object] | None = None
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            now = time.perf_counter()
            told = orjson.loads(line[6:]) or []
            for change in told:
                if change["kind"] == "message" and (began := one.written.get(change["subject"])):
                    one.events.append(1000 * (now - began))
            if fetching is None or fetching.done():
                ids = {change["conversation"] for change in told if change["state"] in OF_PEOPLE}
                fetching = group.create_task(fetch(one, client, headers, sorted(ids)[:60]))


async def fetch(one: Console, client: httpx.AsyncClient, headers: dict[str, str], ids: list[str]) -> None:
    """Ask for the rows and counts after changes, as soon as the page does."""
    await asyncio.sleep(0.15 if ids else 3)
    query = "".join(f"&id={id_}" for id_ in ids)
    (await client.get(f"{one.url}/console/rows?view=waiting{query}", headers=headers)).raise_for_status()


async def _newest(one: Console) -> str:
    async with await psycopg.AsyncConnection.connect(one.database) as conn:
        return await changes.newest(conn)


async def write(one: Console) -> None:
    """Let customers write."""
    async with await psycopg.AsyncConnection.connect(one.database, autocommit=True) as conn:
        for number in itertools.count():
            row = await (
                await conn.execute(
                    """INSERT INTO message (conversation_id, direction, author, wamid, type, content, awaits, status,
                                            sent_at)
                       VALUES (%s, 'in', 'customer', 'wamid.NEW' || %s::int, 'text', %s, true, 'received', now())
                       RETURNING id""",
                    (identifier("v", number * 7 % one.conversations), number, Jsonb({"kind": "text", "text": _SAID})),
                )
            ).fetchone()
            assert row
            one.written[str(row[0])] = time.perf_counter()
            await asyncio.sleep(1 / WRITES_A_SECOND)


async def look(consoles: list[Console], client: httpx.AsyncClient) -> None:
    """Ask for each page in turn, on the one console and on the other."""
    for number, (name, path) in itertools.product(range(ROUNDS), PAGES.items()):
        for one in consoles:
            token = one.tokens[-1 if name.startswith(_LIMITED) else 0]
            url, headers = one.url + path(number, one.conversations), {"Cookie": f"{_COOKIE}={token}"}
            began = time.perf_counter()
            (await client.get(url, headers=headers)).raise_for_status()
            if number >= WARM_UP:
                one.pages[name].append(1000 * (time.perf_counter() - began))


async def measure(consoles: list[Console]) -> None:
    """Measure pages and events while 50 people follow and customers write."""
    # The server closes what is idle for 5 s: a client that would use it in that moment fails.
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2)
    async with httpx.AsyncClient(timeout=httpx.Timeout(60, read=None), limits=limits) as client:
        await _measure(consoles, client)


async def _measure(consoles: list[Console], client: httpx.AsyncClient) -> None:
    tasks = [asyncio.create_task(follow(one, client, person)) for one in consoles for person in range(PEOPLE)]
    await asyncio.sleep(2)
    tasks += [asyncio.create_task(write(one)) for one in consoles]
    await look(consoles, client)
    await asyncio.sleep(1)
    failed = [task.exception() for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if failed:
        raise SystemExit(f"a stream of events or the writing customers ended: {failed[0]!r}")


def scans(url: str) -> dict[str, int]:
    """Return how often each large table was read as a whole."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            """SELECT relname, seq_scan FROM pg_stat_user_tables
               WHERE relname IN ('message', 'conversation', 'contact', 'contact_key', 'change')"""
        ).fetchall()
    return dict(rows)


def percentile(values: list[float], share: float) -> float:
    """Return the value under which this share of them is."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(small: Console, large: Console) -> None:
    """Print the table."""
    print(f"{large.conversations:,} conversations, {large.conversations * MESSAGES_EACH:,} messages, {PEOPLE} people")
    print(f"{'ms':<30}{'small p50':>10}{'p95':>8}{'large p50':>12}{'p95':>8}{'ratio':>8}")
    rows = {name: (small.pages[name], large.pages[name]) for name in PAGES}
    for name, (less, more) in {**rows, "event to the browser": (small.events, large.events)}.items():
        p50, p95 = (tuple(percentile(values, share) for values in (less, more)) for share in (0.5, 0.95))
        print(f"{name:<30}{p50[0]:>10.1f}{p95[0]:>8.1f}{p50[1]:>12.1f}{p95[1]:>8.1f}{p50[1] / p50[0]:>8.2f}")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="whatsapp-bench-") as directory, contextlib.ExitStack() as stack:
        Path(directory).chmod(0o755)
        postgres = stack.enter_context(Postgres(Path(directory) / "postgres", durable=True))
        consoles = []
        for conversations in (CONVERSATIONS // 100, CONVERSATIONS):
            url = postgres.create_database(f"console_{conversations}")
            tokens = asyncio.run(prepare(url, conversations))
            consoles.append(Console(stack.enter_context(console(url)), url, conversations, tokens))
        before = scans(consoles[1].database)
        asyncio.run(measure(consoles))
        report(*consoles)
        read = {name: count - before[name] for name, count in scans(consoles[1].database).items()}
        found = ", ".join(f"{name} {count} times" for name, count in read.items() if count)
        print(f"tables read as a whole: {found or 'none'}")


if __name__ == "__main__":
    main()
