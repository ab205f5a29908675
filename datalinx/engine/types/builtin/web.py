"""Names and addresses of the internet: url, domain, ip_address."""

from typing import Annotated, cast

from pydantic import Field
from sqlglot import exp

from datalinx.engine.types import library
from datalinx.engine.types.builtin import ip
from datalinx.engine.types.semantic import Parameters, SemanticType
from datalinx.engine.types.sql import full_match, read, sql, trimmed

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LEVEL = r"(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,58}[A-Za-z0-9])"

HOST_NAME = rf"(?:{_LABEL}\.)+{_TOP_LEVEL}"
"""RFC 1035 and 1123: two labels or more of letters, digits and inner hyphens, the last one no number."""

INTERNATIONAL_HOST = r"[A-Za-z0-9.\x{80}-\x{10FFFF}-]+"
"""What may be a host name in letters of any script: whether it is one, the library says."""


def is_international(value: exp.Expression) -> exp.Expression:
    """Return the test that a text has letters outside ASCII: only such a one is anything for the library."""
    return sql("regexp_matches(:v, :p)", v=value, p=r"[^\x00-\x7F]")


def or_international(
    ascii_form: exp.Expression, value: exp.Expression, other: exp.Expression
) -> exp.Expression:
    """Return the CASE of `read` with one branch more: `other`, for a text with letters outside ASCII.

    A branch costs nothing to what is read before it; COALESCE would cost every value a tenth more.
    """
    return cast("exp.Case", ascii_form).when(is_international(value), other, copy=True)


def host_to_ascii(host: exp.Expression) -> exp.Expression:
    """Return a host name in its ASCII form (IDNA 2008, UTS 46); NULL for an empty text and for what is none."""
    return library.call("domain_to_ascii", host)


def only(value: exp.Expression, *patterns: str) -> exp.Expression:
    """Return the value if all of it matches each of the patterns, else NULL.

    It is named once for all of them; only NULLIF, which DuckDB takes for a CASE, computes it twice.
    """
    for pattern in patterns:
        value = sql("regexp_extract(:v, :p)", v=value, p=f"^(?:{pattern})$")
    return sql("nullif(:v, '')", v=value)


def _is_domain(value: exp.Expression) -> exp.Expression:
    return sql("length(:v) <= 253 AND regexp_full_match(:v, :p) AND :v = lower(:v)", v=value, p=HOST_NAME)


def _normal_domain(value: exp.Expression) -> exp.Expression:
    """Lower case, in ASCII, without the root's dot."""
    ascii_form = read(
        value,
        lambda text: sql("length(:v) <= 254 AND regexp_full_match(:v, :p)", v=text, p=HOST_NAME + r"\.?"),
        lambda text: sql("rtrim(lower(:v), '.')", v=text),
    )
    host = sql("regexp_extract(:v, :p)", v=trimmed(value), p=f"^{INTERNATIONAL_HOST}$")
    ascii_host = sql("rtrim(:host, '.')", host=host_to_ascii(host))
    return or_international(ascii_form, value, only(ascii_host, HOST_NAME))


DOMAIN = SemanticType(
    name="domain",
    parent="string",
    base="string",
    description="An internet domain name of two labels or more, in ASCII. The normal form is in lower case; names in "
    "other letters are read to their xn-- form (IDNA 2008).",
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
        *("a_b.example", "", f"{'a' * 64}.example", "☃.example", "bü cher.example", "bücher"),
    ),
    normalised=(
        (" Example.ORG. ", "example.org"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ),
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
_SCHEME = "[Hh][Tt][Tt][Pp][Ss]?://"
_URL = rf"{_SCHEME}{_AUTHORITY}{_REST}"
_INTERNATIONAL_URL = rf"^({_SCHEME})({_USER})({INTERNATIONAL_HOST})({_PORT}{_REST})$"
_NORMAL_START = rf"https?://{_USER}[^A-Z/?#@]*{_REST}"
MAX_URL = 2_083


class UrlParameters(Parameters):
    """`default_scheme` is put before an address without one; without it such an address is no URL."""

    default_scheme: Annotated[str, Field(pattern=r"^https?$")] | None = None


def _is_url(value: exp.Expression) -> exp.Expression:
    return sql("length(:v) <= :most AND regexp_full_match(:v, :p)", v=value, p=_URL, most=MAX_URL)


def _normal_url(value: exp.Expression, params: Parameters) -> exp.Expression:
    return _normal_of_whole(_with_scheme(value, params), params)


def _with_scheme(value: exp.Expression, params: Parameters) -> exp.Expression:
    """The value with the default scheme where it has none; the value itself when none is declared."""
    scheme = params.default_scheme if isinstance(params, UrlParameters) else None
    if scheme is None:
        return value
    return sql(
        "CASE WHEN regexp_matches(:v, '^[A-Za-z][A-Za-z0-9+.-]*://') THEN :v ELSE :scheme || :v END",
        v=trimmed(value),
        scheme=f"{scheme}://",
    )


def _normal_of_whole(value: exp.Expression, params: Parameters) -> exp.Expression:
    """Scheme and host in lower case (RFC 3986, 6.2.2.1); all else is kept, as it may matter to the server."""
    ascii_form = read(value, _is_url, _with_lower_host)
    return or_international(ascii_form, value, _with_ascii_host(trimmed(value)))


def _check_url(value: exp.Expression) -> exp.Expression:
    """As it stands, its host in any letters: a browser takes both."""
    international = sql(":url IS NOT NULL", url=_with_ascii_host(value))
    return sql(
        "CASE WHEN :is_url THEN TRUE WHEN :v IS NOT NULL THEN :found END",
        is_url=_is_url(value),
        v=value,
        found=international,
    )


def _with_ascii_host(value: exp.Expression) -> exp.Expression:
    scheme, user, host, rest = (
        sql("regexp_extract(:v, :parts, :n)", v=value, parts=_INTERNATIONAL_URL, n=number)
        for number in range(1, 5)
    )
    written = sql(
        "lower(:scheme) || :user || :host || :rest",
        scheme=scheme,
        user=user,
        host=host_to_ascii(host),
        rest=rest,
    )
    # A host has at most 253 characters in ASCII.
    return sql(
        "CASE WHEN length(:v) <= :most THEN :url END",
        v=value,
        most=MAX_URL - library.MAX_DOMAIN,
        url=only(written, _URL),
    )


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
    description="A web address with http or https (RFC 3986). The normal form has scheme and host in lower case, "
    "the host in ASCII.",
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
    normalised=(
        (" HTTPS://WWW.Example.org/Path?Q=1 ", "https://www.example.org/Path?Q=1"),
        ("https://Bücher.example:8080/Ä", "https://xn--bcher-kva.example:8080/Ä"),
    ),
    checker=lambda value, params: _check_url(value),
    normaliser=_normal_url,
    stages=(_with_scheme, _normal_of_whole),
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
