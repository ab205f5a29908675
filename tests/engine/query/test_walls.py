"""Each wall alone: what stands when the looks at the SQL are left out and hostile text reaches DuckDB itself."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from datalinx.engine.query import child
from datalinx.engine.query.functions import ALLOWED, TABLE_FUNCTIONS
from datalinx.engine.query.landlock import confine_to
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.query.wire import Job

ROOT = Path(__file__).parents[3]

# A process locked down as a query's is; it then runs every argument as SQL, and opens files by itself.
PROGRAM = """
import json, os, sys
sys.path.insert(0, {root!r})
from datalinx.engine.query import child, limits
from datalinx.engine.query.wire import Job
limits.harden(os.getppid())
connection = child.connect()
job = Job.from_bytes(sys.argv[1].encode())
child.lock_down(connection, job)
outcome = []
for sql in sys.argv[2:]:
    try:
        rows = connection.execute(sql).fetchall()
        outcome.append(["ran", str(rows)[:200]])
    except Exception as error:
        outcome.append([type(error).__name__, str(error)[:300]])
for path in {paths!r}:
    try:
        with open(path, "rb") as file:
            outcome.append(["opened", ""])
    except OSError as error:
        outcome.append([type(error).__name__, ""])
print(json.dumps(outcome), flush=True)
os._exit(0)
"""


def run_locked(tables: dict[str, TableFiles], statements: list[str], paths: list[Path]) -> list[list[str]]:
    job = Job(
        sql="", tables=tables, parameters={}, limit=1, seconds=5, memory_bytes=256 * 1024**2,
        threads=2, answer="rows", answer_bytes=1,
    )  # fmt: skip
    program = PROGRAM.format(root=str(ROOT), paths=[str(path) for path in paths])
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, job.to_bytes().decode(), *statements],
        capture_output=True, timeout=30, check=False, env={},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    outcome: list[list[str]] = json.loads(done.stdout)
    return outcome


def test_lock_down__hostile_statements_straight_to_duckdb__all_refused(
    tables: dict[str, TableFiles], folder: Path
) -> None:
    lake, other = folder / "lake", folder / "other"
    statements = [
        f"SELECT * FROM read_csv('{other}/secret.csv')",
        f"SELECT * FROM read_parquet('{other}/secret.parquet')",
        f"SELECT * FROM read_text('{lake}/secret.txt')",
        f"SELECT * FROM '{lake}/../other/secret.csv'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_blob('/etc/passwd')",
        f"SELECT * FROM sniff_csv('{other}/secret.csv')",
        f"ATTACH '{lake}/new.db' AS x",
        f"COPY (SELECT 1) TO '{lake}/new.parquet'",
        f"COPY (SELECT 1) TO '{lake}/orders-1.parquet' (FORMAT parquet, USE_TMP_FILE false)",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
    ]
    before = {path: path.read_bytes() for path in lake.iterdir()}

    outcome = run_locked(tables, statements, [])

    for statement, (kind, said) in zip(statements, outcome, strict=True):
        assert kind != "ran", (statement, said)
    assert {path: path.read_bytes() for path in lake.iterdir()} == before


def test_lock_down__memory_bomb_straight_to_duckdb__an_error_and_not_gigabytes(
    tables: dict[str, TableFiles],
) -> None:
    [[kind, _], [after, rows]] = run_locked(
        tables, ["SELECT repeat('a', 2000000000)", "SELECT count(*) FROM orders"], []
    )
    assert kind in {
        "OutOfMemoryException",
        "InvalidInputException",
        "MemoryError",
        "Error",
        "InternalException",
    }
    assert (after, rows) == ("ran", "[(1001,)]")


def test_lock_down__linux_with_landlock__python_itself_opens_only_the_planned_files(
    tables: dict[str, TableFiles], folder: Path
) -> None:
    planned = folder / "lake" / "orders-1.parquet"
    foreign = [folder / "other" / "secret.csv", folder / "lake" / "secret.txt", Path("/etc/passwd")]

    outcome = run_locked(tables, [], [planned, *foreign])

    assert outcome[0][0] == "opened"
    if _kernel_has_landlock():
        assert [kind for kind, _ in outcome[1:]] == ["PermissionError"] * 3


def _kernel_has_landlock() -> bool:
    """Asked in a process of its own: the answer confines who asks."""
    program = (
        f"import sys, ctypes; sys.path.insert(0, {str(ROOT)!r}); "
        "from datalinx.engine.query.landlock import confine_to; "
        "ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) if sys.platform == 'linux' else None; print(confine_to([]))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, text=True)
    return done.stdout.strip() == "True"


def test_confine_to__other_systems__says_that_it_did_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert confine_to([]) is False


def test_functions__volatile_or_with_side_effects__only_the_known_ones_are_allowed() -> None:
    """A DuckDB that brings a new function with effects must be looked at before it is used."""
    rows = duckdb.sql(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate')"
        " AND (stability <> 'CONSISTENT' OR has_side_effects)"
    ).fetchall()
    now = {
        "now",
        "today",
        "current_date",
        "get_current_time",
        "get_current_timestamp",
        "transaction_timestamp",
    }
    chance = {"random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"}
    assert {name for (name,) in rows} & ALLOWED <= now | chance


def test_functions__every_allowed_name__is_one_of_duckdb() -> None:
    rows = duckdb.sql("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
    known = {name for (name,) in rows}
    # Parsed, not catalogued; and those that only the newest version has.
    parsed = {"grouping", "grouping_id", "unnest", "row", "len", "if"}
    newest = {
        *("json_deep_merge", "json_replace", "json_normalize", "json_remove", "json_set", "json_insert"),
        *("json_merge_patch_diff", "json_strip_nulls", "overlay"),
    }
    assert (ALLOWED | TABLE_FUNCTIONS) - known <= parsed | newest


def test_connect__before_its_job__has_no_threads_of_its_own() -> None:
    """The kernel's file rules hold for threads that start later, so none may have started before."""
    program = (
        f"import sys, os; sys.path.insert(0, {str(ROOT)!r}); from datalinx.engine.query.child import connect; "
        "import threading; before = len(os.listdir('/proc/self/task')); connection = connect(); "
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    if sys.platform != "linux":
        assert child.connect() is not None
        return
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "0"
