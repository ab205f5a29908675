"""One request, to a checked address, with one answer and an end."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from datalinx.errors import DatalinxError, Invalid, Unavailable
from datalinx.outbound import Outbound
from datalinx.outbound.connections import PinnedHTTP

from .conftest import OK

LOOPBACK = ("127.0.0.1/32",)


def client(*addresses: str, allow=LOOPBACK, **given) -> Outbound:
    """Return a client for which every name has these addresses."""
    return Outbound(allow=allow, resolve=lambda host, port: list(addresses or ("127.0.0.1",)), **given)


def refused(outbound: Outbound, url: str, **given) -> DatalinxError:
    with outbound, pytest.raises(DatalinxError) as caught:
        outbound.request("POST", url, **({"body": b"x", "seconds": 5} | given))
    return caught.value


def slowly(*parts: bytes, pause: float):
    def behave(connection: socket.socket, request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return behave


def saying(answer: bytes):
    return lambda connection, request: connection.sendall(answer)


def test_request__to_a_name__carries_the_name_and_goes_to_the_address(canary):
    with client() as outbound:
        answer = outbound.request(
            "POST",
            f"http://hook.test:{canary.port}/a/b?c=d#e",
            body=b'{"x": 1}',
            headers={"webhook-id": "evt_1"},
        )
    assert (answer.status, answer.body, answer.truncated, answer.headers["CONTENT-length"]) == (
        200,
        b"ok",
        False,
        "2",
    )
    assert 0 < answer.seconds < 5
    [heard] = canary.heard
    assert heard.startswith(b"POST /a/b?c=d HTTP/1.1\r\n")
    assert f"\r\nHost: hook.test:{canary.port}\r\n".encode() in heard
    assert b"webhook-id: evt_1" in heard
    assert heard.endswith(b'\r\n\r\n{"x": 1}')


def test_connection__within_one_client__is_used_again(canary):
    with client() as outbound:
        for _ in range(3):
            outbound.request("GET", f"http://hook.test:{canary.port}/")
    assert (canary.connections, len(canary.heard)) == (1, 3)


def test_connection__that_the_other_side_closed__is_made_anew(start):
    def answer_and_close(connection: socket.socket, request: bytes) -> None:
        connection.sendall(OK)
        connection.close()

    canary = start(answer_and_close)
    with client() as outbound:
        for _ in range(2):
            assert outbound.request("GET", f"http://hook.test:{canary.port}/").status == 200
            time.sleep(0.05)
    assert canary.connections == 2


def test_connection__on_which_words_came_unasked__is_made_anew(start):
    canary = start(slowly(OK, b"HTTP/1.1 500 Late\r\n\r\n", pause=0.1))
    with client() as outbound:
        for _ in range(3):
            assert outbound.request("GET", f"http://hook.test:{canary.port}/").status == 200
            time.sleep(0.3)
    assert canary.connections == 3


def test_name__with_one_forbidden_address__is_refused_whole(canary):
    for addresses in (
        ("127.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:169.254.169.254"),
    ):
        error = refused(client(*addresses), f"http://hook.test:{canary.port}/")
        assert (type(error), error.code) == (Invalid, "ADDRESS_NOT_ALLOWED")
        assert not any(address in str(error) for address in addresses)
    assert canary.connections == 0


def test_name__that_changes_its_address__is_looked_up_once_for_each_connection(canary):
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"]])
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    url = f"http://rebind.test:{canary.port}/"
    assert Outbound(allow=LOOPBACK, resolve=resolve).request("GET", url).status == 200
    assert asked == ["rebind.test"]
    assert refused(Outbound(allow=LOOPBACK, resolve=resolve), url).code == "ADDRESS_NOT_ALLOWED"
    assert canary.connections == 1


def test_connection__that_ends_elsewhere__is_cut_before_a_byte_is_sent(canary, monkeypatch):
    real = PinnedHTTP._check_peer

    def moved(self, opened) -> None:
        self.address = type(self.address)("127.0.0.9")
        real(self, opened)

    monkeypatch.setattr(PinnedHTTP, "_check_peer", moved)
    assert refused(client(), f"http://hook.test:{canary.port}/").code == "ADDRESS_NOT_ALLOWED"
    assert canary.heard == []


def test_name__second_address__is_tried_when_the_first_refuses(start):
    canary = start(host="::1")
    with client("127.0.0.1", "::1", allow=("127.0.0.1/32", "::1/128")) as outbound:
        assert outbound.request("GET", f"http://hook.test:{canary.port}/").status == 200


def test_redirect__is_an_answer_and_is_not_followed(start, canary):
    location = f"http://127.0.0.1:{canary.port}/".encode()
    redirecting = start(
        saying(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
    )
    with client() as outbound:
        answer = outbound.request("GET", f"http://hook.test:{redirecting.port}/")
    assert (answer.status, answer.headers["location"]) == (302, location.decode())
    assert canary.connections == 0


def test_environment__proxies_and_netrc__are_not_used(canary, start, monkeypatch):
    proxy = start()
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    with client() as outbound:
        outbound.request("GET", f"http://hook.test:{canary.port}/")
    assert (proxy.connections, canary.connections) == (0, 1)


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", *[b"x"] * 99],
        [b"HTTP/1.1 200 OK\r\n", *[b"X-Drip: 1\r\n"] * 99],
        [bytes([byte]) for byte in b"HTTP/1.1 200 OK"] * 9,
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 99,
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 99],
        [],
    ],
    ids=["body", "headers", "status", "continue", "chunks", "silence"],
)
def test_answer__that_drips__is_cut_at_the_limit(start, parts):
    canary = start(slowly(*parts, b"", pause=0.1))
    started = time.monotonic()
    error = refused(client(), f"http://hook.test:{canary.port}/", seconds=0.6)
    assert (type(error), error.code) == (Unavailable, "TIMED_OUT")
    assert 0.5 < time.monotonic() - started < 1.5


@pytest.mark.parametrize("pause", [30.0, 0.1], ids=["not at all", "slowly"])
def test_request__that_the_other_side_takes__is_cut_at_the_limit(pause):
    """The body is larger than what the system keeps for a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                while connection.recv(50_000) and not done.wait(pause):
                    pass

        done = threading.Event()
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        started = time.monotonic()
        url = f"http://hook.test:{listener.getsockname()[1]}/"
        error = refused(client(), url, body=b"x" * 50_000_000, seconds=0.6)
        assert error.code == "TIMED_OUT"
        assert 0.5 < time.monotonic() - started < 1.5
        done.set()
        thread.join(timeout=5)


