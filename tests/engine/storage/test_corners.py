"""One workspace never names another's files: whatever a key is made of, it stays in its corner or is refused."""

import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.engine.storage import Storage, check_key
from datalinx.errors import DatalinxError, Invalid

CANARY = b"another workspace's"
PIECES = st.one_of(
    st.sampled_from(["..", ".", "", "/", "\\", "\x00", "%2e%2e", "%2f", "..%2f", "ws_2", "lake", "secret", "~", "*",
                     "\u2025", "\uff0e\uff0e", "\u2215", "\u202e", "C:", "file:", "a" * 300]),
    st.text(max_size=8),
)  # fmt: skip
KEYS = st.builds(
    lambda parts, sign: sign.join(parts), st.lists(PIECES, max_size=6), st.sampled_from(["/", "", "\\"])
)
FIXED = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corners")


@pytest.fixture(scope="module")
def corner(place: Path) -> Storage:
    """One workspace's corner, beside another's that holds a secret."""
    storage = Storage.open(str(place / "files"), place / "cache")
    storage.within("org_1/ws_2").put_bytes("lake/secret", CANARY)
    (place / "secret").write_bytes(CANARY)
    return storage.within("org_1/ws_1")


def is_key(key: str) -> bool:
    try:
        return bool(check_key(key))
    except Invalid:
        return False


@FIXED
@given(key=KEYS)
def test_key__of_any_making__stays_inside_or_is_refused(corner: Storage, place: Path, key: str) -> None:
    # Fresh for each example: a name that is a file already cannot become a folder.
    corner = corner.within(uuid.uuid4().hex)
    if is_key(key):
        corner.put_bytes(key, b"mine")
        inside = os.path.realpath(place / "files" / corner.prefix)
        assert os.path.realpath(corner.local(key)).startswith(inside + os.sep)
        assert corner.read_bytes(key, max_bytes=100) == b"mine"
    else:
        # As Python writes it, in whichever quotes; so nothing in it can break the line.
        with pytest.raises(Invalid, match=f"^{re.escape(f'The name {key[:100]!r} cannot be stored')}"):
            corner.put_bytes(key, b"mine")
    assert (place / "files/org_1/ws_2/lake/secret").read_bytes() == (place / "secret").read_bytes() == CANARY


READS: dict[str, Callable[[Storage, str], object]] = {
    "info": lambda corner, key: corner.info(key),
    "read": lambda corner, key: corner.read_bytes(key, max_bytes=100),
    "local": lambda corner, key: corner.local(key).read_bytes(),
    "list": lambda corner, key: list(corner.list(key)),
    "within": lambda corner, key: list(corner.within(key).list()),
}


@pytest.mark.parametrize("verb", READS)
@FIXED
@given(key=KEYS)
def test_read__of_any_key__never_reaches_another_corner(corner: Storage, verb: str, key: str) -> None:
    try:
        found = READS[verb](corner, key)
    except DatalinxError:
        return
    assert CANARY not in repr(found).encode()
    # Nor its size in a listing: what this corner holds itself is shorter.
    assert f"size={len(CANARY)}" not in repr(found)


@pytest.mark.parametrize(
    "key", ["../ws_2/lake/secret", "/etc/passwd", "a/../../ws_2/lake/secret", "a\x00b", "", "a//b"]
)
def test_key__that_leads_out__is_refused_by_every_verb(corner: Storage, key: str) -> None:
    for verb in (check_key, corner.info, corner.local, corner.delete, corner.delete_prefix, corner.within):
        with pytest.raises(Invalid):
            verb(key)


def test_key__percent_encoded__is_a_name_and_no_way_out(corner: Storage) -> None:
    name = quote("../ws_2/lake/secret", safe="").lower()
    assert corner.info(name.lstrip(".")) is None


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_link__in_the_folder__is_never_followed(place: Path, corner: Storage, kind: str) -> None:
    root = place / "files/org_1/ws_1"
    root.mkdir(parents=True, exist_ok=True)
    link = root / f"link_{kind}"
    link.symlink_to(place / "files/org_1/ws_2" / ("lake/secret" if kind == "file" else "lake"))
    key = link.name if kind == "file" else f"{link.name}/secret"
    for verb in ("info", "read", "local"):
        with pytest.raises(Invalid):
            READS[verb](corner, key)
    assert all("link" not in found.key for found in corner.list())
    with pytest.raises(Invalid):
        corner.put_bytes(key, b"mine")
    assert (place / "files/org_1/ws_2/lake/secret").read_bytes() == CANARY
