"""TCP ports of this machine: find a free one, recognise one in use."""

import socket

HOST = "127.0.0.1"


class PortBusyError(Exception):
    """A process listens on the port already."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of {HOST} is already in use")
        self.port = port


def free_port() -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> int:
    """Return the first of so many ports in a row that are free at this moment."""
    while True:
        first = free_port()
        try:
            for port in range(first + 1, first + count):
                require_free(port)
        except (PortBusyError, OverflowError):
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
