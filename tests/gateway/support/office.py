"""One gateway with an object store and a stand-in for the agent server, and a person who has left data everywhere."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import obstore
from obstore.store import MemoryStore

from gateway.customers.data_requests import DataRequests
from gateway.customers.erasure import Erasure
from gateway.customers.export import Export, ExportRequests
from gateway.customers.records import Records
from gateway.customers.tombstones import Tombstones
from gateway.outbox.farewell import Farewell
from gateway.runtime.agent_servers import AgentServers
from gateway.store.customers import data_requests
from gateway.store.customers.data_requests import DataRequest, Kind
from gateway.store.database import Pool
from gateway.turns.canned_texts import erased
from tests.gateway.support.customers import OLD_ID, by, changed_number
from tests.gateway.support.deliveries import MARIA, NUMBER, change, message, payload, raw_message, wamid
from tests.gateway.support.harness import CHANNELS, Gateway
from tests.gateway.support.meta import status

NEEDLE = "agulha-7f3a"
JOSE, NEW = "5521912345678", "5511955550000"
BEFORE = 1_780_000_000  # an old sender's time


class AgentServer:
    """The requests to the agent server, and its answers; `left`: answers to the next erasures of the memory."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.statuses: list[int] = []
        self.left = [{"runs": 0, "checkpoints": 4, "profiles": 1}]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, json.loads(request.content)))
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return httpx.Response(status)
        if request.url.path.endswith("/export"):
            facts = [{"facts": [f"prefere {NEEDLE}"]}]
            questions = [{"question": f"vendem {NEEDLE}?", "asked_at": "2026-11-01T12:00:00+00:00"}]
            memory = {"threads": {"t": {"messages": [NEEDLE]}}, "facts": facts, "questions": questions}
            business = {"tickets": [{"subject": NEEDLE}]}
            return httpx.Response(200, json=memory if "memory" in request.url.path else business)
        if request.url.path == "/customer/business/erase":
            return httpx.Response(200, json={"erased": {"tickets": 1}, "kept": ["notas fiscais"]})
        return httpx.Response(200, json=self.left.pop(0) if self.left else {"runs": 0, "checkpoints": 0, "profiles": 0})


