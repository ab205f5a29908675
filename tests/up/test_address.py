"""The listening socket: opened first, refused in words."""

import socket
from collections.abc import Iterator

import pytest

from datalinx.up import address
from datalinx.up.refusal import Refusal


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with address.listen("127.0.0.1", 0) as listener:
        yield listener


def test_listen__on_any_port__tells_which(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    assert address.url_of(taken) == f"http://127.0.0.1:{port}"
    with socket.create_connection(address.local_address(taken), timeout=2):
        pass


def test_listen__on_all_addresses__is_reached_by_loopback() -> None:
    with address.listen("0.0.0.0", 0) as listener:
        assert address.local_address(listener)[0] == "127.0.0.1"


def test_listen__its_socket__is_inherited(taken: socket.socket) -> None:
    assert taken.get_inheritable()


def test_listen__on_a_taken_port__refuses_in_words(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(Refusal, match=rf"Port {port} on 127\.0\.0\.1 is taken .* --port"):
        address.listen("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_listen__on_what_is_no_port__refuses_in_words(port: int) -> None:
    with pytest.raises(Refusal, match="is no port"):
        address.listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.9", "no such host"])
def test_listen__on_another_machines_address__refuses_in_words(host: str) -> None:
    with pytest.raises(Refusal, match="is no address of this machine"):
        address.listen(host, 0)


def test_url__of_ipv6__has_brackets() -> None:
    try:
        listener = address.listen("::1", 0)
    except Refusal:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert address.url_of(listener).startswith("http://[::1]:")
