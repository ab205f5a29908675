"""Which pipelines start after which: kept as rows beside the documents, and told when a run ends."""

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models.functions import Now

from apps.pipelines.models import Pipeline, Run, Upstream
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import record_version
from datalinx.caller import Caller
from datalinx.engine.spec.base import refusal
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import FieldError, Invalid

# The runs whose end others follow: not a replay, a verification or a piece of a backfill.
FOLLOWED = (Run.Trigger.MANUAL, Run.Trigger.SCHEDULE, Run.Trigger.RETRY, Run.Trigger.AFTER)


def note_end(run: Run) -> None:
    """Write down that a run ended for the pipelines that wait for it. Within the transaction of the end."""
    if run.pipeline_id is None or run.trigger not in FOLLOWED or not run.publishes:
        return
    waiting = Upstream.objects.filter(upstream=run.pipeline_id, outcome__in=["finished", run.status])
    if waiting.update(run=run, ended_at=Now()):
        transaction.on_commit(_answer, robust=True)


def _answer() -> None:
    # The tick does the same: whoever dies here delays the start and no more.
    from apps.pipelines.services.triggering import start_triggered_runs

    start_triggered_runs()


def find_upstreams(pipeline: Pipeline, document: PipelineDocument) -> Sequence[Pipeline]:
    """Return the pipelines that a document starts after. Raises Invalid for unknown ones, TRIGGER_CYCLE."""
    if document.after is None:
        return []
    # Two documents that are saved at the same moment must not make a cycle together.
    Workspace.objects.select_for_update(no_key=True).get(pk=pipeline.workspace_id)
    known = {each.name: each for each in Pipeline.objects.for_workspace(pipeline.workspace_id)}
    known.pop(pipeline.name, None)
    known[document.name] = pipeline
    faults = [
        FieldError(
            f"after.pipelines[{index}]",
            "unknown_pipeline",
            f"There is no pipeline {name!r} in this workspace.",
        )
        for index, name in enumerate(document.after.pipelines)
        if name not in known
    ]
    if faults:
        raise refusal(faults)
    found = [known[name] for name in document.after.pipelines]
    _refuse_cycle(pipeline, found, {each.pk: name for name, each in known.items()})
    return found


def _refuse_cycle(pipeline: Pipeline, upstreams: Sequence[Pipeline], names: Mapping[str, str]) -> None:
    links: dict[str, list[str]] = {}
    rows = Upstream.objects.filter(pipeline__workspace=pipeline.workspace_id).exclude(pipeline=pipeline.pk)
    for follower, upstream in rows.order_by("pk").values_list("pipeline", "upstream"):
        links.setdefault(follower, []).append(upstream)
    # From each pipeline the way back by which it was reached.
    ways: dict[str, tuple[str, ...]] = {each.pk: (each.pk,) for each in upstreams}
    open_ends = list(ways)
    while open_ends and pipeline.pk not in ways:
        here = open_ends.pop()
        for upstream in links.get(here, ()):
            if upstream not in ways:
                ways[upstream] = (*ways[here], upstream)
                open_ends.append(upstream)
    if pipeline.pk in ways:
        path = [names.get(each, each) for each in (pipeline.pk, *ways[pipeline.pk])]
        message = f"These pipelines would start each other without end: {' after '.join(path)}."
        fault = FieldError("after.pipelines", "cycle", message)
        raise Invalid("TRIGGER_CYCLE", message, details={"path": path}, errors=[fault])


def set_upstreams(pipeline: Pipeline, document: PipelineDocument, upstreams: Sequence[Pipeline]) -> None:
    """Keep the rows of what a saved document starts after; ends that still count are not forgotten."""
    outcome = document.after.on if document.after else ""
    Upstream.objects.filter(pipeline=pipeline).exclude(upstream__in=upstreams, outcome=outcome).delete()
    Upstream.objects.bulk_create(
        [Upstream(pipeline=pipeline, upstream=each, outcome=outcome) for each in upstreams],
        ignore_conflicts=True,
    )


def followers_of(pipeline: Pipeline) -> Sequence[Pipeline]:
    """Return the pipelines that start after this one, by name."""
    return list(Pipeline.objects.filter(upstreams__upstream=pipeline).order_by("name"))


def rename_upstream(pipeline: Pipeline, *, former: str, actor: Caller) -> None:
    """Let the documents of the pipelines that start after a renamed one follow it, each as a new version."""
    for follower in followers_of(pipeline):
        after = follower.document["after"]
        names = [pipeline.name if name == former else name for name in after["pipelines"]]
        follower.document = {**follower.document, "after": {**after, "pipelines": names}}
        follower.version = record_version(
            workspace=follower.workspace,
            kind="pipeline",
            key=follower.pk,
            document=follower.document,
            actor=actor,
        )
        follower.save(update_fields=["document", "version", "updated_at"])
