"""Alerts: raised once when a rule's condition holds, recovered by themselves when it no longer does."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.monitoring.models import Alert, AlertRule, QualityScore
from apps.pipelines.models import Pipeline, Run, RunStep, StoredTable
from apps.pipelines.services.tables import find_stored_table, workspace_tables
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.query.run import check_query, run_query
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.monitoring import AlertRuleDocument
from datalinx.errors import DatalinxError, Failed, FieldError, Invalid
from datalinx.events import emit
from datalinx.redaction import hide_secrets

logger = logging.getLogger(__name__)

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}
_WORDS = {
    "eq": "is",
    "ne": "is not",
    "lt": "is under",
    "lte": "is at most",
    "gt": "is over",
    "gte": "is at least",
}


def create_alert_rule(*, workspace: Workspace, actor: Caller, document: Any) -> AlertRule:
    """Make a rule and look at it at once. Raises Invalid with paths to every fault, ALERT_RULE_NAME_TAKEN."""
    rule = AlertRule(workspace=workspace, version=0, created_by=actor.id)
    return _save(rule, actor=actor, document=document)


def update_alert_rule(
    *, rule: AlertRule, actor: Caller, changes: Mapping[str, Any], if_match: str = ""
) -> AlertRule:
    """Change the given keys of a rule's document."""
    check_if_match(if_match=if_match, version=rule.version)
    return _save(rule, actor=actor, document={**rule.document, **changes})


def _save(rule: AlertRule, *, actor: Caller, document: Any) -> AlertRule:
    parsed = parse_document(AlertRuleDocument, document)
    if faults := _unknown_names(parsed, rule.workspace):
        raise refusal(faults)
    if parsed.query is not None:
        check_query(parsed.query, tables=workspace_tables(rule.workspace))
    with transaction.atomic():
        rule.name, rule.document, rule.seen = parsed.name, document_to_json(parsed), ""
        rule.version = record_version(
            workspace=rule.workspace, kind="alert_rule", key=rule.pk, document=rule.document, actor=actor
        )
        try:
            with transaction.atomic():
                rule.save()
        except IntegrityError as error:
            message = f"There is an alert rule named {parsed.name!r} already; choose another name."
            errors = [FieldError("name", "taken", message)]
            raise Invalid("ALERT_RULE_NAME_TAKEN", message, errors=errors) from error
    evaluate_rule(rule)
    return rule


def _unknown_names(document: AlertRuleDocument, workspace: Workspace) -> list[FieldError]:
    faults = []
    pipelines = Pipeline.objects.for_workspace(workspace.pk)
    if document.pipeline is not None and not pipelines.filter(name=document.pipeline).exists():
        faults.append(
            FieldError("pipeline", "unknown_pipeline", f"There is no pipeline {document.pipeline!r}.")
        )
    if document.table is not None and find_stored_table(workspace.pk, document.table) is None:
        message = f"There is no stored table {document.table!r}; run its pipeline first."
        faults.append(FieldError("table", "unknown_table", message))
    return faults


def evaluate_changed_rules() -> int:
    """Look at every enabled rule whose ground has changed since the last look; return how many were looked at."""
    count = 0
    for rule in AlertRule.objects.select_related("workspace__organization").iterator(chunk_size=200):
        if rule.document.get("enabled", True) and _ground(rule) != rule.seen:
            try:
                evaluate_rule(rule)
            except Exception:  # One rule's trouble must not keep the others from being looked at.
                logger.exception("the alert rule %s could not be looked at", rule.pk)
            count += 1
    return count


def _without_secrets(rule: AlertRule, failure: DatalinxError) -> str:
    return str(hide_secrets(failure.message, scope=rule.workspace_id))


