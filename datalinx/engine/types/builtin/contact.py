"""Ways to reach a person: email, hashed_email, phone_number."""

from typing import Annotated

from pydantic import AfterValidator
from sqlglot import exp

from datalinx.engine.types.builtin import numbering
from datalinx.engine.types.builtin.web import (
    HOST_NAME,
    INTERNATIONAL_HOST,
    host_to_ascii,
    is_international,
    only,
    or_international,
)
from datalinx.engine.types.semantic import Parameters, SemanticType
from datalinx.engine.types.shortcuts import Stage
from datalinx.engine.types.sql import full_match, read, sql, trimmed, when

# RFC 5321 and 5322: a dot-atom of at most 64 characters, @, a host name; 254 characters in all. Not taken,
# though the RFCs have them: quoted local parts, addresses of hosts by number, comments, names of one label.
# The local part is ASCII: few servers take others (RFC 6531). An international domain is read, and written in
# its xn-- form, by which mail finds it.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = rf"{_ATOM}(?:\.{_ATOM})*"
_ADDRESS = rf"{_LOCAL}@{HOST_NAME}"
_INTERNATIONAL = f"^({_LOCAL})@({INTERNATIONAL_HOST})$"


def is_email(value: exp.Expression) -> exp.Expression:
    """Return the test that a text is an address as it stands, in letters of either case."""
    return sql(
        "length(:v) <= 254 AND strpos(:v, '@') <= 65 AND regexp_full_match(:v, :p)", v=value, p=_ADDRESS
    )


def normal_email(value: exp.Expression) -> exp.Expression:
    """Return the address trimmed and in lower case, the local part too; NULL when it is none."""
    ascii_form = read(value, is_email, lambda text: sql("lower(:v)", v=text))
    return or_international(ascii_form, value, _with_ascii_host(trimmed(value)))


# An address of 64 characters has no part that is too long, so its pattern counts nothing.
_SHORT_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_SHORT_ADDRESS = rf"{_LOCAL.replace('A-Z', '')}@(?:{_SHORT_LABEL}\.)+[a-z]{{2,}}"

# In ASCII `trim` takes off spaces alone, and other white space inside fails the pattern.
_EMAIL_SHORTCUT = (
    Stage(lambda value, raw: sql("lower(trim(:v))", v=raw)),
    Stage(
        lambda address, raw: sql(
            "CASE WHEN strlen(:a) <= 64 AND regexp_full_match(:a, :p) AND strlen(:v) = length(:v) THEN :a END",
            a=address,
            p=_SHORT_ADDRESS,
            v=raw,
        )
    ),
)


def _with_ascii_host(value: exp.Expression) -> exp.Expression:
    local, host = (
        sql("regexp_extract(:v, :parts, :n)", v=value, parts=_INTERNATIONAL, n=number) for number in (1, 2)
    )
    # An empty local part is no match, so the host is not asked for either.
    address = sql("lower(:local) || '@' || :host", local=local, host=host_to_ascii(host))
    # 64 characters of the local part, 254 in all.
    return only(address, _ADDRESS, "[^@]{1,64}@.*", ".{1,254}")


def _check_email(value: exp.Expression) -> exp.Expression:
    """As it stands: in letters of either case, its domain in letters of any script."""
    return sql(
        "CASE WHEN :is_email THEN TRUE WHEN :v IS NOT NULL THEN :other IS NOT NULL END",
        is_email=is_email(value),
        v=value,
        other=when((is_international(value), _with_ascii_host(value))),
    )


EMAIL = SemanticType(
    name="email",
    parent="string",
    base="string",
    description="An e-mail address. The normal form is trimmed and in lower case, the local part too, with an "
    "international domain in its xn-- form.",
    pii="contact",
    reason="invalid_email",
    examples=("ada@example.org", "A.Lovelace+news@Mail.Example.CO.UK", "o'brien@xn--bcher-kva.example"),
    counter_examples=(
        *("ada", "ada@", "@example.org", "ada@example", "ada@@example.org", "a b@example.org", ""),
        *("ada@-example.org", "ada@example..org", ".ada@example.org", "ada.@example.org", "ada@example.o"),
        *("ada@127.0.0.1", "<ada@example.org>", "ada@example.org, bob@example.org", "ädä@example.org"),
        *("ada@bücher", "ada@bü cher.example", "ada@☃.example", "ada@-bücher.example"),
    ),
    normalised=(
        (" Ada.Lovelace@Example.ORG\n", "ada.lovelace@example.org"),
        (" Ada@Bücher.Example", "ada@xn--bcher-kva.example"),
    ),
    checker=lambda value, params: _check_email(value),
    normaliser=lambda value, params: normal_email(value),
    shortcut=lambda params: _EMAIL_SHORTCUT,
    trims=True,
    masker=lambda value: sql("left(:v, 1) || '***@' || split_part(:v, '@', -1)", v=value),
    column_names=r"e_?mail",
)

