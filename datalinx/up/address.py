"""The address that the platform listens on: opened before anything else, and handed to the web server.

The socket is this process's own, so a taken port is known at once, and a caller who comes while the web server
is started again waits for it and is not refused.
"""

import errno
import socket

from datalinx.up.refusal import Refusal

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # compared with, not listened on


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that children inherit. Raises Refusal in a person's words."""
    if not 0 <= port <= 65_535:
        raise Refusal(f"{port} is no port; choose one from 1 to 65535 with --port.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Refusal(f"{host!r} is no address of this machine; choose one with --host.") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise Refusal(_reason(error, host, port)) from error
    listener.listen(1024)
    listener.set_inheritable(True)
    return listener


def local_address(listener: socket.socket) -> tuple[str, int]:
    """Return the host and port by which this machine itself reaches the socket."""
    host, port = listener.getsockname()[:2]
    return _ANY.get(host, host), port


def url_of(listener: socket.socket) -> str:
    """Return the address as a person would open it on this machine."""
    host, port = local_address(listener)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program; choose another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} may not be opened by this user; choose one above 1023 with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine; choose one with --host."
    return f"Port {port} on {host} cannot be opened: {error.strerror}."
