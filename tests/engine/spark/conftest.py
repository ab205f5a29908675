"""One Spark for all tests, in this process's own JVM; it takes seconds to start."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datalinx.engine.execute import spark as on_spark
from datalinx.engine.execute.spark.session import forget, spark_session
from tests.engine.execute.conftest import Desk
from tests.engine.spark.desks import LIMITS, REMOTE, Desks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here, and leave those for the end after which there is another Spark."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.spark)
    items.sort(key=lambda item: here in item.path.parents and "_dies__" in item.name)


@pytest.fixture(scope="session")
def remote() -> Iterator[str]:
    pytest.importorskip("pyspark")
    # Statements run for a moment here: optimizing their machine code would take longer than it saves.
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    yield REMOTE
    forget()


@pytest.fixture(scope="session")
def spark(remote: str, pytestconfig: pytest.Config) -> Iterator[Any]:
    """A session with the settings that the texts rely on.

    In the short form it interprets expressions: compiling one takes a hundred times longer than a few rows of it.
    Loads and `make spark-full` compile them, as a run does.
    """
    with spark_session(remote, LIMITS) as session:
        if "not slow" in pytestconfig.option.markexpr:
            session.conf.set("spark.sql.codegen.wholeStage", "false")
            session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        yield session


@pytest.fixture
def desks(tmp_path: Path, remote: str) -> Desks:
    folders = [tmp_path / name for name in ("duckdb", "spark")]
    for folder in folders:
        folder.mkdir()
    return Desks(Desk(folders[0]), Desk(folders[1], execute=partial(on_spark.run_table, remote=remote)))
