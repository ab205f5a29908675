"""What may be a key: a relative name that cannot leave its place, whoever chose its parts."""

from datalinx.errors import Invalid

MAX_KEY_BYTES = 1024
MAX_SEGMENT_BYTES = 255


def check_key(key: str) -> str:
    """Return the key; raise `Invalid` `INVALID_KEY` unless it is a plain relative name such as `a/b.csv`.

    Segments that begin with a dot are kept for the storage itself, so `..` and hidden files are out too.
    """
    if not key or len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise _refused(key, f"it must have 1 to {MAX_KEY_BYTES} bytes")
    if "\\" in key or not key.isprintable():
        raise _refused(key, "it holds a backslash or a character that cannot be shown")
    for segment in key.split("/"):
        if not segment:
            raise _refused(key, "it begins or ends with a slash or holds two in a row")
        if segment.startswith("."):
            raise _refused(key, "no part of it may begin with a dot")
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            raise _refused(key, f"a part of it is longer than {MAX_SEGMENT_BYTES} bytes")
    return key


def join_key(prefix: str, key: str) -> str:
    """Return the key under the prefix; either may be empty, and each was checked before."""
    return f"{prefix}/{key}" if prefix and key else prefix or key


def is_hidden(key: str) -> bool:
    """Whether a name found in the storage is one of its own and no key."""
    return any(segment.startswith(".") for segment in key.split("/"))


def _refused(key: str, why: str) -> Invalid:
    return Invalid("INVALID_KEY", f"The name {key[:100]!r} cannot be stored: {why}.")
