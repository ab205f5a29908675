"""The engines that can run a pipeline's tables: whether one is there, and how it is called."""

from collections.abc import Callable
from functools import partial

from django.conf import settings

from datalinx.engine.execute import spark
from datalinx.engine.execute.results import TableResult
from datalinx.engine.execute.run import run_table
from datalinx.errors import FieldError, Invalid


def require_engine(engine: str) -> None:
    """Raise Invalid ENGINE_NOT_AVAILABLE when a pipeline cannot be run by this engine here."""
    message = spark.why_unavailable(settings.SPARK_REMOTE) if engine == "spark" else None
    if message is not None:
        raise Invalid(
            "ENGINE_NOT_AVAILABLE", message, errors=[FieldError("engine", "not_available", message)]
        )


def table_runner(engine: str) -> Callable[..., TableResult]:
    """Return what executes a table on an engine; all of them take and give the same."""
    if engine == "spark":
        return partial(spark.run_table, remote=settings.SPARK_REMOTE)
    return run_table


def table_repeater(engine: str) -> Callable[..., TableResult]:
    """Return what executes a table that an engine made once more: that engine, or DuckDB where it is gone.

    Rows and hash do not depend on the engine, so a table can be verified after the instance gave its Spark up.
    """
    if engine == "spark" and spark.why_unavailable(settings.SPARK_REMOTE) is not None:
        return run_table
    return table_runner(engine)
