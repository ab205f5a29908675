"""What all tables of a run write into, also several at once: its manifest, and how far it is."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from django.db import Error, connection, transaction

from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.lease import held, require_held, require_uncancelled

logger = logging.getLogger(__name__)

# How often progress is written while tables run.
REPORT_SECONDS = 1.0


class RunRecord:
    """The record of a run that this process holds. `run.manifest` is always the one that was last committed."""

    def __init__(self, run: Run, steps: Sequence[RunStep]) -> None:
        self.run = run
        self._lock = threading.RLock()
        self._shares = {step.table: float(step.status == RunStep.Status.SUCCESS) for step in steps}
        self._told: dict[str, float] = {}

    @contextmanager
    def keeping(self, table: str) -> Iterator[dict[str, Any]]:
        """Give the manifest to be changed within one transaction that ends a table, if the run is held still.

        One table at a time, and what a transaction that fails has noted is forgotten. Raises LeaseLost, and Cancelled
        when the run was asked to stop: of a cancellation and a commit one is first, and the other hears of it.
        """
        with self._lock:
            draft = deepcopy(self.run.manifest)
            with transaction.atomic():
                require_uncancelled(self.run)
                yield draft
                self._shares[table] = 1.0
                held(self.run).update(manifest=draft, progress=self.progress)
            self.run.manifest = draft

    def write(self, step: RunStep, **values: Any) -> None:
        """Set values of a step, if the run is held still. Raises LeaseLost."""
        for name, value in values.items():
            setattr(step, name, value)
        is_over = step.status in {RunStep.Status.FAILED, RunStep.Status.SKIPPED}
        self._shares[step.table] = float(is_over)
        with transaction.atomic():
            require_held(self.run)
            step.save()
            if is_over:
                held(self.run).update(progress=self.progress)

    def report(self, step: RunStep, share: float, counts: dict[str, int]) -> None:
        """Write how far a table is, at most once in a second."""
        if time.monotonic() - self._told.get(step.table, 0.0) < REPORT_SECONDS:
            return
        self._told[step.table] = time.monotonic()
        self._shares[step.table] = min(share, 0.99)
        step.counts, step.progress = counts, round(self._shares[step.table], 4)
        try:
            # What a worker that was given up on tells is not how far the next one is.
            if held(self.run).update(progress=self.progress):
                RunStep.objects.filter(pk=step.pk, status=RunStep.Status.RUNNING).update(
                    counts=counts, progress=step.progress
                )
        except Error:
            # How far it is can be told a second later: hours of work are not begun anew for it.
            if connection.in_atomic_block:
                raise
            logger.warning("the progress of the run %s could not be written", self.run.pk, exc_info=True)
            connection.close()

    @property
    def progress(self) -> float:
        """How much of the run is done: each table counts the same."""
        shares = list(self._shares.values())
        return sum(shares) / max(1, len(shares))
