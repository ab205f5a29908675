"""The way to a host that is no web server: which of its checked addresses takes a connection."""

import socket
import time
from collections.abc import Callable, Sequence

from datalinx.errors import Unavailable
from datalinx.outbound.addresses import Address, check_host_address, parse_networks, read_host
from datalinx.outbound.connections import look_up, remaining, resolve_host


def reach_host(
    host: str,
    port: int,
    *,
    allow: Sequence[str] = (),
    seconds: float = 10.0,
    resolve: Callable[[str, int], list[str]] = resolve_host,
) -> Address:
    """Return the first address of a host that takes a connection, all of them checked, all of it in `seconds`.

    Whoever goes on connects to this very address, not to the name. Raise `Invalid` `ADDRESS_NOT_ALLOWED` or
    `INVALID_HOST`, and `Unavailable` `HOST_NOT_FOUND`, `CONNECTION_FAILED` or `TIMED_OUT`.
    """
    deadline = time.monotonic() + seconds
    name, literal = read_host(host)
    allowed = parse_networks(allow)
    try:
        found = [literal] if literal is not None else look_up(resolve, name, port, deadline)
        # All of them are checked before the first is tried: a name that has one forbidden address is an attack.
        addresses = [check_host_address(address, host, allowed) for address in found]
        return _first_open(addresses, port, deadline)
    except TimeoutError:
        raise Unavailable("TIMED_OUT", f"{host} did not answer in time.") from None
    except OSError:
        message = f"Nothing takes connections at {host}, port {port}: check both, and the firewall between."
        raise Unavailable("CONNECTION_FAILED", message) from None


def _first_open(addresses: Sequence[Address], port: int, deadline: float) -> Address:
    refused: OSError | None = None
    for address in addresses:
        try:
            with socket.create_connection((str(address), port), timeout=remaining(deadline)):
                return address
        except OSError as error:
            refused = error
    raise refused or OSError
