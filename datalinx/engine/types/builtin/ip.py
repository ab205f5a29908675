"""Addresses of IP version 4 and 6: their pattern and their one normal form (RFC 5952)."""

from sqlglot import exp

from datalinx.engine.types.sql import around, full_match, sql, trimmed, when

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_GROUP = r"[0-9A-Fa-f]{1,4}"

IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"


def _ipv6() -> str:
    """Eight groups; `::` once for one group or more that are zero; the last two may be written as IPv4."""
    tail = f"(?:{_GROUP}:{_GROUP}|{IPV4})"
    forms = [rf"(?:{_GROUP}:){{6}}{tail}", f"(?:{_GROUP}:){{7}}:"]
    for before in range(7):
        left = f"{_GROUP}(?::{_GROUP}){{{before - 1}}}" if before else ""
        most = 7 - before
        # What follows the `::`: up to `most` groups, or up to `most - 2` groups and an IPv4 address.
        groups = f"(?:{_GROUP}(?::{_GROUP}){{0,{most - 1}}})?"
        forms.append(f"{left}::{groups}")
        if most >= 2:
            forms.append(rf"{left}::(?:{_GROUP}:){{0,{most - 2}}}{IPV4}")
    return "(?:" + "|".join(forms) + ")"


IPV6 = _ipv6()
ANY = f"(?:{IPV4}|{IPV6})"


def _canonical_ipv6() -> str:
    """Addresses that are in normal form for certain: `::` hides two groups or more and no other group is zero."""
    group = "[1-9a-f][0-9a-f]{0,3}"
    forms = [f"{group}(?::{group}){{7}}"]
    for before in range(7):
        left = f"{group}(?::{group}){{{before - 1}}}" if before else ""
        right = f"(?:{group}(?::{group}){{0,{5 - before}}})?" if before < 6 else ""
        forms.append(f"{left}::{right}")
    return f"(?:{'|'.join(forms)})"


_NORMAL = f"(?:{IPV4}|{_canonical_ipv6()})"


def normal_form(value: exp.Expression) -> exp.Expression:
    """Return the address in its one normal form, NULL when a text is none."""
    inner = trimmed(value)
    return when(
        (full_match(value, _NORMAL), value),
        (full_match(inner, IPV6), _compressed(inner)),
        (full_match(inner, IPV4), inner),
    )


# A run of zero groups in an address that has no `::` yet, for each length of two and more, longest first.
_RUNS = tuple(rf"^((?::[0-9a-f]+)*?)(?::0){{{length}}}((?::[0-9a-f]+)*):$" for length in range(8, 1, -1))


def _compressed(value: exp.Expression) -> exp.Expression:
    """RFC 5952: lower case, no leading zeros, the first longest run of zero groups (two or more) as `::`.

    A tail written as IPv4 becomes two groups, so that an address has one form whoever wrote it. Each step
    takes the one before it once: an expression that named its input twice at each step would double each time.
    """
    address = around("regexp_replace(:v, :zeros, :kept, 'g')", v=_all_groups(value), zeros=_ZEROS, kept=r"\1")
    for run in _RUNS:
        address = around("regexp_replace(:v, :run, :kept)", v=address, run=run, kept=r"\1:\2:")
    for edge, kept in ((r"^:([^:])", r"\1"), (r"([^:]):$", r"\1")):
        address = around("regexp_replace(:v, :edge, :kept)", v=address, edge=edge, kept=kept)
    return address


_ZEROS = r"\b0+([0-9a-f])"


def _all_groups(value: exp.Expression) -> exp.Expression:
    """The eight groups in lower case, each between two colons: what `::` stands for is written out."""
    return sql(
        "regexp_replace(':' || lower(:groups) || ':', '::+', ':' || repeat('0:', "
        "8 - len(regexp_extract_all(:v, '[0-9A-Fa-f]+')) + CASE WHEN contains(:v, '.') THEN 2 ELSE 0 END))",
        groups=_without_ipv4_tail(value),
        v=value,
    )


def _without_ipv4_tail(value: exp.Expression) -> exp.Expression:
    tail = sql("regexp_extract(:v, '[0-9.]+$')", v=value)

    def group(high: int, low: int) -> exp.Expression:
        return sql(
            "format('{:x}', 256 * CAST(split_part(:t, '.', :high) AS INTEGER) "
            "+ CAST(split_part(:t, '.', :low) AS INTEGER))",
            t=tail,
            high=high,
            low=low,
        )

    return sql(
        "CASE WHEN contains(:v, '.') THEN regexp_replace(:v, '[0-9.]+$', '') || :first || ':' || :second ELSE :v END",
        v=value,
        first=group(1, 2),
        second=group(3, 4),
    )