_SHA_256 = r"[0-9a-f]{64}"


def _normal_hash(value: exp.Expression) -> exp.Expression:
    """A hash that is one already is kept in lower case; an address is hashed in its normal form."""
    lowered = sql("lower(:v)", v=trimmed(value))
    return sql(
        "coalesce(sha256(:address), :hash)",
        address=normal_email(value),
        hash=when((full_match(lowered, _SHA_256), lowered)),
    )


HASHED_EMAIL = SemanticType(
    name="hashed_email",
    parent="string",
    base="string",
    description="The SHA-256 of an address's normal form, 64 hexadecimal digits in lower case. "
    "Plain addresses are normalised and hashed; hashes are kept.",
    pii="online_identifier",
    reason="invalid_hashed_email",
    examples=("973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b",),
    counter_examples=("973dfe46", "not a hash", "g" * 64, ""),
    normalised=(
        (" Test@Example.com", "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"),
        (
            "973DFE463EC85785F5F95AF5BA3906EEDB2D931C24E69824A89EA65DBA4E813B ",
            "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b",
        ),
    ),
    checker=lambda value, params: full_match(value, _SHA_256),
    normaliser=lambda value, params: _normal_hash(value),
    masker=lambda value: sql("left(:v, 4) || '…'", v=value),
    detector=lambda value: full_match(value, r"\s*[0-9a-fA-F]{64}\s*"),
    column_names=r"(e_?mail.*(hash|sha|hem))|((hash|sha).*e_?mail)|^hem$",
    weight=0.8,
)


def _known_region(region: str) -> str:
    if region not in numbering.regions():
        raise ValueError(
            f"`{region}` is no region with a telephone numbering plan; "
            "give an ISO 3166-1 alpha-2 code such as GB"
        )
    return region


class PhoneNumberParameters(Parameters):
    """`default_region` (ISO 3166-1 alpha-2) says where numbers without a + and calling code are dialled.

    Without it only international numbers can be read.
    """

    default_region: Annotated[str, AfterValidator(_known_region)] | None = None


def _region_of(params: Parameters) -> str | None:
    return params.default_region if isinstance(params, PhoneNumberParameters) else None


# National numbers cannot be read without their region, but people recognise them: a trunk zero or a
# North American group of three.
_DIALLED = r"\s*(?:\(?0[0-9][0-9 ()./-]{5,16}[0-9]|\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4})\s*"

PHONE_NUMBER = SemanticType(
    name="phone_number",
    parent="string",
    base="string",
    description="A telephone number. The normal form is E.164: a plus sign, the calling code, the number.",
    pii="contact",
    reason="invalid_phone_number",
    examples=("+442079460958", "+12025550123", "+33123456789", "+390612345678", "+80012345678"),
    counter_examples=(
        *("12345", "+1", "+44", "+999123456789", "+1202555012", "+4420794609581234567", "phone", ""),
        *("+44 20 7946 0958 ext. 12", "1-800-FLOWERS", "+44 1 2"),
    ),
    normalised=(
        (" +44 (0)20 7946-0958 ", "+442079460958"),
        ("tel:+1-202-555-0123", "+12025550123"),
        ("+39 06 1234 5678", "+390612345678"),
    ),
    checker=lambda value, params: full_match(value, numbering.international_pattern()),
    normaliser=lambda value, params: numbering.to_e164(value, _region_of(params)),
    stages=(
        lambda value, params: numbering.digits_of(value),
        lambda digits, params: numbering.candidate_of(digits, _region_of(params)),
        lambda candidate, params: numbering.e164_of(candidate),
    ),
    shortcut=lambda params: numbering.shortcut(_region_of(params)),
    masker=lambda value: sql(
        "left(:v, 3) || repeat('*', greatest(length(:v) - 5, 0)) || right(:v, 2)", v=value
    ),
    detector=lambda value: sql(
        "regexp_full_match(:v, :dialled) OR :n IS NOT NULL",
        v=value,
        dialled=_DIALLED,
        n=numbering.to_e164(value, None),
    ),
    parameters=PhoneNumberParameters,
    column_names=r"phone|mobile|^tel|_tel$|cell|fax|msisdn",
    weight=0.9,
)
