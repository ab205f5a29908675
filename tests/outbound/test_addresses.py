"""No spelling of a forbidden address gets through: not when it is saved, not when it is called."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.errors import Invalid
from datalinx.outbound import Outbound, check_literal_address
from datalinx.outbound.addresses import is_denied, parse_networks, unwrapped

# Each is a host that leads, or led in somebody's client, to loopback, to a private network or to metadata.
FORBIDDEN_HOSTS = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.0x1",
    "017700000001", "0177.0.0.1", "0", "0.0.0.0", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "x.localhost",
    "10.0.0.1", "10.255.255.255", "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "3232235777", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "255.255.255.255", "168.63.129.16",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001::1]", "[2001:db8::1]", "[fc00::1]",
    "[fd00:ec2::254]", "127.0.0.%31", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[3fff::1]", "[100::1]", "[5f00::1]",
]  # fmt: skip
UNREADABLE = [
    "http://hook.test:0/",
    "", "hook.test", "//hook.test/", "ftp://hook.test/", "file:///etc/passwd", "gopher://hook.test/", "HTTP:hook.test",
    "http:/hook.test", "http://", "https://user@hook.test/", "http://a:b@hook.test/", "http://hook.test\\@127.0.0.1/",
    "http://hook.test/\r\nHost: x", "http://hook.test/ x", " http://hook.test/", "http://127.0.0.1%00.hook.test/",
    "http://１２７.0.0.1/", "http://ⓔxample.com/", "http://[fe80::1%25lo]/", "http://[::1",
    "http://[127.0.0.1]/", "http://hook.test:99999/", "http://hook.test:0x50/", "http://-x.test/", "http://a..b/",
    "http://" + "a" * 64 + ".test/", "http://hook.test/" + "a" * 2048,
]  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_address__forbidden__is_refused_when_saved_and_when_called(scheme, host):
    for port in ("", ":80", ":443"):
        url = f"{scheme}://{host}{port}/hook"
        with pytest.raises(Invalid) as caught:
            check_literal_address(url)
        assert caught.value.code == "ADDRESS_NOT_ALLOWED"
        with Outbound() as outbound, pytest.raises(Invalid) as caught:
            outbound.request("GET", url)
        assert caught.value.code == "ADDRESS_NOT_ALLOWED"


@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
def test_address__forbidden__never_reaches_the_canary(host, canary, start):
    inside = start(host="::1")
    for port in (canary.port, inside.port):
        with Outbound(connect_seconds=1) as outbound, pytest.raises(Invalid):
            outbound.request("GET", f"http://{host}:{port}/", seconds=2)
    assert canary.connections == inside.connections == 0


@pytest.mark.parametrize("url", UNREADABLE)
def test_url__that_could_be_read_in_two_ways__is_refused(url):
    with pytest.raises(Invalid) as caught:
        check_literal_address(url)
    assert caught.value.code == "INVALID_URL"
    assert caught.value.errors[0].field == "url"


@pytest.mark.parametrize(
    "url",
    [
        "https://hook.test", "http://hook.test/a?b=c#d", "https://8.8.8.8/", "https://[2606:4700:4700::1111]/",
        "https://HOOK.Test:443/", "http://xn--bcher-kva.example/", "https://a_b.hook.test./", "http://1e100.net/",
    ],
)  # fmt: skip
def test_url__public_by_its_looks__may_be_saved(url):
    check_literal_address(url)


@pytest.mark.parametrize("url", ["http://hook.test:8080/", "https://8.8.8.8:22/", "http://hook.test:1/"])
def test_port__other_than_80_and_443__is_refused(url):
    with pytest.raises(Invalid, match="only 80 and 443") as caught:
        check_literal_address(url)
    assert caught.value.code == "ADDRESS_NOT_ALLOWED"


def test_allow_list__opens_its_networks_on_any_port_and_no_other():
    allow = ("127.0.0.0/8", "fd00::/8")
    for url in (
        "http://127.0.0.1:8000/",
        "http://[fd00::1]:9/",
        "http://localhost:1/",
        "http://[::ffff:127.0.0.1]:7/",
    ):
        check_literal_address(url, allow)
    # A name may turn out to lie in the list; an address cannot.
    check_literal_address("http://inside.test:8080/", allow)
    for url in ("http://10.0.0.1/", "http://[::1]/", "https://8.8.8.8:8443/"):
        with pytest.raises(Invalid):
            check_literal_address(url, allow)


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "inside.test", "10.0.0"])
def test_allow_list__entry_that_is_no_network__is_named(text):
    with pytest.raises(Invalid) as caught:
        parse_networks([text])
    assert caught.value.code == "NETWORK_INVALID"


@given(st.ip_addresses(v=4))
def test_every_ipv4_address__in_ipv6_clothes__is_judged_the_same_or_refused(address):
    assert is_denied(unwrapped(ip_address(f"::ffff:{address}"))) == is_denied(address)
    number = int(address)
    for wrapped in (number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)):
        assert is_denied(unwrapped(ip_address(wrapped.to_bytes(16))))


@given(st.ip_addresses())
def test_every_address__that_python_calls_not_global__is_refused(address):
    plain = unwrapped(address)
    if not plain.is_global or plain.is_multicast or plain.is_reserved:
        assert is_denied(plain)
