"""Ids: a prefix that names the kind, an underscore, and a time-ordered part of letters and digits."""

import secrets
import time

# Crockford's base 32: digits and lower-case letters without i, l, o, u.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Return a new id such as `ws_01jd3x…`: 48 bits of milliseconds, then 80 random bits, in 26 characters.

    The layout is that of a ULID, so ids made later sort later to the millisecond.
    """
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return prefix + "_" + "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -5, -5))
