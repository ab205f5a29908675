"""A private instance of the platform within this process: a folder with SQLite and files, and one workspace."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet

from benchmarks import sizes
from benchmarks.measure import Taken

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.pipelines.models import Pipeline, Run
    from apps.sources.models import Source
    from apps.workspaces.models import Workspace
    from benchmarks.worker import Worker
    from datalinx.caller import Caller

EMAIL = "owner@benchmark.example"


@dataclass(frozen=True)
class Home:
    """The instance: its first user, and a workspace to work in."""

    folder: Path
    password: str
    user: "User"
    actor: "Caller"
    workspace: "Workspace"

    def add_source(
        self, name: str, files: Sequence[Path], *, config: Mapping[str, Any] | None = None
    ) -> "Source":
        """Make a file source, upload the files and discover them, as the API does."""
        from apps.sources.services.sources import create_source

        source = create_source(
            workspace=self.workspace, actor=self.actor, name=name, connector="file", config=dict(config or {})
        )
        self.upload(source, files)
        return source

    def upload(self, source: "Source", files: Sequence[Path]) -> None:
        """Upload files into a source, in place of those of the same names, and discover it."""
        from django.core.files import File

        from apps.sources.services.sources import upload_files

        for path in files:
            with path.open("rb") as opened:
                upload_files(source=source, actor=self.actor, files=[File(opened, name=path.name)])

    def put(self, schema: Mapping[str, Any], mappings: Sequence[Mapping[str, Any]]) -> None:
        """Put the target schema and the mappings of its tables."""
        from apps.mappings.services.mappings import put_mapping
        from apps.mappings.services.schemas import put_schema

        put_schema(workspace=self.workspace, actor=self.actor, document=schema)
        for mapping in mappings:
            put_mapping(workspace=self.workspace, actor=self.actor, table_name=None, document=mapping)

    def room(self, name: str) -> "Home":
        """Return the same instance with another workspace, which is made."""
        from apps.workspaces.services.workspaces import create_workspace

        return replace(self, workspace=create_workspace(actor=self.actor, name=name))

    def run(
        self,
        *,
        worker: "Worker | None" = None,
        request: Mapping[str, Any] | None = None,
        engine: str = "duckdb",
    ) -> tuple["Run", Taken]:
        """Run the workspace from the queue to its end, in this process or by a worker; return what that took.

        Raises RuntimeError unless it succeeds.
        """
        from apps.pipelines.models import Run
        from apps.pipelines.services.execution import execute_run
        from apps.pipelines.services.runs import start_run

        pipeline = None if engine == "duckdb" else self._pipeline(engine)
        started = time.perf_counter()
        run = start_run(workspace=self.workspace, actor=self.actor, pipeline=pipeline, request=request)
        found = worker.execute(run.pk) if worker else execute_run(run.pk)
        seconds = time.perf_counter() - started
        done: Run = Run.objects.for_workspace(self.workspace.pk).get(pk=run.pk)
        if done.status != Run.Status.SUCCESS:
            raise RuntimeError(f"the run ended as {done.status}: {done.error}")
        return done, replace(found, seconds=seconds) if found else Taken(seconds)

    def _pipeline(self, engine: str) -> "Pipeline":
        from apps.mappings.models import Mapping as MappingRow
        from apps.pipelines.models import Pipeline
        from apps.pipelines.services.pipelines import create_pipeline

        made = Pipeline.objects.for_workspace(self.workspace.pk).filter(name=engine).first()
        tables = sorted(
            MappingRow.objects.for_workspace(self.workspace.pk).values_list("table_name", flat=True)
        )
        document = {"name": engine, "tables": tables, "engine": engine}
        return made or create_pipeline(workspace=self.workspace, actor=self.actor, document=document)

    def files(self, table: str) -> list[str]:
        """Return the Parquet files of a stored table."""
        from apps.pipelines.services.tables import get_stored_table, table_files

        return [str(path) for path in table_files(get_stored_table(self.workspace.pk, table)).files]

    def local(self, key: str) -> str:
        """Return the local path of a file in the workspace's storage."""
        from datalinx.files import workspace_storage

        return str(workspace_storage(self.workspace.organization_id, self.workspace.pk).local(key))


@contextmanager
def open_home(database: str = "") -> Iterator[Home]:
    """Make the instance, give it, and remove it. Once in a process: Django's settings hold for all of it.

    `database` is the URL of an empty one to use in place of a SQLite file.
    """
    folder = Path(tempfile.mkdtemp(prefix="datalinx-bench-"))
    try:
        _set_up_django(folder, database)
        yield _furnish(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _set_up_django(folder: Path, database: str) -> None:
    for name in [name for name in os.environ if name.startswith("DATALINX_")] + ["DATABASE_URL"]:
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "datalinx.settings",
        "DATALINX_HOME": str(folder),
        "DATABASE_URL": database,
        "DATALINX_SECRET_KEY": secrets.token_hex(40),
        "DATALINX_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DATALINX_LOG_LEVEL": "ERROR",
        "DATALINX_THREADS": str(sizes.threads()),
        # For pipelines that ask for Spark; nothing is started before one runs.
        "DATALINX_SPARK_REMOTE": f"local[{sizes.threads()}]",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _furnish(folder: Path) -> Home:
    from apps.accounts.models import Organization
    from apps.accounts.services.setup import create_first_organization
    from apps.workspaces.access import caller_for_user
    from apps.workspaces.services.workspaces import create_workspace

    password = secrets.token_urlsafe(16)
    user = create_first_organization(email=EMAIL, password=password, organization="Benchmark")
    # What is measured is the price of the throttle, not its refusals.
    Organization.objects.update(requests_per_minute=1_000_000, burst=500_000)
    user.refresh_from_db()
    actor = caller_for_user(user)
    return Home(folder, password, user, actor, create_workspace(actor=actor, name="benchmark"))
