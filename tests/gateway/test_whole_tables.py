"""A turn must not read a whole table: its cost would grow with the customers there ever were."""

import psycopg

from gateway.housekeeping import Ages, Housekeeping
from gateway.store.database import Pool
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import NO_QUIET, Gateway
from tests.gateway.support.meta import status

MANY = 4_000
# Each customer wrote once, and was answered.
PAST = f"""
    WITH people AS (
        INSERT INTO contact (id) SELECT gen_random_uuid() FROM generate_series(1, {MANY}) RETURNING id),
    keys AS (
        INSERT INTO contact_key (kind, value, contact_id)
        SELECT 'wa_id', '55' || row_number() OVER (), id FROM people),
    places AS (
        INSERT INTO conversation (channel_id, contact_id, last_inbound_at)
        SELECT '1', id, now() FROM people RETURNING id),
    turns AS (
        INSERT INTO turn (conversation_id, state, ended_at) SELECT id, 'done', now() FROM places
        RETURNING id, conversation_id),
    events AS (
        INSERT INTO event (key, field, type, raw, state, processed_at)
        SELECT 'past ' || n, 'messages', 'text', '', 'done', now() FROM generate_series(1, {MANY}) AS n)
    INSERT INTO message (conversation_id, direction, author, type, content, status, turn_id, sent_at, wamid)
    SELECT conversation_id, way, CASE way WHEN 'in' THEN 'customer' ELSE 'agent' END, 'text', '{{"text": "Oi"}}',
           CASE way WHEN 'in' THEN 'received' ELSE 'delivered' END, turns.id, now(), way || turns.id
    FROM turns, unnest(ARRAY['in', 'out']) AS way
"""
TABLES = ("contact", "contact_key", "conversation", "episode", "event", "message", "turn")
READ = "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname = ANY(%s)"


async def test_a_turn_reads_no_table_whole(pool: Pool, database: str) -> None:
    gateway = Gateway(pool)
    keeper = Housekeeping(pool, gateway.sender, NO_QUIET, Ages())
    with psycopg.connect(database, autocommit=True) as superuser:
        superuser.execute(PAST)
        superuser.execute("ANALYZE")
        await turn(gateway, keeper)  # what is prepared and known once
        before = read(superuser)
        for _ in range(3):
            await turn(gateway, keeper)
        after = read(superuser)
    assert {table: rows - before[table] for table, rows in after.items() if rows - before[table] >= MANY} == {}


async def turn(gateway: Gateway, keeper: Housekeeping) -> None:
    """Have a customer write and be answered, and do the duties of each moment."""
    await gateway.receive(text("Oi"))
    await gateway.settle()
    await gateway.send()
    wamid = f"wamid.OUT{len(gateway.meta.bodies)}"
    await gateway.receive(statuses=[status("sent", wamid), status("delivered", wamid)])
    await gateway.turns.renew()
    await keeper.step()


def read(superuser: psycopg.Connection) -> dict[str, int]:
    """Return how many rows were read by reading tables whole; the other connections end, and so report theirs."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    superuser.execute(f"SELECT pg_terminate_backend(pid) {others} AND backend_type = 'client backend'")
    while superuser.execute(f"SELECT {others}").rowcount:
        pass
    return dict(superuser.execute(READ, [list(TABLES)]).fetchall())
