"""A Spark that is stopped, lost or not there: runs end soon, say why, and the next one finds another."""

import threading
import time
from functools import partial
from pathlib import Path

import pytest

from datalinx import errors
from datalinx.engine.execute import spark as on_spark
from datalinx.engine.execute.spark import session as sessions
from datalinx.engine.execute.spark.cluster import Cluster
from tests.engine.execute.conftest import Desk
from tests.engine.spark.desks import LIMITS, REMOTE, Desks

# Spark's tasks ask whether they are wanted once in a thousand rows of the first range.
ENDLESS = "SELECT sum(a.id * b.id % 7) FROM range(100000000000) AS a CROSS JOIN range(1000) AS b"

own_driver = pytest.mark.skipif(REMOTE.startswith("sc://"), reason="A Connect server's driver is not ours.")


def test_statement__cancelled_while_it_runs__ends_within_ten_seconds(remote: str) -> None:
    cancelled = threading.Event()
    with Cluster(remote, LIMITS, cancelled.is_set, lambda share: None).connected() as cluster:
        threading.Timer(2.0, cancelled.set).start()
        started = time.monotonic()
        with pytest.raises(errors.Cancelled) as caught:
            cluster.ask(cluster.frame(ENDLESS).collect)
        assert caught.value.code == "RUN_CANCELLED"
        assert time.monotonic() - started < 12
    # All of its tasks have ended: there is room for other work.
    with Cluster(remote, LIMITS, lambda: False, lambda share: None).connected() as cluster:
        asked = time.monotonic()
        counted = cluster.ask(cluster.frame("SELECT count(*) FROM range(0, 100, 1, 2)").collect)
        assert counted[0][0] == 100
        assert time.monotonic() - asked < 10


@own_driver
def test_run__of_a_spark_that_dies__may_be_tried_again_and_then_succeeds(desks: Desks) -> None:
    desks.duckdb.csv("c", ["id"], [["1"], ["2"]])
    desks.duckdb.target("id integer")
    desks.duckdb.map({"id": "c.id"})
    desks.same()
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    assert gateway is not None
    gateway.proc.kill()
    gateway.proc.wait()
    with pytest.raises(errors.Unavailable) as caught:
        desks.run_spark()
    assert caught.value.code == "ENGINE_UNAVAILABLE"
    assert caught.value.transient
    desks.spark.runs += 1
    desks.same(keep=False)


def test_run__without_an_address__says_what_to_set(tmp_path: Path) -> None:
    desk = Desk(tmp_path, execute=partial(on_spark.run_table, remote=""))
    desk.csv("c", ["id"], [["1"]])
    desk.target("id integer")
    desk.map({"id": "c.id"})
    with pytest.raises(errors.Failed) as caught:
        desk.run()
    assert caught.value.code == "ENGINE_NOT_AVAILABLE"
    assert "DATALINX_SPARK_REMOTE" in caught.value.message


@own_driver
def test_driver__started_by_us__knows_nothing_of_the_platforms_environment(
    spark: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = dict(spark.sparkContext._jvm.java.lang.System.getenv())  # type: ignore[attr-defined]
    wrong = [name for name in environment if name.startswith(("DATALINX", "DATABASE", "AWS", "DJANGO"))]
    assert not wrong
    monkeypatch.setenv("DATALINX_SECRET_KEY", "planted")
    with sessions._bare_environment():
        import os

        assert "planted" not in os.environ.values()
    assert os.environ["DATALINX_SECRET_KEY"] == "planted"


def test_failure__in_spark__shows_neither_values_nor_text_of_the_plan(remote: str) -> None:
    with Cluster(remote, LIMITS, lambda: False, lambda share: None).connected() as cluster:
        with pytest.raises(errors.Failed) as caught:
            cluster.ask(cluster.frame("SELECT raise_error('canary-7731')").collect)
        shown = f"{caught.value} {caught.value.details} {caught.value.__cause__}"
        assert caught.value.code == "ENGINE_ERROR"
        assert "canary-7731" not in shown
