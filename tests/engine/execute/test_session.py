"""The private DuckDB: bounded, cut off from other files, stoppable, telling its progress."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datalinx.engine.execute import Counts, Limits
from datalinx.engine.execute import session as session_module
from datalinx.engine.execute.session import Session, statements_left
from datalinx.errors import Cancelled, Failed
from tests.engine.execute.conftest import LIMITS, Desk

SLOW = "SELECT count(*) FROM range(10000000) AS a, range(100000) AS b WHERE a.range + b.range = 3"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(limits=LIMITS, workdir=tmp_path) as opened:
        yield opened


def test_rows__cancelled_while_it_runs__stops_within_a_second(tmp_path: Path) -> None:
    stop = threading.Event()
    with Session(limits=LIMITS, workdir=tmp_path, cancelled=stop.is_set) as session:
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        with pytest.raises(Cancelled) as caught:
            session.rows(SLOW)
        assert time.monotonic() - started < 3
        assert caught.value.code == "RUN_CANCELLED"


def test_rows__cancelled_before__does_not_start(tmp_path: Path) -> None:
    with (
        Session(limits=LIMITS, workdir=tmp_path, cancelled=lambda: True) as session,
        pytest.raises(Cancelled),
    ):
        session.rows("CREATE TABLE never AS SELECT 1")


def test_rows__a_caller_that_raises__gets_its_own_error_and_the_statement_ends(tmp_path: Path) -> None:
    def lost() -> bool:
        if time.monotonic() - started > 0.3:
            raise ConnectionError("the lease is gone")
        return False

    started = time.monotonic()
    with Session(limits=LIMITS, workdir=tmp_path, cancelled=lost) as session, pytest.raises(ConnectionError):
        session.rows(SLOW)
    assert not any(thread.name == "duckdb" for thread in threading.enumerate())


def test_rows__callbacks__come_in_the_callers_thread(tmp_path: Path) -> None:
    seen: set[int] = set()
    shares: list[float] = []

    def cancelled() -> bool:
        seen.add(threading.get_ident())
        return False

    with Session(limits=LIMITS, workdir=tmp_path, cancelled=cancelled, tick=shares.append) as session:
        session.rows("SELECT count(DISTINCT hash(range)) FROM range(20000000)")
    assert seen == {threading.get_ident()}
    assert all(0 <= share <= 1 for share in shares)


def test_rows__over_the_memory__fails_with_a_sentence(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=64 * 1024**2, threads=2, temp_bytes=1024**2)
    with Session(limits=limits, workdir=tmp_path) as session, pytest.raises(Failed) as caught:
        session.run("CREATE TEMP TABLE big AS SELECT range, hash(range) AS h FROM range(50000000)")
    assert caught.value.code == "MEMORY_EXCEEDED"


def test_confine__other_files__cannot_be_opened(session: Session, tmp_path: Path) -> None:
    known, secret, folder = tmp_path / "known.csv", tmp_path / "secret.csv", tmp_path / "out"
    folder.mkdir()
    for path in (known, secret):
        path.write_text("a\n1\n", encoding="utf-8")
    session.confine(files=[known], folders=[folder])
    assert session.number(f"SELECT a FROM read_csv('{known}')") == 1
    session.run(f"COPY (SELECT 1 AS a) TO '{folder}/x.parquet'")
    for sql in (
        f"FROM read_csv('{secret}')",
        f"COPY (SELECT 1) TO '{secret}'",
        f"ATTACH '{secret}.db' AS other",
    ):
        with pytest.raises(Failed):
            session.run(sql)


def test_rows__text_that_is_no_sql__is_a_fault_of_the_platform(session: Session) -> None:
    with pytest.raises(Failed) as caught:
        session.rows("SELECT FROM WHERE")
    assert caught.value.code == "ENGINE_ERROR"
    assert "syntax" in caught.value.details["engine"]


def test_rows__a_file_that_is_gone__is_named_as_unreadable(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Failed) as caught:
        session.rows(f"FROM read_parquet('{tmp_path}/gone.parquet')")
    assert caught.value.code == "FILE_UNREADABLE"


def test_rows__a_disk_without_space__is_told_as_such(session: Session) -> None:
    with pytest.raises(Failed) as caught:
        session.rows("COPY (SELECT 1) TO '/dev/full' (FORMAT csv, USE_TMP_FILE false)")
    assert caught.value.code == "DISK_FULL"


def test_run__progress__rises_to_one_with_the_counts_known_so_far(desk: Desk) -> None:
    told: list[tuple[float, Counts]] = []
    desk.csv("c", ["id"], [[str(n)] for n in range(100)])
    desk.target("id integer", key=["id"])
    desk.map({"id": "c.id"})
    outcome = desk.run(progress=lambda share, counts: told.append((share, counts)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert told[-1][1] == outcome.result.counts


def test_run__cancelled__raises_and_leaves_only_its_folder(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"]])
    desk.target("id integer", key=["id"])
    desk.map({"id": "c.id"})
    before = set(desk.folder.iterdir())
    with pytest.raises(Cancelled):
        desk.run(cancelled=lambda: True)
    assert set(desk.folder.iterdir()) - before <= {desk.folder / "run-1"}


def test_rows__a_statement_that_heeds_no_interrupt__is_left_and_counted_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(session_module, "_left", [])
    stop = threading.Event()
    with Session(limits=LIMITS, workdir=tmp_path, cancelled=stop.is_set) as session:
        threading.Timer(0.1, stop.set).start()
        with pytest.raises(Cancelled):
            # One value in one vector: DuckDB looks up from it only when it is done.
            session.rows("SELECT levenshtein(repeat('a', 40000), repeat('b', 40000))")
        assert statements_left() == 1
        deadline = time.monotonic() + 60
        while statements_left() and time.monotonic() < deadline:
            time.sleep(0.1)
    assert statements_left() == 0
