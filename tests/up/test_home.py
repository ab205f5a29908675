"""The home folder: whose it is, what it keeps, and when new keys would do harm."""

import os
from pathlib import Path

import pytest

from datalinx import env, keys
from datalinx.up.home import Home
from datalinx.up.refusal import Refusal


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATALINX_SECRET_KEY", raising=False)
    monkeypatch.delenv("DATALINX_ENCRYPTION_KEYS", raising=False)


def test_home__new__is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    home.ensure_keys()
    assert home.path.stat().st_mode & 0o777 == 0o700
    for name in (keys.SIGNING, keys.SEALING):
        assert keys.path_of(home.path, name).stat().st_mode & 0o777 == 0o600


def test_home__empty_and_open_to_others__is_closed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    assert Home(tmp_path / "home").path.stat().st_mode & 0o777 == 0o700


def test_home__with_files_of_others__keeps_its_mode_and_closes_its_own(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    tmp_path.chmod(0o755)
    home = Home(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert (home.path / "secrets").stat().st_mode & 0o777 == 0o700


def test_home__in_use__refuses_and_says_by_whom(tmp_path: Path) -> None:
    first = Home(tmp_path)
    first.write_address("http://127.0.0.1:8000")
    with pytest.raises(Refusal, match=rf"process {os.getpid()}, http://127\.0\.0\.1:8000"):
        Home(tmp_path)


def test_home__a_file_in_its_place__refuses(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(Refusal, match="cannot be written to"):
        Home(tmp_path / "home")


def test_keys__made_once__are_kept_and_differ_between_homes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    first.ensure_keys()
    second.ensure_keys()
    kept = keys.read(first.path, keys.SEALING)
    first.ensure_keys()
    assert keys.read(first.path, keys.SEALING) == kept != keys.read(second.path, keys.SEALING)
    monkeypatch.setenv("DATALINX_ENCRYPTION_KEYS", kept)
    monkeypatch.setenv("DATALINX_SECRET_KEY", keys.read(first.path, keys.SIGNING))
    # What is made can be used.
    assert env.ENCRYPTION_KEYS.read() == keys.read_encryption_keys(first.path)
    assert len(env.SECRET_KEY.read()) >= 50


def test_keys__given_by_environment__are_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATALINX_ENCRYPTION_KEYS", keys.new_encryption_key())
    monkeypatch.setenv("DATALINX_SECRET_KEY", "s" * 50)
    home = Home(tmp_path)
    home.ensure_keys()
    assert not home.has_new_keys
    assert list((tmp_path / "secrets").iterdir()) == []


def test_keys__missing_beside_data__are_not_made_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "datalinx.sqlite3").touch()
    with pytest.raises(Refusal, match="backup"):
        home.ensure_keys()
    assert list((tmp_path / "secrets").iterdir()) == []


def test_keys__withdrawn__are_gone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.ensure_keys()
    assert home.has_new_keys
    home.withdraw_keys()
    assert list((tmp_path / "secrets").iterdir()) == []


def test_key__made_twice__does_not_replace_the_first(tmp_path: Path) -> None:
    keys.make(tmp_path, keys.SIGNING)
    first = keys.read(tmp_path, keys.SIGNING)
    with pytest.raises(FileExistsError):
        keys.make(tmp_path, keys.SIGNING)
    assert keys.read(tmp_path, keys.SIGNING) == first
    assert len(list((tmp_path / "secrets").iterdir())) == 1


def test_encryption_keys__written_by_hand__may_be_on_lines_or_with_commas(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    keys.path_of(tmp_path, keys.SEALING).write_text("new,\nmiddle,old\n")
    assert keys.read_encryption_keys(tmp_path) == ("new", "middle", "old")
