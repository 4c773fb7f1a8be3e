"""Faults of the database for tests: rows that cannot be written, and connections that go away."""

from gateway.store.database import Pool


async def poison(pool: Pool, table: str, condition: str, error: str = "program_limit_exceeded") -> None:
    """Have Postgres refuse the rows of a table for which a condition on NEW holds, as one that it cannot index."""
    name = f"poison_{table}"
    async with pool.connection() as conn:
        await conn.execute(
            f"""CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
                BEGIN
                    IF {condition} THEN RAISE {error}; END IF;
                    RETURN NEW;
                END $body$"""
        )
        await conn.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
