"""Names and addresses of the internet: url, domain, ip_address."""

from typing import Annotated

from pydantic import Field
from sqlglot import exp

from datalinx.engine.types.builtin import ip
from datalinx.engine.types.semantic import Parameters, SemanticType
from datalinx.engine.types.sql import full_match, read, sql, trimmed

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LEVEL = r"(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,58}[A-Za-z0-9])"

HOST_NAME = rf"(?:{_LABEL}\.)+{_TOP_LEVEL}"
"""RFC 1035 and 1123: two labels or more of letters, digits and inner hyphens, the last one no number."""


def _is_domain(value: exp.Expression) -> exp.Expression:
    return sql("length(:v) <= 253 AND regexp_full_match(:v, :p) AND :v = lower(:v)", v=value, p=HOST_NAME)


def _normal_domain(value: exp.Expression) -> exp.Expression:
    """Lower case, without the root's dot and without a scheme, a path or a port that was pasted along."""
    return read(
        value,
        lambda text: sql("length(:v) <= 254 AND regexp_full_match(:v, :p)", v=text, p=HOST_NAME + r"\.?"),
        lambda text: sql("rtrim(lower(:v), '.')", v=text),
    )


DOMAIN = SemanticType(
    name="domain",
    parent="string",
    base="string",
    description="An internet domain name of two labels or more, in ASCII. The normal form is in lower case.",
    pii="none",
    reason="invalid_domain",
    examples=("example.org", "www.example.co.uk", "xn--bcher-kva.example", "a-1.example"),
    counter_examples=(
        *(
            "example",
            "-a.example",
            "a-.example",
            "example..org",
            "127.0.0.1",
            "http://example.org",
            "a b.org",
        ),
        *("a_b.example", "", f"{'a' * 64}.example", "bücher.example"),
    ),
    normalised=((" Example.ORG. ", "example.org"),),
    checker=lambda value, params: _is_domain(value),
    normaliser=lambda value, params: _normal_domain(value),
    column_names=r"domain|host",
    weight=0.9,
)

_IPV4_HOST = ip.IPV4
_USER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?"
_PORT = r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_REST = r"(?:[/?#][^\s<>\"\\^`{|}\x00-\x20\x7f]*)?"
_AUTHORITY = rf"{_USER}(?:{HOST_NAME}|localhost|{_IPV4_HOST}|\[[0-9A-Fa-f:.]{{2,45}}\]){_PORT}"
_URL = rf"[Hh][Tt][Tt][Pp][Ss]?://{_AUTHORITY}{_REST}"
_NORMAL_START = rf"https?://{_USER}[^A-Z/?#@]*{_REST}"
MAX_URL = 2_083


class UrlParameters(Parameters):
    """`default_scheme` is put before an address without one; without it such an address is no URL."""

    default_scheme: Annotated[str, Field(pattern=r"^https?$")] | None = None


def _is_url(value: exp.Expression) -> exp.Expression:
    return sql("length(:v) <= :most AND regexp_full_match(:v, :p)", v=value, p=_URL, most=MAX_URL)


def _normal_url(value: exp.Expression, params: Parameters) -> exp.Expression:
    """Scheme and host in lower case (RFC 3986, 6.2.2.1); all else is kept, as it may matter to the server."""
    scheme = params.default_scheme if isinstance(params, UrlParameters) else None
    if scheme is not None:
        value = sql(
            "CASE WHEN regexp_matches(:v, '^[A-Za-z][A-Za-z0-9+.-]*://') THEN :v ELSE :scheme || :v END",
            v=trimmed(value),
            scheme=f"{scheme}://",
        )
    return read(value, _is_url, _with_lower_host)


def _with_lower_host(value: exp.Expression) -> exp.Expression:
    lower_start = "lower(regexp_extract(:v, :start)) || regexp_replace(:v, :start, '')"
    # A name and password before the @ keep their case; hardly any URL has them.
    lower_around_user = (
        "lower(regexp_extract(:v, :scheme)) || regexp_extract(:v, :user, 1) "
        "|| lower(regexp_extract(:v, :user, 2)) || regexp_replace(:v, :start, '')"
    )
    return sql(
        f"CASE WHEN regexp_full_match(:v, :normal) THEN :v WHEN regexp_matches(:v, :user) THEN {lower_around_user} "
        f"ELSE {lower_start} END",
        v=value,
        normal=_NORMAL_START,
        scheme="^[A-Za-z]+://",
        start="^[A-Za-z]+://[^/?#]*",
        user="^[A-Za-z]+://([^/?#@]*@)([^/?#]*)",
    )


URL = SemanticType(
    name="url",
    parent="string",
    base="string",
    description="A web address with http or https (RFC 3986). The normal form has scheme and host in lower case.",
    pii="none",
    reason="invalid_url",
    examples=(
        *("https://example.org", "http://www.example.org:8080/a/b?c=d#e", "https://127.0.0.1/"),
        *(
            "https://example.org/Pfad/ä?q=%20",
            "http://localhost/x",
            "https://[2001:db8::1]/",
            "HTTP://EXAMPLE.ORG",
        ),
    ),
    counter_examples=(
        *("example.org", "ftp://example.org", "https://", "https://exa mple.org", "https://example.org/a b"),
        *("javascript:alert(1)", "https://example.org:99999", "https://-a.example", "//example.org", ""),
    ),
    normalised=((" HTTPS://WWW.Example.org/Path?Q=1 ", "https://www.example.org/Path?Q=1"),),
    checker=lambda value, params: _is_url(value),
    normaliser=_normal_url,
    parameters=UrlParameters,
    column_names=r"url|link|website|uri|href|referrer",
)

IP_ADDRESS = SemanticType(
    name="ip_address",
    parent="string",
    base="string",
    description="An address of IP version 4 or 6. The normal form of version 6 is that of RFC 5952.",
    pii="online_identifier",
    reason="invalid_ip_address",
    examples=("203.0.113.7", "255.0.0.1", "2001:db8::1", "::", "2001:DB8:0:0:0:0:0:1", "::ffff:192.0.2.1"),
    counter_examples=(
        *(
            "203.0.113",
            "203.0.113.256",
            "203.0.113.07",
            "1.2.3.4.5",
            "2001:db8::1::2",
            "12345::",
            "fe80::1%eth0",
        ),
        *("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "203.0.113.7:80", "203.0.113.0/24", ":::", ""),
    ),
    normalised=(
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("::FFFF:192.0.2.1", "::ffff:c000:201"),
        ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
    ),
    checker=lambda value, params: full_match(value, ip.ANY),
    normaliser=lambda value, params: ip.normal_form(value),
    masker=lambda value: sql("regexp_replace(:v, '([.:])[0-9A-Fa-f]*$', :hidden)", v=value, hidden=r"\1***"),
    column_names=r"(^|_)ip(_|$|v[46]|addr)",
)
