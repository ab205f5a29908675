"""What the drills share: a platform of each variant, how many rounds there are, and the table at the end."""

import logging
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.drilling import is_long
from tests.drills.cluster import Cluster
from tests.drills.results import RESULTS, Result, Results
from tests.drills.workload import Client, Watched

# It would fill the account of a failure with thousands of questions.
logging.getLogger("httpx").setLevel(logging.WARNING)

Round = Callable[[str], AbstractContextManager["Measured"]]


class Measured:
    """One round; a drill that measures a time puts it into `seconds`."""

    seconds: float | None = None


def rounds(short: int, long: int) -> int:
    """Return how often a drill is repeated: `DRILL_ROUNDS`, else the long form's number, else the short one's."""
    given = os.environ.get("DRILL_ROUNDS")
    return int(given) if given else long if is_long() else short


def _variants() -> list[str]:
    return os.environ.get("DRILL_VARIANTS", "embedded,redis").split(",")


@pytest.fixture(scope="session", params=_variants())
def variant(request: pytest.FixtureRequest) -> str:
    """What the platform is made of."""
    return str(request.param)


@contextmanager
def keeping_failed(request: pytest.FixtureRequest, folder: Path) -> Iterator[None]:
    """Keep the folder of a platform when a drill failed on it."""
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed == failed_before:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, variant: str) -> Iterator[Cluster]:
    """A running platform. What it wrote is kept when a drill failed."""
    folder = Path(tempfile.mkdtemp(prefix=f"datalinx-drill-{variant}-"))
    with keeping_failed(request, folder), Cluster(variant, folder).running() as running:
        yield running


@pytest.fixture(autouse=True)
def _as_it_was(cluster: Cluster) -> Iterator[None]:
    """Each drill begins with everything running and leaves no fail-point behind."""
    cluster.disarm()
    cluster.wait_until_ready()
    yield
    cluster.disarm()


@pytest.fixture
def client(cluster: Cluster) -> Client:
    """The API in a workspace of this drill."""
    return Client(cluster)


@pytest.fixture
def watched(client: Client) -> Watched:
    """Two tables of known content."""
    return Watched(client)


@pytest.fixture
def counted(cluster: Cluster) -> Round:
    """Count the rounds of a drill, with what they measured."""

    @contextmanager
    def one(drill: str) -> Iterator[Measured]:
        row: Result = RESULTS.begin(drill, cluster.variant)
        measured = Measured()
        yield measured
        Results.hold(row, measured.seconds)

    return one


@pytest.fixture
def dice() -> random.Random:
    """Chance that can be repeated: `DRILL_SEED`."""
    seed = os.environ.get("DRILL_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"DRILL_SEED={seed}")
    return random.Random(seed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what held."""
    if RESULTS.rows:
        terminalreporter.section("drills")
        for line in RESULTS.table():
            terminalreporter.write_line(line)
        RESULTS.write()
