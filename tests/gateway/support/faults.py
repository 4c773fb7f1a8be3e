"""Faults of the database for tests: rows that cannot be written, and connections that are lost."""

from gateway.store.database import Pool


async def poison(pool: Pool, table: str, condition: str, error: str = "program_limit_exceeded") -> None:
    """Have Postgres refuse rows of a table that meet a condition on NEW, as it refuses a row that it cannot index."""
    name = f"poison_{table}"
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("SET LOCAL ROLE NONE")  # the pool may have the role of a process, which changes no table
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


async def heal(pool: Pool, table: str) -> None:
    """Have Postgres take all rows of a table again."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("SET LOCAL ROLE NONE")
        await conn.execute(f"DROP TRIGGER poison_{table} ON {table}")
