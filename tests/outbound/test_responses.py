"""The head of an answer: read as the standard library reads it, whatever it is."""

import http.client
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datalinx.outbound.responses import Response, read_headers

NAMES = st.text("abcXYZ-_.0!:# \t", min_size=0, max_size=12)
VALUES = st.text(st.characters(codec="iso-8859-1", exclude_characters="\r\n"), max_size=20)
LINES = st.lists(
    st.one_of(
        st.builds(lambda name, value: f"{name}: {value}", NAMES, VALUES),
        st.builds(lambda name, value: f"{name}:{value}", NAMES, VALUES),
        st.builds(lambda value: f" {value}", VALUES),
        VALUES.filter(bool),
    ),
    max_size=6,
)


class Wire:
    """What stands on the wire, in the place of a socket."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self.text)


def read(kind: type[http.client.HTTPResponse], text: bytes, method: str = "POST") -> tuple[object, ...]:
    response = kind(Wire(text), method=method)
    response.begin()
    facts = (response.status, response.reason, response.version, response.length, response.will_close)
    return (*facts, response.headers.items(), response.read())


@given(lines=LINES)
@example(lines=["a:: ", "b: c \t", "d: "])
def test_headers__of_any_lines__are_those_of_the_standard_library(lines: list[str]) -> None:
    text = "".join(f"{line}\r\n" for line in [*lines, ""]).encode("iso-8859-1") + b"body"
    mine, theirs = io.BytesIO(text), io.BytesIO(text)
    assert read_headers(mine).items() == http.client.parse_headers(theirs).items()
    assert mine.read() == theirs.read() == b"body"


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\nContent-Length: 2\nX: a\n b\n\nok",
        b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/0.9 200\r\n\r\nold",
        b"HTTP/1.1 200 OK\r\nX: 1",
    ],
)
@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_answer__of_any_kind__is_read_as_the_standard_library_reads_it(text: bytes, method: str) -> None:
    assert read(Response, text, method) == read(http.client.HTTPResponse, text, method)


@pytest.mark.parametrize("interim", [100, 102, 103, 199])
def test_answer__after_interim_ones__is_the_last(interim: int) -> None:
    before = b"HTTP/1.1 %d Wait\r\nLink: </a>\r\n\r\n" % interim
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"
    assert read(Response, before * 2 + answer, "POST") == read(http.client.HTTPResponse, answer, "POST")


def test_answer__that_changes_the_protocol__is_an_answer() -> None:
    text = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    assert read(Response, text, "POST") == read(http.client.HTTPResponse, text, "POST")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SMTP 220 hello\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n",
    ],
)
def test_answer__that_is_no_http__is_refused_as_the_standard_library_refuses_it(text: bytes) -> None:
    with pytest.raises(http.client.HTTPException) as mine:
        read(Response, text)
    with pytest.raises(http.client.HTTPException) as theirs:
        read(http.client.HTTPResponse, text)
    assert mine.type is theirs.type