def evaluate_rule(rule: AlertRule) -> None:
    """Look at one rule: raise its alert or let it recover. A rule that cannot be evaluated says so itself."""
    document = parse_document(AlertRuleDocument, rule.document)
    ground = _ground(rule)
    value: float | None = None
    try:
        holds, value, message = (
            _failure(rule, document) if document.kind == "pipeline_failure" else _threshold(rule, document)
        )
        error = ""
    except DatalinxError as failure:
        holds, message, error = (
            True,
            f"The rule {rule.name!r} cannot be evaluated: {_without_secrets(rule, failure)}",
            _without_secrets(rule, failure),
        )
    if not document.enabled:
        holds, message = False, f"The rule {rule.name!r} was switched off."
    with transaction.atomic():
        AlertRule.objects.filter(pk=rule.pk).update(
            seen=ground, last_value=value, last_error=error[:1000], evaluated_at=timezone.now()
        )
        if holds:
            _raise(rule, document, message, value)
        else:
            _recover(rule, message, value)
    rule.refresh_from_db()


def _ground(rule: AlertRule) -> str:
    """Return a text that changes whenever the rule could come out otherwise."""
    document = rule.document
    if document["kind"] == "pipeline_failure":
        last = _last_run(rule.workspace_id, document.get("pipeline"))
        return f"run {last.pk if last else ''}"
    tables = StoredTable.objects.for_workspace(rule.workspace_id)
    if document.get("table"):
        tables = tables.filter(name=document["table"])
    versions = " ".join(
        f"{pk}:{snapshot}" for pk, snapshot in tables.order_by("pk").values_list("pk", "snapshot")
    )
    scores = QualityScore.objects.for_workspace(rule.workspace_id).filter(table=document.get("table") or "")
    newest = scores.order_by("-created_at").values_list("pk", flat=True).first() or ""
    # A table is published before its run has ended, and only an ended run counts.
    last = _last_run(rule.workspace_id, None)
    return f"{versions[:400]} {newest} {last.pk if last else ''}"


def _last_run(workspace_id: str, pipeline: str | None) -> Run | None:
    runs = Run.objects.for_workspace(workspace_id).filter(status__in=[Run.Status.SUCCESS, Run.Status.FAILED])
    if pipeline:
        runs = runs.filter(pipeline__name=pipeline)
    return runs.select_related("pipeline").order_by("-finished_at").first()


Found = tuple[bool, float | None, str]


def _failure(rule: AlertRule, document: AlertRuleDocument) -> Found:
    last = _last_run(rule.workspace_id, document.pipeline)
    if last is None:
        return False, None, "There is no run of it any more."
    name = last.pipeline.name if last.pipeline else "workspace"
    if last.status == Run.Status.SUCCESS:
        return False, None, f"The run {last.pk} of the pipeline {name} succeeded."
    reason = (last.error or {}).get("message", "")
    return True, None, f"The run {last.pk} of the pipeline {name} failed: {reason}"


def _threshold(rule: AlertRule, document: AlertRuleDocument) -> Found:
    value = _measure(rule, document)
    subject = (
        document.description
        or f"The {document.dimension or document.measure} of {document.table or 'the query'}"
    )
    if value is None or document.op is None or document.value is None:
        return False, value, f"{subject} cannot be measured any more."
    if not _HOLDS[document.op](value, document.value):
        return False, value, f"{subject} is {value:g} again."
    return True, value, f"{subject} is {value:g}, which {_WORDS[document.op]} {document.value:g}."


def _measure(rule: AlertRule, document: AlertRuleDocument) -> float | None:
    if document.measure == "query":
        return _ask(rule, document.query or "")
    if document.measure == "score":
        return _score(rule, document)
    if document.measure == "rows":
        table = find_stored_table(rule.workspace_id, document.table or "")
        return float(table.rows) if table else None
    step = (
        RunStep.objects.filter(
            run__workspace_id=rule.workspace_id,
            table=document.table,
            run__status__in=[Run.Status.SUCCESS, Run.Status.FAILED],
        )
        .exclude(counts={})
        .order_by("-run__finished_at")
        .first()
    )
    if step is None:
        return None
    rejected, read = step.counts.get("rejected", 0), step.counts.get("read", 0)
    return float(rejected) if document.measure == "rejected" else (rejected / read if read else 0.0)


