"""Files appear whole or not at all, under keys that cannot leave their place, in a folder and in a bucket."""

import itertools
import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.storage import Storage, check_key
from datalinx.errors import Invalid, NotFound, TooLarge, Unavailable

BAD_KEYS = [
    "", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "a//b", "a/", "./a", "a/./b", ".hidden", "a/.hidden/b",
    "a\0b", "a\\b", "..\\x", "a\nb", "a\u202eb", "x" * 256, "/".join(["abc"] * 400), "é" * 128, "\ud800",
]  # fmt: skip


def keys(storage: Storage, prefix: str = "") -> list[str]:
    return sorted(found.key for found in storage.list(prefix))


def write(storage: Storage, key: str, parts, written=None, max_bytes=None) -> None:
    with storage.open_write(key, max_bytes=max_bytes) as writer:
        for part in parts:
            writer.write(part)
            if written is not None:
                written.append(part)


def broken_upload():
    yield b"half"
    raise ConnectionResetError


@pytest.mark.parametrize("key", BAD_KEYS)
def test_key__that_could_leave_its_place__is_refused(key, folder):
    for use in (check_key, folder.info, folder.local, folder.delete, folder.delete_prefix, folder.within):
        with pytest.raises(Invalid) as caught:
            use(key)
        assert caught.value.code == "INVALID_KEY"


@given(key=st.text(alphabet=st.sampled_from("ab./\\\0é"), max_size=12))
def test_key__whatever_it_is__is_refused_or_stays_below_its_folder(key):
    try:
        check_key(key)
    except Invalid:
        return
    assert os.path.normpath(f"/root/{key}") == f"/root/{key}"


def test_file__written__is_read_listed_and_known(storage):
    with storage.open_write("a/b/größe 1.csv") as writer:
        writer.write(b"one,")
        writer.write(b"two")
    assert writer.size == 7
    assert storage.read_bytes("a/b/größe 1.csv", max_bytes=7) == b"one,two"
    assert keys(storage) == ["a/b/größe 1.csv"]
    found = storage.info("a/b/größe 1.csv")
    assert found is not None
    assert found.size == 7
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    with storage.open_read("a/b/größe 1.csv") as stream:
        assert stream.read(3) == b"one"


def test_file__not_there__is_not_found(storage):
    assert storage.info("a/b") is None
    assert keys(storage, "a") == []
    storage.delete("a/b")
    storage.delete_prefix("a")
    for read in (lambda: storage.local("a/b"), lambda: storage.read_bytes("a/b", max_bytes=1)):
        with pytest.raises(NotFound) as caught:
            read()
        assert caught.value.code == "FILE_NOT_FOUND"


def test_file__over_its_limit__is_cut_off_while_it_streams(storage):
    storage.put_bytes("a", b"old")
    written = []
    with pytest.raises(TooLarge, match="limit of 10 bytes"):
        write(storage, "a", itertools.repeat(b"12345"), written, max_bytes=10)
    assert len(written) == 2
    assert storage.read_bytes("a", max_bytes=10) == b"old"
    assert list(storage.backend.incoming.glob("*")) == []


def test_file__whose_writing_breaks_off__never_appears(storage):
    with pytest.raises(ConnectionResetError):
        write(storage, "a", broken_upload())
    assert storage.info("a") is None
    assert list(storage.backend.incoming.glob("*")) == []


def test_file__written_again__is_replaced_whole(storage):
    storage.put_bytes("a", b"a long first text")
    with storage.open_write("a") as writer:
        writer.write(b"second")
        assert storage.read_bytes("a", max_bytes=99) == b"a long first text"
    assert storage.read_bytes("a", max_bytes=99) == b"second"


def test_file__put_from_a_path__is_copied_or_moved(storage, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"text")
    storage.put_file("copied", source)
    assert source.exists()
    storage.put_file("moved", source, move=True)
    assert not source.exists()
    assert [storage.read_bytes(key, max_bytes=9) for key in ("copied", "moved")] == [b"text", b"text"]


@pytest.mark.parametrize("move", [False, True])
def test_file__put_from_a_path_over_the_limit__is_refused(storage, tmp_path, move):
    source = tmp_path / "source"
    source.write_bytes(b"12345")
    with pytest.raises(TooLarge):
        storage.put_file("a", source, move=move, max_bytes=4)
    assert storage.info("a") is None


