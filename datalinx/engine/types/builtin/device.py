"""Marks of a device or a browser: device_id, mobile_ad_id, cookie_id."""

from sqlglot import exp

from datalinx.engine.types.semantic import SemanticType
from datalinx.engine.types.sql import full_match, read, sql, trimmed, when


def _first_four(value: exp.Expression) -> exp.Expression:
    return sql("left(:v, 4) || '…'", v=value)


_DEVICE = r"[A-Za-z0-9][A-Za-z0-9._:{}-]{6,126}[A-Za-z0-9}]"

DEVICE_ID = SemanticType(
    name="device_id",
    parent="string",
    base="string",
    description="The mark of a device as its maker or an app gives it: 8 to 128 letters, digits and . _ : - signs, "
    "without case folding.",
    pii="online_identifier",
    reason="invalid_device_id",
    examples=("9774d56d682e549c", "A1B2-C3D4-E5F6", "dev:0012.34"),
    counter_examples=("short", "has blanks inside", "a" * 129, "-leading", ""),
    normalised=((" 9774d56d682e549c ", "9774d56d682e549c"),),
    checker=lambda value, params: full_match(value, _DEVICE),
    normaliser=lambda value, params: read(value, lambda text: full_match(text, _DEVICE)),
    masker=_first_four,
    column_names=r"device_?(id|uuid|identifier)|android_?id|idfv",
    weight=0.0,
)

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID_ANY_CASE = _UUID.replace("a-f", "a-fA-F")
# Phones give this when the person has opted out: it is everybody's and nobody's.
_OPTED_OUT = "00000000-0000-0000-0000-000000000000"


def _is_ad_id(value: exp.Expression, pattern: str) -> exp.Expression:
    return sql("regexp_full_match(:v, :p) AND :v <> :zero", v=value, p=pattern, zero=_OPTED_OUT)


def _normal_ad_id(value: exp.Expression) -> exp.Expression:
    lowered = sql("lower(:v)", v=trimmed(value))
    return when((_is_ad_id(value, _UUID), value), (_is_ad_id(lowered, _UUID), lowered))


MOBILE_AD_ID = SemanticType(
    name="mobile_ad_id",
    parent="string",
    base="string",
    description="An advertising identifier of a phone (Apple's IDFA, Google's advertising ID): a UUID. "
    "The normal form is in lower case; the all-zero one of people who opted out is refused.",
    pii="online_identifier",
    reason="invalid_mobile_ad_id",
    examples=("38400000-8cf0-11bd-b23e-10b96e40000d",),
    counter_examples=(_OPTED_OUT, "38400000-8cf0-11bd-b23e-10b96e40000", "38400000", "not-an-id", ""),
    normalised=((" 38400000-8CF0-11BD-B23E-10B96E40000D", "38400000-8cf0-11bd-b23e-10b96e40000d"),),
    checker=lambda value, params: _is_ad_id(value, _UUID),
    normaliser=lambda value, params: _normal_ad_id(value),
    masker=_first_four,
    column_names=r"idfa|gaid|aaid|maid|adid|ad_id|advertising",
    weight=0.5,
)

# RFC 6265: visible ASCII without quotes, comma, semicolon and backslash.
_COOKIE = r"[!#-+\x2D-:<-\[\]-~]{8,256}"

COOKIE_ID = SemanticType(
    name="cookie_id",
    parent="string",
    base="string",
    description="A visitor's mark kept in a cookie: 8 to 256 characters that a cookie's value may have (RFC 6265).",
    pii="online_identifier",
    reason="invalid_cookie_id",
    examples=("GA1.2.1033501218.1368477899", "fb.1.1596403881668.1116446470"),
    counter_examples=("short", "has blanks inside it", 'with"quotes"', "a;b;c;d;e;f", "a" * 257, ""),
    normalised=((" GA1.2.1033501218.1368477899 ", "GA1.2.1033501218.1368477899"),),
    checker=lambda value, params: full_match(value, _COOKIE),
    normaliser=lambda value, params: read(value, lambda text: full_match(text, _COOKIE)),
    masker=_first_four,
    column_names=r"cookie|visitor_?id|anonymous_?id|client_?id|_ga$|^ga_?id|fbp",
    weight=0.0,
)
