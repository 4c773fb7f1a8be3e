"""The servers of the stack and of every test: real processes, started, stopped and killed."""

import os
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
import redis

from simulator.ports import CHOSEN, HOST, PortBusyError, free_port, free_ports, listens
from simulator.stack.postgres import Postgres, _require_reachable
from simulator.stack.process import Process, StartError, User
from simulator.stack.valkey import Valkey

LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def create_table(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('olá')")


def words(url: str) -> list[tuple[str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT word FROM kept").fetchall()


def test_data_survives_restart_and_kill_on_the_same_port(server_dir: Path) -> None:
    with Postgres(server_dir / "crash") as server:
        create_table(server.url)
        url, first = server.url, server.pid
        server.restart()
        assert (server.url, server.pid != first) == (url, True)
        assert words(url) == [("olá",)]
        second = server.pid
        server.kill()
        assert not server.ready()
        server.restart()
        assert server.pid != second
        assert words(url) == [("olá",)]
    assert not server.ready()


def test_durable_is_a_choice(server_dir: Path, postgres: Postgres) -> None:
    def fsync(server: Postgres) -> object:
        with psycopg.connect(server.url) as connection:
            return connection.execute("SHOW fsync").fetchone()

    with Postgres(server_dir / "durable", durable=True) as server:
        assert fsync(server) == ("on",)
    assert fsync(postgres) == ("off",)


def test_an_interrupted_initdb_is_begun_again(server_dir: Path) -> None:
    data = server_dir / "interrupted"
    (data / "base").mkdir(parents=True)
    (data / "half").write_text("written")
    with Postgres(data) as server:
        assert server.ready()


def test_a_password_protects_data_that_were_open_before(server_dir: Path) -> None:
    with Postgres(server_dir / "protected") as server:
        create_table(server.url)
        server.stop()
        server.password = "kept-apart"
        server.start()
        assert words(server.url) == [("olá",)]
        for wrong in (f"postgresql://postgres@{HOST}:{server.port}/postgres", server.url.replace("apart", "off")):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(wrong)
        server.stop()
        server.password = "another"
        server.start()
        assert words(server.url) == [("olá",)]


def test_valkey_asks_for_its_password(server_dir: Path) -> None:
    with Valkey(server_dir / "closed", password="kept-apart") as server:
        server.flush()
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
        with redis.Redis(host=HOST, port=server.port) as nobody, pytest.raises(redis.AuthenticationError):
            nobody.ping()
        assert "kept-apart" not in "".join(server.process.argv)


@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_busy_port_is_a_clear_error(server_dir: Path, kind: type[Postgres] | type[Valkey]) -> None:
    with socket.create_server((HOST, 0)) as other, pytest.raises(PortBusyError, match="already in use"):
        kind(server_dir / "busy", other.getsockname()[1]).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another user")
def test_unreachable_files_are_named(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    with pytest.raises(StartError, match=r"may not enter .*DATABASE_URL"):
        _require_reachable(hidden, User("nobody", 65534, 65534))
    with pytest.raises(StartError, match="may not enter"):
        Postgres(hidden / "data").start()


def test_each_test_has_a_copy_of_the_template(postgres: Postgres, make_template, new_database) -> None:
    async def migrate(url: str) -> None:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 'template' AS word")

    template = make_template("words", migrate)
    one, two = new_database(template), new_database(template)
    with psycopg.connect(one) as connection:
        connection.execute("DELETE FROM kept")
    assert (words(one), words(two)) == ([], [("template",)])


def test_valkey_starts_flushes_and_comes_back(valkey: Valkey) -> None:
    client = redis.Redis.from_url(valkey.url)
    client.set("key", "value")
    valkey.flush()
    assert client.get("key") is None
    valkey.kill()
    assert not valkey.ready()
    valkey.restart()
    assert client.ping()
    client.close()


def test_durable_valkey_keeps_its_keys(server_dir: Path) -> None:
    with Valkey(server_dir / "kept", durable=True) as server:
        client = redis.Redis.from_url(server.url)
        client.set("key", "value")
        server.restart()
        assert client.get("key") == b"value"
        client.close()


def test_a_process_that_ends_while_starting_shows_its_log(tmp_path: Path) -> None:
    process = Process("Echo", ["/bin/sh", "-c", "echo no luck; exit 3"], log=tmp_path / "echo.log", ready=lambda: False)
    with pytest.raises(StartError, match=r"Echo ended with code 3 while starting(.|\n)*no luck"):
        process.start()


def test_a_process_that_hangs_is_stopped(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "trap '' TERM; sleep 60"]
    process = Process("Deaf", command, log=tmp_path / "log", ready=lambda: False, start_seconds=0.2, stop_seconds=0.2)
    with pytest.raises(StartError, match="not ready after"):
        process.start()
    assert not process.alive


def test_free_ports_are_free() -> None:
    first = free_ports(2)
    with socket.create_server((HOST, free_port())), socket.create_server((HOST, first + 1)):
        pass


@pytest.mark.skipif(
    not LOCAL_PORTS.exists() or int(LOCAL_PORTS.read_text().split()[0]) < CHOSEN.stop,
    reason="this machine gives other ports to outgoing connections than Linux does by itself",
)
def test_no_outgoing_connection_takes_a_free_port_before_its_server() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server((HOST, free_port()), backlog=100))
        ends = [stack.enter_context(socket.create_connection(server.getsockname())) for _ in range(50)]
        assert not {one.getsockname()[1] for one in ends} & {*CHOSEN}


def test_a_simulator_whose_page_is_open_ends_when_it_is_asked(server_dir: Path) -> None:
    """The page always has a waiting request, for up to a minute: longer than a shutdown may take."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "SIMULATOR_PORT": str(port), "SIMULATOR_TOKEN": "t"}
    command = [sys.executable, "-m", "simulator", "serve"]
    token = {"Authorization": "Bearer t"}
    process = Process("simulator", command, server_dir / "page.log", environment, ready=lambda: listens(port))
    url = f"http://{HOST}:{port}/_sim"
    with (
        process,
        httpx.Client(base_url=url, headers=token, trust_env=False) as http,
        socket.create_connection((HOST, port)) as page,
    ):
        revision = http.get("/transcript").json()["revision"]
        asked = f"GET /_sim/transcript?after={revision}&wait=60 HTTP/1.1\r\nHost: {HOST}\r\n"
        page.sendall(f"{asked}Authorization: Bearer t\r\n\r\n".encode())
        assert http.get("/health").is_success  # so it has read what came before
        page.setblocking(False)
        with pytest.raises(BlockingIOError):
            page.recv(1)
        process.stop()
        assert process.exit_code == -signal.SIGTERM, "it had to be killed"