def _score(rule: AlertRule, document: AlertRuleDocument) -> float | None:
    scores = QualityScore.objects.for_workspace(rule.workspace_id).filter(table=document.table)
    newest = scores.order_by("-created_at").first()
    if newest is None:
        return None
    if document.dimension is None:
        whole: float | None = newest.score
        return whole
    found: float | None = (newest.dimensions.get(document.dimension) or {}).get("score")
    return found


def _ask(rule: AlertRule, sql: str) -> float | None:
    result = run_query(
        sql,
        tables=workspace_tables(rule.workspace),
        limit=2,
        seconds=settings.QUERY_SECONDS,
        memory_bytes=settings.QUERY_MEMORY_BYTES,
    )
    if result.row_count != 1 or len(result.columns) != 1:
        raise Failed("NOT_ONE_NUMBER", "Its query must answer one row of one column.")
    value: Any = result.rows[0][0]
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise Failed("NOT_ONE_NUMBER", f"Its query must answer a number, not {str(value)[:50]!r}.") from error


def _raise(rule: AlertRule, document: AlertRuleDocument, message: str, value: float | None) -> None:
    opened = rule.alerts.exclude(status=Alert.Status.RESOLVED)
    if opened.update(message=message, value=value, updated_at=timezone.now()):
        return
    # What was made quiet stays so although it was over in between.
    muted = rule.alerts.filter(muted_until__gt=timezone.now()).order_by("-muted_until").first()
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                workspace=rule.workspace,
                rule=rule,
                severity=document.severity,
                message=message,
                value=value,
                muted_until=muted.muted_until if muted else None,
            )
    except IntegrityError:
        # Another worker raised it at the same moment.
        return
    tell("alert.triggered", alert, message=message, value=value)


def _recover(rule: AlertRule, message: str, value: float | None) -> None:
    for alert in rule.alerts.exclude(status=Alert.Status.RESOLVED):
        if _end(alert, actor=None):
            tell("alert.resolved", alert, message=message, value=value)


def tell(event: str, alert: Alert, *, message: str, value: float | None) -> None:
    """Tell those who listen of an alert unless it is muted. Within the transaction of the fact."""
    if alert.muted_until is not None and alert.muted_until > timezone.now():
        return
    emit(
        event,
        workspace=alert.workspace,
        alert_id=alert.pk,
        rule_id=alert.rule_id,
        rule=alert.rule.name,
        severity=alert.severity,
        status=alert.status,
        message=message,
        value=value,
    )


@transaction.atomic
def acknowledge_alert(*, alert: Alert, actor: Caller) -> Alert:
    """Note that somebody looks after an alert. Raises Invalid ALERT_ALREADY_RESOLVED."""
    taken = Alert.objects.filter(pk=alert.pk, status=Alert.Status.OPEN).update(
        status=Alert.Status.ACKNOWLEDGED, acknowledged_at=timezone.now(), acknowledged_by=actor.id
    )
    alert.refresh_from_db()
    if not taken and alert.status == Alert.Status.RESOLVED:
        raise _over()
    return alert


@transaction.atomic
def resolve_alert(*, alert: Alert, actor: Caller) -> Alert:
    """End an alert because somebody says so. Raises Invalid ALERT_ALREADY_RESOLVED."""
    if not _end(alert, actor=actor):
        raise _over()
    tell("alert.resolved", alert, message=f"{actor.name} resolved it: {alert.message}", value=alert.value)
    return alert


def _end(alert: Alert, *, actor: Caller | None) -> bool:
    rows = Alert.objects.filter(pk=alert.pk).exclude(status=Alert.Status.RESOLVED)
    now = timezone.now()
    ended = rows.update(
        status=Alert.Status.RESOLVED, resolved_at=now, updated_at=now, resolved_by=actor.id if actor else ""
    )
    alert.refresh_from_db()
    return bool(ended)


def mute_alert(*, alert: Alert, actor: Caller, minutes: int = 1440) -> Alert:
    """Keep an alert quiet for a while, for a day unless told."""
    alert.muted_until = timezone.now() + timedelta(minutes=minutes)
    alert.save(update_fields=["muted_until", "updated_at"])
    return alert


def _over() -> Invalid:
    return Invalid("ALERT_ALREADY_RESOLVED", "This alert is resolved already.")
