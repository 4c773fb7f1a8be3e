"""The SQL that makes the roles of the processes (roles.sql) and gives them their rights (grants.sql).

`python -m gateway.store.roles [PREVIOUS_OWNER]` prints it too, without the imports of `gateway`, which take seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from psycopg import sql

GRANTS = Path(__file__).with_name("grants.sql")
_ROLES = Path(__file__).with_name("roles.sql")


def statements(previous_owner: str | None = None) -> str:
    """Return all of it as one transaction. previous_owner: the role whose tables the new roles take over."""
    owner = sql.Literal(previous_owner or "").as_string()
    chosen = f"SELECT set_config('wa.previous_owner', {owner}, true);\n"
    return _ROLES.read_text().replace("BEGIN;\n", f"BEGIN;\n{chosen}", 1) + "\n" + GRANTS.read_text() + "\nCOMMIT;\n"


if __name__ == "__main__":
    sys.stdout.write(statements(*sys.argv[1:2]))
