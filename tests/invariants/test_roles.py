"""The whole stack with the database roles of its processes, and with databases that ask for passwords."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege

from tests.invariants.stack import Stack


def test_every_process_works_with_its_own_role(stack: Stack) -> None:
    stack.say("Olá, quero saber do meu pedido 12345")
    assert "Em separação" in stack.answered()[0]
    stack.settle()
    connected = stack.sql(
        """SELECT DISTINCT usename FROM pg_stat_activity
           WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()"""
    )
    assert sorted(connected) == [("wa_agent",), ("wa_console",), ("wa_gateway",)]


@pytest.mark.parametrize("wanted", ["SELECT FROM message", "SELECT FROM person", "COPY (SELECT 1) TO PROGRAM 'true'"])
def test_the_agent_server_reads_no_message(stack: Stack, wanted: str) -> None:
    with psycopg.connect(stack.database_url("wa_agent")) as conn, pytest.raises(InsufficientPrivilege):
        conn.execute(wanted.encode())


def test_nobody_gets_in_without_a_password(stack: Stack) -> None:
    for role in ("postgres", "wa_gateway", "wa_agent"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(stack.address("postgres"), user=role, password="***"))
    with socket.create_connection(("127.0.0.1", stack.part("valkey")["port"])) as valkey:
        valkey.sendall(b"PING\r\n")
        assert valkey.recv(100).startswith(b"-NOAUTH")


def test_passwords_are_neither_in_logs_nor_in_arguments(stack: Stack) -> None:
    shown = [log.read_text(errors="replace") for log in (stack.directory / "logs").glob("*.log")]
    shown += [" ".join(psutil.Process(part["pid"]).cmdline()) for part in stack.described["processes"]]
    shown.append((stack.directory / "stack.json").read_text())
    for password in stack.passwords.as_dict().values():
        assert not any(password in text for text in shown)
    assert urlsplit(stack.address("postgres")).password == "***"
