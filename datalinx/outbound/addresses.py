"""Which addresses may be reached: an explicit list of those that may not, and the operator's exceptions.

Python's `is_global` is not enough: it lets through addresses that carry another one inside (6to4, NAT64),
multicast, and the metadata addresses of clouds.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from datalinx.errors import FieldError, Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = {"http": 80, "https": 443}
MAX_URL_LENGTH = 2048

# https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, and Azure's host address.
_DENIED_V4 = [
    IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
    )
]
# Of IPv6 only what is global unicast, without its special parts: Teredo and its neighbours, documentation, 6to4.
_GLOBAL_V6 = IPv6Network("2000::/3")
_DENIED_V6 = [IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]

_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)


@dataclass(frozen=True)
class Target:
    """A URL that was taken apart: by the same parser whose parts make the request, so nobody reads it otherwise.

    `literal` is the address that the host spells, None where it is a name. `path` includes the query.
    """

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks of an operator's list; raise `Invalid` `NETWORK_INVALID` with the one that is none."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            message = f"{text!r} is no network; write it as 10.1.2.0/24 or fd00::/8."
            raise Invalid("NETWORK_INVALID", message) from None
    return tuple(networks)


@lru_cache(maxsize=1024)
def parse_target(url: str) -> Target:
    """Take a URL apart; raise `Invalid` `INVALID_URL` unless it is plain http or https to a host."""
    if not url.isascii():
        raise _invalid_url("write a name with other letters as xn--…, and the rest percent-encoded")
    if len(url) > MAX_URL_LENGTH or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
        raise _invalid_url(f"it may have {MAX_URL_LENGTH} characters, without spaces or backslashes")
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise _invalid_url("it cannot be read") from None
    if parts.scheme not in PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise _invalid_url("it must begin with https:// or http://")
    if parts.auth is not None:
        raise _invalid_url("it may not carry a user name or a password")
    if parts.port == 0:
        raise _invalid_url("nothing has port 0")
    host, literal = _host(parts)
    return Target(parts.scheme, host, parts.port or PORTS[parts.scheme], parts.request_uri, literal)


def check_address(address: Address, target: Target, allowed: Sequence[Network]) -> Address:
    """Return the address as it is connected to; raise `Invalid` `ADDRESS_NOT_ALLOWED` when it may not be.

    The address is not told: it may come from a name server inside.
    """
    address = unwrapped(address)
    if _is_inside(address, allowed):
        return address
    if is_denied(address):
        raise not_allowed(f"{target.host} is not a public address.")
    if target.port not in PORTS.values():
        raise not_allowed(f"Port {target.port} of {target.host} may not be called; only 80 and 443 may.")
    return address


def check_literal_address(url: str, allow: Sequence[str] = ()) -> None:
    """Refuse a URL that can never be reached, when it is saved; names are looked up at every connection.

    `allow` are networks that may be reached on any port. Raise `Invalid` with `ADDRESS_NOT_ALLOWED` or
    `INVALID_URL`.
    """
    target = parse_target(url)
    allowed = parse_networks(allow)
    if target.literal is not None:
        check_address(target.literal, target, allowed)
    elif not allowed and target.port not in PORTS.values():
        raise not_allowed(f"Port {target.port} of {target.host} may not be called; only 80 and 443 may.")


def check_host(host: str, allow: Sequence[str] = (), *, field: str = "host") -> None:
    """Refuse the host of a database that can never be reached, when it is saved; any port of a public one may be.

    Raise `Invalid` with `ADDRESS_NOT_ALLOWED` or `INVALID_HOST`, both at `field`.
    """
    literal = read_host(host, field=field)[1]
    if literal is not None:
        check_host_address(literal, host, parse_networks(allow), field=field)


def check_host_address(
    address: Address, host: str, allowed: Sequence[Network], *, field: str = "host"
) -> Address:
    """Return the address of a database as it is connected to; raise `Invalid` `ADDRESS_NOT_ALLOWED`."""
    address = unwrapped(address)
    if is_denied(address) and not _is_inside(address, allowed):
        raise not_allowed(f"{host} is not a public address.", field=field)
    return address


def read_host(host: str, *, field: str = "host") -> tuple[str, Address | None]:
    """Return a host and the address that it spells, if it does; raise `Invalid` `INVALID_HOST` when it is none."""
    try:
        return _read_host(f"[{host}]" if ":" in host and not host.startswith("[") else host)
    except ValueError as error:
        message = f"The host cannot be called: {error}."
        raise Invalid("INVALID_HOST", message, errors=[FieldError(field, "invalid_host", message)]) from None


def _is_inside(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address of the form `::ffff:1.2.3.4` stands for."""
    return getattr(address, "ipv4_mapped", None) or address


def is_denied(address: Address) -> bool:
    """Return whether an address is anything but a public one."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in _DENIED_V4)
    return address not in _GLOBAL_V6 or any(address in network for network in _DENIED_V6)


def not_allowed(message: str, *, field: str = "url") -> Invalid:
    """Return the error for an address that may not be reached."""
    return Invalid("ADDRESS_NOT_ALLOWED", message, errors=[FieldError(field, "address_not_allowed", message)])


def _host(parts: Url) -> tuple[str, Address | None]:
    """Return the host without brackets, and the address that it spells, if it does."""
    try:
        return _read_host(parts.host or "")
    except ValueError as error:
        raise _invalid_url(str(error)) from None


def _read_host(text: str) -> tuple[str, Address | None]:
    """Return the host without brackets, and the address that it spells; raise `ValueError` with what is wrong."""
    host = text.lower()
    if host.startswith("["):
        try:
            address = IPv6Address(host.strip("[]"))
        except ValueError:
            raise ValueError("its IPv6 address cannot be read") from None
        if address.scope_id:
            raise ValueError("an IPv6 address may not name an interface")
        return str(address), address
    name = host.removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError("its host is no name of letters, digits and hyphens")
    try:
        # Resolvers read 127.1, 0x7f000001 and 017700000001 as addresses too, with this same function.
        address_v4 = IPv4Address(socket.inet_aton(name))
    except OSError:
        is_local = name == "localhost" or name.endswith(".localhost")
        return name, IPv4Address("127.0.0.1") if is_local else None
    return str(address_v4), address_v4


def _invalid_url(why: str) -> Invalid:
    message = f"The URL cannot be called: {why}."
    return Invalid("INVALID_URL", message, errors=[FieldError("url", "invalid_url", message)])
