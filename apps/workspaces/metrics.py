"""Numbers of events and deliveries for Prometheus: read when they are asked for, by indexes, without any id."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.workspaces.models import Delivery, DeliveryAttempt, Webhook
from apps.workspaces.services.claiming import is_due
from datalinx import clock

RECENT = timedelta(hours=1)
# What came of an attempt: by the status that the receiver answered.
_OUTCOMES = {
    "delivered": Q(response_status__gte=200, response_status__lt=300),
    # A redirect, which is not followed, is refused too: the receiver did not take it.
    "refused": Q(response_status__lt=200) | Q(response_status__gte=300, response_status__lt=500),
    "receiver_failed": Q(response_status__gte=500),
    "unanswered": Q(response_status=None),
}


def collect_metrics() -> Iterable[Metric]:
    """Yield how many deliveries wait, how late the first of them is, what came of attempts, how the webhooks are."""
    now = clock.database_now()
    found = Delivery.objects.filter(status=Delivery.Status.PENDING).aggregate(
        first=Count("pk", filter=Q(attempts=F("replayed_from"))),
        again=Count("pk", filter=Q(attempts__gt=F("replayed_from"))),
        due=Min("due_at", filter=is_due(now)),
    )
    backlog = GaugeMetricFamily(
        "datalinx_deliveries_pending",
        "Deliveries on their way: not attempted yet, or to be attempted again.",
        labels=["attempt"],
    )
    backlog.add_metric(["first"], found["first"])
    backlog.add_metric(["again"], found["again"])
    yield backlog
    lag = GaugeMetricFamily(
        "datalinx_outbox_lag_seconds", "How late the most overdue delivery is. 0 when there is none."
    )
    lag.add_metric([], max(0.0, (now - found["due"]).total_seconds()) if found["due"] else 0.0)
    yield lag
    yield _attempts(now)
    yield _webhooks()


def _attempts(now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "datalinx_delivery_attempts_last_hour",
        "Attempts to deliver that began in the last hour, by what came of them.",
        labels=["outcome"],
    )
    recent = DeliveryAttempt.objects.filter(at__gte=now - RECENT)
    found = recent.aggregate(**{outcome: Count("pk", filter=which) for outcome, which in _OUTCOMES.items()})
    for outcome in _OUTCOMES:
        family.add_metric([outcome], found[outcome])
    return family


def _webhooks() -> Metric:
    family = GaugeMetricFamily("datalinx_webhooks", "Webhooks, by how they are.", labels=["state"])
    states = {
        "enabled": Q(enabled=True, failing_since=None),
        "failing": Q(enabled=True, failing_since__isnull=False),
        # By the platform, not by hand.
        "disabled": Q(enabled=False) & ~Q(disabled_reason=""),
    }
    found = Webhook.objects.aggregate(
        **{f"{state}_count": Count("pk", filter=which) for state, which in states.items()}
    )
    for state in states:
        family.add_metric([state], found[f"{state}_count"])
    return family