def test_file__put_from_a_link__is_refused(storage, tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(Invalid) as caught:
        storage.put_file("a", tmp_path / "link", move=True)
    assert caught.value.code == "NOT_A_FILE"


def test_corner__sees_only_its_own_files(storage):
    one, two = storage.within("org/ws_1"), storage.within("org/ws_10")
    one.put_bytes("a/x", b"1")
    two.put_bytes("a/x", b"2")
    assert one.read_bytes("a/x", max_bytes=1) == b"1"
    assert keys(one) == ["a/x"]
    assert keys(one, "a") == ["a/x"]
    assert one.within("a").uri("x") == storage.uri("org/ws_1/a/x")
    with pytest.raises(Invalid):
        one.read_bytes("../ws_10/a/x", max_bytes=1)
    one.delete_prefix("a")
    assert keys(storage) == ["org/ws_10/a/x"]


def test_prefix__deleted__takes_no_neighbour_with_it(storage):
    for key in ("a/b/1", "a/b/c/2", "a/bc/3"):
        storage.put_bytes(key, b"")
    storage.delete_prefix("a/b")
    assert keys(storage) == ["a/bc/3"]


def test_local__any_storage__gives_a_path_with_the_bytes(storage, tmp_path):
    storage.put_bytes("a/x.parquet", b"bytes")
    assert storage.local("a/x.parquet").read_bytes() == b"bytes"
    held = storage.local("a/x.parquet", hold_in=tmp_path / "mine")
    assert held.read_bytes() == b"bytes"


def test_local_folder__any_storage__has_the_files_under_their_names(storage, tmp_path):
    storage.put_bytes("up/src/a.csv", b"1")
    storage.put_bytes("up/src/deep/b.csv", b"2")
    storage.put_bytes("up/other/c.csv", b"3")
    folder = storage.local_folder("up/src", hold_in=tmp_path / "mine")
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.csv")}
    assert found == {"a.csv": b"1", "deep/b.csv": b"2"}
    empty = storage.local_folder("up/none", hold_in=tmp_path / "empty")
    assert list(empty.iterdir()) == []


def test_local_folder__file_replaced__shows_the_new_one(storage, tmp_path):
    storage.put_bytes("up/a.csv", b"first")
    storage.local_folder("up", hold_in=tmp_path / "one")
    storage.put_bytes("up/a.csv", b"the second")
    assert (storage.local_folder("up", hold_in=tmp_path / "two") / "a.csv").read_bytes() == b"the second"


def test_folder__links_inside__are_never_followed(folder, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/x").write_bytes(b"secret")
    folder.put_bytes("ws/y", b"")
    (tmp_path / "files/ws/dir").symlink_to(tmp_path / "secret")
    (tmp_path / "files/ws/file").symlink_to(tmp_path / "secret/x")
    for key in ("ws/dir/x", "ws/file"):
        for use in (folder.info, folder.local, lambda key: folder.put_bytes(key, b"!"), folder.delete):
            with pytest.raises(Invalid, match="link"):
                use(key)
    with pytest.raises(Invalid):
        folder.delete_prefix("ws/dir")
    assert keys(folder) == ["ws/y"]
    folder.delete_prefix("ws")
    assert (tmp_path / "secret/x").read_bytes() == b"secret"


def test_folder__name_is_a_folder_already__is_refused_with_a_sentence(folder):
    folder.put_bytes("a/b", b"")
    for key in ("a", "a/b/c"):
        with pytest.raises(Invalid, match="choose another name"):
            folder.put_bytes(key, b"")


def test_folder__abandoned_writing__is_discarded_after_its_time(folder):
    folder.put_bytes("a", b"")
    (folder.backend.incoming / "left-behind").write_bytes(b"half")
    now = datetime.now(UTC)
    assert folder.discard_abandoned(before=now - timedelta(hours=1)) == 0
    assert folder.discard_abandoned(before=now + timedelta(hours=1)) == 1
    assert keys(folder) == ["a"]


@pytest.mark.parametrize(
    "url", ["", "s3://", "gs://bucket", "http://host/x", "s3://bucket/a/../b", "file://host/x"]
)
def test_storage__address_of_another_kind__is_refused(url, tmp_path):
    with pytest.raises(Invalid) as caught:
        Storage.open(url, tmp_path)
    assert caught.value.code in {"STORAGE_URL_INVALID", "INVALID_KEY"}


def test_storage__file_address__is_the_folder(tmp_path):
    storage = Storage.open(f"file://{tmp_path}/a b%20", tmp_path / "cache")
    storage.put_bytes("x", b"1")
    assert (tmp_path / "a b%20/x").read_bytes() == b"1"
    assert Storage.open(storage.uri(), tmp_path / "cache").uri("x") == f"file://{tmp_path}/a b%20/x"


@pytest.mark.objectstore
def test_bucket__wrong_endpoint__is_unavailable_and_says_so(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for use in (
        bucket.info,
        lambda key: bucket.put_bytes(key, b""),
        lambda key: list(bucket.list(key)),
        bucket.delete,
    ):
        with pytest.raises(Unavailable, match="object store cannot be used") as caught:
            use("a")
        assert caught.value.transient


@pytest.mark.objectstore
def test_bucket__local_file__is_downloaded_once(bucket, monkeypatch):
    bucket.put_bytes("a", b"bytes")
    path = bucket.local("a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    offline = Storage.open(bucket.uri(), bucket.cache.folder.parent)
    assert offline.local("a") == path


@pytest.mark.objectstore
def test_bucket__held_file__outlives_the_cache(bucket, tmp_path):
    bucket.put_bytes("a", b"bytes")
    held = bucket.local("a", hold_in=tmp_path / "mine")
    bucket.local("a").unlink()
    assert held.read_bytes() == b"bytes"
