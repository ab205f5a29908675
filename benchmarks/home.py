"""A private instance of the platform within this process: a folder with SQLite and files, and one workspace."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.pipelines.models import Run
    from apps.workspaces.models import Workspace
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

    def add_source(self, name: str, files: Sequence[Path]) -> None:
        """Make a file source, upload the files and discover them, as the API does."""
        from django.core.files import File

        from apps.sources.services.sources import create_source, upload_files

        source = create_source(workspace=self.workspace, actor=self.actor, name=name, connector="file")
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

    def run(self) -> "Run":
        """Run the workspace from the queue to its end, as a worker does. Raises RuntimeError unless it succeeds."""
        from apps.pipelines.models import Run
        from apps.pipelines.services.execution import execute_run
        from apps.pipelines.services.runs import start_run

        run = start_run(workspace=self.workspace, actor=self.actor, pipeline=None)
        execute_run(run.pk)
        done: Run = Run.objects.for_workspace(self.workspace.pk).get(pk=run.pk)
        if done.status != Run.Status.SUCCESS:
            raise RuntimeError(f"the run ended as {done.status}: {done.error}")
        return done

    def files(self, table: str) -> list[str]:
        """Return the Parquet files of a stored table."""
        from apps.pipelines.services.tables import get_stored_table, table_files

        return [str(path) for path in table_files(get_stored_table(self.workspace.pk, table)).files]

    def local(self, key: str) -> str:
        """Return the local path of a file in the workspace's storage."""
        from datalinx.files import workspace_storage

        return str(workspace_storage(self.workspace.organization_id, self.workspace.pk).local(key))


@contextmanager
def open_home() -> Iterator[Home]:
    """Make the instance, give it, and remove it. Once in a process: Django's settings hold for all of it."""
    folder = Path(tempfile.mkdtemp(prefix="datalinx-bench-"))
    try:
        _set_up_django(folder)
        yield _furnish(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _set_up_django(folder: Path) -> None:
    for name in [name for name in os.environ if name.startswith("DATALINX_")] + ["DATABASE_URL"]:
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "datalinx.settings",
        "DATALINX_HOME": str(folder),
        "DATALINX_SECRET_KEY": secrets.token_hex(40),
        "DATALINX_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DATALINX_LOG_LEVEL": "ERROR",
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
