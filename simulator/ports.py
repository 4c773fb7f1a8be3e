"""TCP ports of this machine: find a free one, recognise one in use."""

import secrets
import socket

HOST = "127.0.0.1"
# Below the ports that outgoing connections get (Linux: from 32768 on, macOS: from 49152): one of them could take a port
# before the server starts that is to have it. Browsers refuse 10080.
CHOSEN = range(11_000, 30_000)


class PortBusyError(Exception):
    """A process listens on the port already."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of {HOST} is already in use")
        self.port = port


def free_port() -> int:
    """Return a port that is free at this moment."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Return the first of so many ports in a row that are free at this moment."""
    while True:
        first = secrets.choice(CHOSEN[: len(CHOSEN) - count + 1])
        try:
            for port in range(first, first + count):
                require_free(port)
        except PortBusyError:
            continue
        return first


def require_free(port: int) -> int:
    """Return the port, or raise PortBusyError when it is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port in TIME_WAIT is free
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortBusyError(port) from error
    return port


def listens(port: int) -> bool:
    """Return whether a server accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
