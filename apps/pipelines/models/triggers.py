"""What pipelines wait for before they start by themselves after others."""

from typing import ClassVar

from django.db import models

from apps.pipelines.models.runs import Pipeline, Run


class Upstream(models.Model):
    """One pipeline that another one starts after, and the last end of it that no run has answered yet.

    The end is written in its own transaction; the run that answers takes it away in the run's. So it starts one run,
    whoever dies in between.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="upstreams")
    upstream = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="followers")
    # Which ends count: success, failed or finished.
    outcome = models.CharField(max_length=10)
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")
    # When it ended, by the database; empty while it is still waited for.
    ended_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("pipeline", "upstream", name="upstream_is_unique_in_pipeline")
        ]

    def __str__(self) -> str:
        return f"{self.pipeline_id} after {self.upstream_id}"
