"""TCP ports of this machine: find a free one, recognise a busy one."""

import socket

HOST = "127.0.0.1"


class PortBusyError(Exception):
    """Somebody listens there already."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of {HOST} is already in use")
        self.port = port


def free_port() -> int:
    """A port on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def require_free(port: int) -> int:
    """Give the port back, or raise PortBusyError when somebody has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is not busy
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortBusyError(port) from error
    return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
