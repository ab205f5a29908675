"""Watching: quality scores, alert rules, alerts."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.client.endpoints.base import PATIENT, Collection, Endpoints, Where, given
from datalinx.client.models import Alert, AlertRule
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import route

_W = Where.WORKSPACE


class Monitoring(Endpoints):
    """The quality of the tables of a workspace."""

    def get(self) -> Resource:
        """Return what is watched."""
        return self._get("monitoring", Resource, where=_W)

    def put(self, document: Mapping[str, Any]) -> Resource:
        """Replace what is watched."""
        return self._send("PUT", "monitoring", Resource, where=_W, body=document)

    def scores(self) -> Listing[Resource]:
        """List the present scores of all tables."""
        return self._list("monitoring/scores", Resource, where=_W, short=True)

    def table_scores(self, table: str) -> Resource:
        """Return the present scores of one table."""
        return self._get(route("monitoring", "scores", table), Resource, where=_W)

    def history(self, table: str, **filters: Any) -> Listing[Resource]:
        """List the earlier scores of one table."""
        path = route("monitoring", "scores", table, "history")
        return self._list(path, Resource, where=_W, params=filters)

    def run(self, *, tables: Sequence[str] | None = None) -> Resource:
        """Measure all tables, or these, now."""
        body = given(tables=tables)
        return self._send("POST", "monitoring/run", Resource, where=_W, body=body, seconds=PATIENT)


class AlertRules(Collection[AlertRule]):
    """When to raise an alert."""

    path = "alert-rules"
    model = AlertRule

    def create(self, document: Mapping[str, Any]) -> AlertRule:
        """Make a rule."""
        return self._create(document)


class Alerts(Endpoints):
    """What the rules raised."""

    def list(self, **filters: Any) -> Listing[Alert]:
        """List the alerts, newest first."""
        return self._list("alerts", Alert, where=_W, params=filters)

    def get(self, alert_id: str) -> Alert:
        """Return one alert."""
        return self._get(route("alerts", alert_id), Alert, where=Where.OBJECT)

    def acknowledge(self, alert_id: str) -> Alert:
        """Say that somebody looks after it."""
        return self._act(alert_id, "acknowledge", {})

    def resolve(self, alert_id: str) -> Alert:
        """Say that it is over."""
        return self._act(alert_id, "resolve", {})

    def mute(self, alert_id: str, *, minutes: int) -> Alert:
        """Keep it quiet for a while."""
        return self._act(alert_id, "mute", {"minutes": minutes})

    def _act(self, alert_id: str, action: str, body: Mapping[str, Any]) -> Alert:
        return self._send("POST", route("alerts", alert_id, action), Alert, where=Where.OBJECT, body=body)
