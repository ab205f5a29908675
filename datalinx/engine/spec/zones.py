"""The names of time zones: IANA's, which mean the same on every machine."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# What a machine's database of zones has beside them: its own clock, no zone at all, other ways of counting.
_NAMES_BESIDE = frozenset({"localtime", "posixrules", "Factory"})
_FOLDERS_BESIDE = ("posix/", "right/")


def is_zone(name: str) -> bool:
    """Return whether a time zone of IANA has this name."""
    if name in _NAMES_BESIDE or name.startswith(_FOLDERS_BESIDE):
        return False
    try:
        ZoneInfo(name)
    # A name such as `../etc` or one that is a folder raises others than ZoneInfoNotFoundError.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
