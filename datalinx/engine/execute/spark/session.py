"""The Spark of a process: connected to when it is first needed, used by many runs, given up when it is gone."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalinx.engine.compile.spark import SESSION
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.spark.availability import CONNECT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FILES: Mapping[str, str] = {
    # The lake tells columns by id, and knows neither INT96 nor Spark's older forms of decimals.
    "spark.sql.parquet.fieldId.read.enabled": "true",
    "spark.sql.parquet.fieldId.read.ignoreMissing": "true",
    "spark.sql.parquet.fieldId.write.enabled": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.writeLegacyFormat": "false",
    # Days are those of the proleptic Gregorian calendar, as everywhere else.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}
# What a JVM needs of the environment. All else stays here: keys and passwords of the platform stand in it.
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|JAVA_\w+|HADOOP_\w+|PYSPARK_\w+|SPARK_\w+|_JAVA_OPTIONS"
)
_LEAST_HEAP = 512 * 1024**2

INTERPRETED: Mapping[str, str] = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Settings by which expressions are interpreted: making code of them takes longer than a few rows of it save."""

_lock = threading.Lock()


def is_local(remote: str) -> bool:
    """Whether Spark runs within this process's own JVM."""
    return remote == "local" or remote.startswith("local[")


@contextmanager
def spark_session(remote: str, limits: Limits) -> Iterator["SparkSession"]:
    """Give a session of its own on the Spark at an address; nothing of it is seen by other runs."""
    if remote.startswith(CONNECT):
        from pyspark.sql.connect.session import SparkSession as Connected

        session: Any = Connected.builder.remote(remote).create()
    else:
        session = _driver(remote, limits).newSession()
    try:
        for name, value in {**SESSION, **_FILES}.items():
            session.conf.set(name, value)
        yield session
    finally:
        if remote.startswith(CONNECT):
            session.stop()


def forget() -> None:
    """Give up the driver of this process, so that the next run starts a new one."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # pyspark keeps what it is connected to in these; it has no way to say that it is dead.
    context: Any = SparkContext
    session: Any = SparkSession
    with _lock, context._lock:
        gateway = context._gateway
        context._active_spark_context = context._gateway = context._jvm = None
        session._instantiatedSession = session._activeSession = None
        if gateway is not None:
            process = getattr(gateway, "proc", None)
            gateway.shutdown()
            if process is not None:
                process.kill()
                process.wait()


def _driver(remote: str, limits: Limits) -> "SparkSession":
    """The driver of this process, started by the first run; it outlives the run."""
    from pyspark.sql import SparkSession

    with _lock, _bare_environment():
        builder = SparkSession.builder.master(remote)
        for name, value in _start_configuration(remote, limits).items():
            builder = builder.config(name, value)
        return builder.getOrCreate()


def _start_configuration(remote: str, limits: Limits) -> dict[str, str]:
    """What has to be known when a driver starts; an operator's `spark-defaults.conf` says the rest."""
    heap = max(heap_bytes(remote, limits), _LEAST_HEAP) // 1024**2
    configuration = {
        "spark.app.name": "datalinx",
        "spark.driver.memory": f"{heap}m",
        # Matching a pattern with groups that repeat goes as deep as the text is long.
        "spark.driver.extraJavaOptions": "-Xss8m",
        "spark.executor.extraJavaOptions": "-Xss8m",
        # What a failing task logs can hold values of the data; failures come back as errors all the same.
        "spark.log.level": "OFF",
        # A table has some twenty pieces of code, which its next run finds here and would else be compiled for seconds.
        # They are large, so not many tables' are kept.
        "spark.sql.codegen.cache.maxEntries": "100",
        "spark.ui.enabled": "false",
        # A driver lives long, and would keep the plans and figures of a thousand statements for nobody.
        "spark.sql.ui.retainedExecutions": "10",
        "spark.ui.retainedJobs": "100",
        "spark.ui.retainedStages": "100",
        "spark.ui.retainedTasks": "1000",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(Path(tempfile.gettempdir()) / "datalinx-spark-warehouse"),
    }
    if is_local(remote):
        configuration |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": str(limits.threads),
        }
    return configuration


def heap_bytes(remote: str, limits: Limits) -> int:
    """How much of a run's memory is the driver's: most of it where it computes itself, else what plans need."""
    return limits.memory_bytes * 2 // 3 if is_local(remote) else min(limits.memory_bytes // 2, 1024**3)


@contextmanager
def _bare_environment() -> Iterator[None]:
    """Hide the platform's own settings from a JVM that is started now."""
    kept = {name: value for name, value in os.environ.items() if not _PASSED_ON.fullmatch(name)}
    for name in kept:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)
