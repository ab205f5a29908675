"""Where the platform's files are: the storage that the settings name, and folders for work in progress."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings

from datalinx.engine.storage import Storage


@cache
def storage() -> Storage:
    """Return the storage, opened once in each process."""
    return Storage.open(settings.STORAGE_URL, Path(settings.HOME) / "cache")


def workspace_storage(organization_id: str, workspace_id: str) -> Storage:
    """Return a workspace's corner of the storage: it can name nothing of another's."""
    return storage().within(f"{organization_id}/{workspace_id}")


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Give a private folder for work in progress, and take it away with all that is in it."""
    root = Path(settings.HOME) / "work"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=root) as folder:
        yield Path(folder)
