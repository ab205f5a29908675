"""Numbers of events and deliveries for Prometheus: read when they are asked for, by indexes, without any id."""

from collections.abc import Iterable

from django.db.models import Count, F, Min, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.workspaces.models import Delivery, Webhook
from datalinx import clock


def collect_metrics() -> Iterable[Metric]:
    """Yield how many deliveries wait, how late the first of them is, and how the webhooks are."""
    now = clock.database_now()
    found = Delivery.objects.filter(status=Delivery.Status.PENDING).aggregate(
        first=Count("pk", filter=Q(attempts=F("replayed_from"))),
        again=Count("pk", filter=Q(attempts__gt=F("replayed_from"))),
        # While a worker makes an attempt, `due_at` is when that one counts as lost.
        due=Min("due_at", filter=Q(due_at__lt=now)),
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
    yield _webhooks()


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