def test_look_up__that_hangs__is_cut_at_the_limit():
    def hang(host: str, port: int) -> list[str]:
        time.sleep(3)
        return []

    started = time.monotonic()
    assert refused(Outbound(resolve=hang), "http://hook.test/", seconds=0.3).code == "TIMED_OUT"
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("size", [0, 99, 100, 101, 10_000_000])
def test_answer__over_its_limit__is_cut_and_marked(start, size):
    canary = start(saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size))
    with client() as outbound:
        answer = outbound.request("GET", f"http://hook.test:{canary.port}/", response_bytes=100)
    assert (len(answer.body), answer.truncated) == (min(size, 100), size > 100)


def test_answer__compressed_bomb__is_not_unpacked(start):
    import gzip

    packed = gzip.compress(b"0" * 50_000_000, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    canary = start(saying(head + packed))
    with client() as outbound:
        answer = outbound.request("GET", f"http://hook.test:{canary.port}/")
    assert answer.body == packed[: 64 * 1024]
    assert b"accept-encoding: identity" in canary.heard[0].lower()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"1" * 70_000 + b"\r\n\r\n",
    ],
)
def test_answer__that_is_no_http__is_said_in_a_sentence(start, answer):
    error = refused(client(), f"http://hook.test:{start(saying(answer)).port}/", seconds=2)
    assert (type(error), error.code) == (Unavailable, "ANSWER_UNREADABLE")
    assert error.message == "hook.test did not answer as HTTP says."


def test_connection__refused_or_reset__may_work_later(start):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert refused(client(), f"http://hook.test:{port}/").code == "CONNECTION_FAILED"
    closing = start(lambda connection, request: connection.close())
    error = refused(client(), f"http://hook.test:{closing.port}/")
    assert (error.code, error.transient) == ("CONNECTION_FAILED", True)
    assert error.message == "hook.test closed the connection without an answer."


def test_name__without_an_address__is_not_found():
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for outbound in (Outbound(resolve=unknown), Outbound(resolve=lambda host, port: [])):
        error = refused(outbound, "https://hook.test/")
        assert (error.code, error.message) == ("HOST_NOT_FOUND", "The host hook.test has no address.")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1"}, {"content-length": "1"}, {"Transfer-Encoding": "chunked"}, {"Proxy-Authorization": "x"},
        {"X": "a\r\nY: b"}, {"X\r\nY": "b"}, {"X Y": "b"}, {"": "b"}, {"X": "ü"},
    ],
)  # fmt: skip
def test_header__that_is_not_the_callers__is_refused(canary, headers):
    error = refused(client(), f"http://hook.test:{canary.port}/", headers=headers)
    assert (type(error), error.code) == (Invalid, "HEADER_NOT_ALLOWED")
    assert canary.connections == 0


@pytest.mark.parametrize("method", ["", "GET /x HTTP/1.1\r\nHost: y", "GE T", "G\x00T"])
def test_method__that_is_none__is_refused(canary, method):
    with client() as outbound, pytest.raises(Invalid) as caught:
        outbound.request(method, f"http://hook.test:{canary.port}/")
    assert caught.value.code == "METHOD_NOT_ALLOWED"


def test_tls__certificate_of_the_name__is_verified(start, authority):
    canary = start(tls=authority.server)
    with client(ca_file=authority.ca_file) as outbound:
        for _ in range(2):
            assert outbound.request("GET", f"https://hook.test:{canary.port}/").body == b"ok"
        assert outbound.request("GET", f"https://127.0.0.1:{canary.port}/").body == b"ok"
    assert canary.connections == 2


@pytest.mark.parametrize("host", ["other.test", "localhost"])
def test_tls__certificate_of_another_name__is_refused(start, authority, host):
    canary = start(tls=authority.server)
    error = refused(client(ca_file=authority.ca_file), f"https://{host}:{canary.port}/")
    assert (type(error), error.code) == (Unavailable, "TLS_FAILED")
    assert canary.heard == []


def test_tls__unknown_authority__is_refused(start, authority):
    canary = start(tls=authority.server)
    assert refused(client(), f"https://hook.test:{canary.port}/").code == "TLS_FAILED"
    assert canary.heard == []


def test_tls__answer_that_drips__is_cut_at_the_limit(start, authority):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
    canary = start(slowly(head, *[b"x"] * 99, pause=0.1), tls=authority.server)
    started = time.monotonic()
    error = refused(client(ca_file=authority.ca_file), f"https://hook.test:{canary.port}/", seconds=0.6)
    assert error.code == "TIMED_OUT"
    assert time.monotonic() - started < 1.5


def test_tls__handshake_that_never_ends__is_cut_at_the_limit(start):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        error = refused(client(), f"https://hook.test:{silent.getsockname()[1]}/", seconds=0.5)
    assert error.code == "TIMED_OUT"
    assert time.monotonic() - started < 1.5
