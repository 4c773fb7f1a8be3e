"""The database roles of the processes in the local stack's own Postgres, with their passwords."""

import os
import subprocess
import sys
from collections.abc import Mapping

import psycopg
from psycopg import sql

from simulator.stack.process import StartError

SUPERUSER = "postgres"  # owned everything in stacks of an older version


class RolesSql:
    """The SQL that makes the roles: the gateway prints it, meanwhile Postgres may start."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "gateway.store.roles", SUPERUSER]
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)  # noqa: S603  # our own command

    def read(self) -> str:
        """Return the SQL. Raises StartError."""
        printed, problem = self._process.communicate()
        if self._process.returncode:
            raise StartError(f"The SQL of the database roles was not printed: {problem.strip()}")
        return printed


def make_roles(url: str, statements: str, passwords: Mapping[str, str]) -> None:
    """Make the roles in a database, and give them their passwords. Safe to repeat."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())
        for role, password in passwords.items():
            # Hashed here, so that the server never reads the password.
            hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            change = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed.decode()))
            connection.execute(change)