class Office:
    """One gateway with its object store, and the part that erases."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.objects, self.agent = pool, MemoryStore(), AgentServer()
        self.tombstones = Tombstones("the-key", self.objects)
        self.gateway = Gateway(pool, tombstones=self.tombstones)
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.agent))
        records = Records(http, AgentServers("http://agent"), "t")
        farewell = Farewell(self.gateway.clients, CHANNELS, erased)
        self.erasure = Erasure(pool, self.objects, self.tombstones, records, None, farewell.tell)
        self.export = Export(pool, self.objects, records)
        self.exports = ExportRequests(pool, self.export, self.objects)
        self.requests = DataRequests(pool, {"erase": self.erasure, "export": self.exports})

    async def erase(self, contact_id: UUID | None, keys: list[list[str | None]] | None = None) -> DataRequest:
        return await self.ask("erase", contact_id, {"keys": keys or []})

    async def ask(self, kind: Kind, contact_id: UUID | None, facts: dict[str, Any] | None = None) -> DataRequest:
        """Have an export or an erasure carried out; return the request as it ended, or as it waits."""
        async with self.pool.connection() as conn:
            asked = await data_requests.ask(conn, kind, contact_id, "command", facts=facts)
        return await self.go_on(asked.id)

    async def go_on(self, request_id: UUID) -> DataRequest:
        while await self.requests.go_on(request_id):
            pass
        async with self.pool.connection() as conn:
            found = await data_requests.find(conn, request_id)
        assert found
        return found

    async def contact(self, number: str = MARIA) -> UUID:
        [(found,)] = await self.gateway.sql("SELECT contact_id FROM contact_key WHERE value = %s", number)
        return found  # type: ignore[no-any-return]

    async def everything(self, *needles: str) -> list[str]:
        """Return the tables and objects in which one of these strings is, in any column."""
        tables = await self.gateway.sql(
            """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
               AND has_table_privilege(oid, 'SELECT')"""
        )
        places = []
        for (table,) in tables:
            rows = await self.gateway.sql(f"SELECT * FROM {table}")
            said = "\n".join(
                bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
                for row in rows for value in row
            )  # fmt: skip
            places += [table for needle in needles if needle in said]
        for one in await obstore.list(self.objects).collect_async():
            body = bytes(await (await obstore.get_async(self.objects, one["path"])).bytes_async())
            places += [one["path"] for needle in needles if needle.encode() in body or needle in one["path"]]
        return places


def deliveries() -> list[dict[str, Any]]:
    """Return webhooks of a customer who merged, moved and was told of in many ways; each holds the needle."""
    first, last = wamid(), wamid()
    said = [
        raw_message(body=NEEDLE, at=BEFORE, id=first),
        raw_message("image", {"id": "9", "mime_type": "image/png", "caption": NEEDLE}, at=BEFORE),
        raw_message("location", {"latitude": 1, "longitude": 2, "name": NEEDLE}, at=BEFORE),
        raw_message("contacts", [{"name": {"formatted_name": NEEDLE}, "phones": []}], at=BEFORE),
        raw_message("reaction", {"message_id": first, "emoji": "👍"}, at=BEFORE),
        raw_message("hologram", {"body": NEEDLE}, at=BEFORE),
    ]
    contact = {"profile": {"name": f"Maria {NEEDLE}"}, "wa_id": MARIA}
    preference = {"wa_id": MARIA, "category": "marketing_messages", "value": "stop", "timestamp": BEFORE,
                  "detail": NEEDLE}  # fmt: skip
    return [
        *(change({"messages": [one], "contacts": [contact]}) for one in said),
        by(user_id=OLD_ID, text=NEEDLE, at=BEFORE + 1),  # another contact …
        message({**raw_message(body=NEEDLE, at=BEFORE + 2, id=last), "from_user_id": OLD_ID}),  # … who becomes one
        changed_number(MARIA, NEW, at=BEFORE + 3),
        change({"user_preferences": [preference]}, "user_preferences"),
        change({"something": NEEDLE, "who": NEW, "timestamp": str(BEFORE)}, "messages"),
        payload(statuses=[status("failed", wamid(), recipient=NEW, timestamp=BEFORE)]),
    ]


async def fill(office: Office) -> UUID:
    """Have everything that a person can leave; return their contact."""
    gateway = office.gateway
    await gateway.take(*deliveries())
    contact = await office.contact(NEW)
    [(conversation,)] = await gateway.sql("SELECT id FROM conversation WHERE contact_id = %s", contact)
    await gateway.sql("UPDATE media SET status = 'stored', path = '2026/01/' || id, lease_until = NULL RETURNING 1")
    for (path,) in await gateway.sql("SELECT path FROM media"):
        await obstore.put_async(office.objects, path, NEEDLE.encode())
    [(person,)] = await gateway.sql(
        "INSERT INTO person (login, name, role) VALUES ('ana', 'Ana', 'attendant') RETURNING id"
    )
    export = uuid4()
    for path in ("2026/01/attached", data_requests.export_path(export)):
        await obstore.put_async(office.objects, path, NEEDLE.encode())
    for table, columns, values in (
        ("note", "conversation_id, person_name, text", (conversation, "Ana", NEEDLE)),
        ("draft", "person_id, conversation_id, mode, text", (person, conversation, "reply", NEEDLE)),
        ("upload", "id, conversation_id, person_id, path, kind, mime_type, size, filename",
         (uuid4(), conversation, person, "2026/01/attached", "image", "image/png", 1, NEEDLE)),
        ("read_mark", "person_id, conversation_id, seq", (person, conversation, 1)),
        ("viewing", "person_id, conversation_id", (person, conversation)),
        ("account_state", "kind, subject, value, told_at",
         ("group_participants_update", "g", json.dumps({"added": [{"wa_id": NEW, "name": NEEDLE}]}), "now")),
        ("proof_try", "contact_id, order_hash", (contact, NEEDLE.encode())),
        ("tag", "name", ("VIP",)),
        ("data_request", "id, kind, state, contact_id, asked_by, path, done_at",
         (export, "export", "done", contact, "person", data_requests.export_path(export), "now")),
        ("send_rate", "key, tat", (f"whatsapp:limit:{{{NUMBER}}}:{contact}", 1)),
    ):  # fmt: skip
        marks = ", ".join(["%s"] * len(values))
        await gateway.sql(f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING 1", *values)
    await gateway.sql(
        "UPDATE conversation SET handoff_summary = %s, handoff_reason = %s WHERE id = %s RETURNING 1",
        NEEDLE, NEEDLE, conversation,
    )  # fmt: skip
    await gateway.sql("INSERT INTO conversation_tag SELECT %s, id FROM tag RETURNING 1", conversation)
    await gateway.sql("UPDATE media SET transcript = %s RETURNING 1", NEEDLE)
    await gateway.sql("UPDATE episode SET reason = %s RETURNING 1", NEEDLE)
    await gateway.sql("UPDATE conversation SET due_at = now() RETURNING 1")  # files were waited for
    await gateway.settle()  # a turn, whose reply repeats the texts
    await gateway.sql("UPDATE turn SET steps = jsonb_build_array(%s::text) RETURNING 1", NEEDLE)
    await gateway.sql("INSERT INTO answer_mark (turn_id, good, reason) SELECT id, false, %s FROM turn", NEEDLE)
    return contact
