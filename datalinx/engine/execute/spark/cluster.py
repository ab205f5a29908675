"""Work on Spark, one statement at a time: watched, told of as it goes on, and stopped when it is cancelled."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from datalinx import errors
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.session import GRACE_SECONDS, POLL_SECONDS
from datalinx.engine.execute.spark import session as sessions
from datalinx.engine.execute.spark.availability import CONNECT, why_unavailable
from datalinx.engine.execute.spark.failure import is_gone, translated, unavailable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

T = TypeVar("T")

# How long a JVM may take to start, or a cluster to take us in.
CONNECT_SECONDS = 120.0


class Cluster:
    """A session on a Spark. Everything asked of it runs in a thread of its own while the caller's polls."""

    def __init__(
        self, remote: str, limits: Limits, cancelled: Callable[[], bool], tick: Callable[[float], None]
    ) -> None:
        self._remote = remote
        self._limits = limits
        self._cancelled = cancelled
        self._tick = tick
        self._group = f"datalinx-{uuid.uuid4().hex}"
        self._share = 0.0
        self.spark: SparkSession

    @contextmanager
    def connected(self) -> Iterator["Cluster"]:
        """Connect, and disconnect at the end.

        Raise `Failed` `ENGINE_NOT_AVAILABLE` or `Unavailable` `ENGINE_UNAVAILABLE`.
        """
        reason = why_unavailable(self._remote)
        if reason is not None:
            raise errors.Failed("ENGINE_NOT_AVAILABLE", reason)
        manager = sessions.spark_session(self._remote, self._limits)
        self.spark = self.ask(manager.__enter__, seconds=CONNECT_SECONDS)
        try:
            if self._remote.startswith(CONNECT):
                handler: Any = self._progressed
                self.spark.registerProgressHandler(handler)
            yield self
        finally:
            self._quietly(lambda: manager.__exit__(None, None, None))

    @property
    def version(self) -> str:
        return str(self.ask(lambda: self.spark.version))

    def interpret(self) -> None:
        """Compute what is asked from now on without making code of its expressions."""

        def set_all() -> None:
            for name, value in sessions.INTERPRETED.items():
                self.spark.conf.set(name, value)

        self.ask(set_all)

    def frame(self, sql: str) -> "DataFrame":
        """Return what a SELECT gives, not computed yet."""
        return self.ask(lambda: self.spark.sql(sql))

    def view(self, name: str, sql: str) -> None:
        """Give a SELECT a name that later ones can use."""
        self.ask(lambda: self.spark.sql(sql).createOrReplaceTempView(name))

    def read(self, files: Sequence[Path], schema: Any) -> "DataFrame":
        """Return the rows of Parquet files."""
        paths = [location(path) for path in files]
        return self.ask(lambda: self.spark.read.schema(schema).parquet(*paths))

    def write(self, frame: "DataFrame", folder: Path, options: dict[str, str]) -> list[Path]:
        """Compute rows into Parquet files in a new folder; return the files."""
        writer = frame.write.options(
            **options, **{"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}
        )
        self.ask(lambda: writer.parquet(location(folder)))
        return sorted(folder.glob("*.parquet"))

    def ask(self, work: Callable[[], T], *, seconds: float | None = None) -> T:
        """Do something on Spark and return what came of it.

        Raise `Cancelled` `RUN_CANCELLED` when `cancelled` says so before or during it, `Unavailable` when Spark
        does not answer (within `seconds`, if given), and `Failed` when it cannot do it.
        """
        self._stop_if_cancelled()
        self._share, ends_at = 0.0, time.monotonic() + (seconds or float("inf"))
        task = _Task(lambda: self._grouped(work))
        try:
            while not task.ended.wait(POLL_SECONDS):
                self._stop_if_cancelled()
                self._tick(self._done())
                _stop_if_late(ends_at)
        except BaseException:
            self._interrupt(task)
            raise
        if task.error is not None:
            error = translated(task.error)
            if is_gone(error) and not self._remote.startswith(CONNECT):
                sessions.forget()
            # The cause is left out: its text can hold values of the data.
            raise error from None
        return task.result

    def _grouped(self, work: Callable[[], T]) -> T:
        """The work, under a name by which it can be stopped."""
        if not self._remote.startswith(CONNECT) and hasattr(self, "spark"):
            self.spark.sparkContext.setJobGroup(self._group, "datalinx", interruptOnCancel=True)
        return work()

    def _done(self) -> float:
        """The share of the jobs' tasks that are done."""
        if self._remote.startswith(CONNECT) or not hasattr(self, "spark"):
            return self._share
        try:
            tracker = self.spark.sparkContext.statusTracker()
            jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(self._group)[-5:]]
            stages = [tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds]
        # Progress is a courtesy: whatever is wrong with Spark, the statement itself will say.
        except Exception:
            return self._share
        tasks = sum(stage.numTasks for stage in stages if stage)
        done = sum(stage.numCompletedTasks for stage in stages if stage)
        return done / tasks if tasks else 0.0

    def _progressed(self, stages: Any, inflight_tasks: int, operation_id: str | None, done: bool) -> None:
        tasks = sum(stage.num_tasks for stage in stages or ())
        self._share = sum(stage.num_completed_tasks for stage in stages or ()) / tasks if tasks else 0.0

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise errors.Cancelled(
                "RUN_CANCELLED", "The run was cancelled; nothing of this table was published."
            )

    def _interrupt(self, task: "_Task[T]") -> None:
        """Stop what is running; a job may begin after the others were stopped, so it is repeated."""
        for _ in range(int(GRACE_SECONDS / POLL_SECONDS)):
            if hasattr(self, "spark"):
                self._quietly(self._stop_jobs)
            if task.ended.wait(POLL_SECONDS):
                return

    def _stop_jobs(self) -> None:
        if self._remote.startswith(CONNECT):
            self.spark.interruptAll()
        else:
            self.spark.sparkContext.cancelJobGroup(self._group)

    @staticmethod
    def _quietly(work: Callable[[], object]) -> None:
        """Do what a dead Spark may refuse, when there is nobody left who could use the answer."""
        task = _Task(work)
        task.ended.wait(GRACE_SECONDS)


def _stop_if_late(ends_at: float) -> None:
    if time.monotonic() > ends_at:
        raise unavailable("no answer in time")


class _Task(Generic[T]):
    """One piece of work in a thread of its own."""

    result: T

    def __init__(self, work: Callable[[], T]) -> None:
        self.error: BaseException | None = None
        self.ended = threading.Event()
        threading.Thread(target=self._run, args=(work,), name="spark", daemon=True).start()

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self.result = work()
        # Whatever it is, it belongs to the thread that asked.
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()


def location(path: Path) -> str:
    """Return how Spark names a file or folder that all its machines see."""
    return f"file://{path.absolute()}"
