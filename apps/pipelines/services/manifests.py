"""A run's manifest: what it runs, on what, with which settings, so that it can be told and repeated."""

from typing import Any

from django.conf import settings

from apps.pipelines.models import Run
from apps.pipelines.services.people import identity_of
from apps.pipelines.services.windows import window_to_json


def begin_manifest(run: Run) -> dict[str, Any]:
    """Return what is known before the first table is read; inputs and hashes of outputs come table by table."""
    documents, window = run.snapshot, window_to_json(run.request)
    return {
        **({"window": window} if window else {}),
        "schema": documents["schema_version"],
        "mappings": {table: entry["version"] for table, entry in documents["mappings"].items()},
        **identity_of(documents, [step.table for step in run.steps.all()]),
        "inputs": {},
        "output_hash": {},
        "settings": {"memory_bytes": settings.ENGINE_MEMORY_BYTES, "threads": settings.ENGINE_THREADS},
    }
