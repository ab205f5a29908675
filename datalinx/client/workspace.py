"""Everything that lies in one workspace: what `client.workspace("production")` returns."""

from datalinx.client.endpoints.analytics import Analytics, Audiences, Queries
from datalinx.client.endpoints.backfills import Backfills
from datalinx.client.endpoints.base import Scope, Where, as_resource
from datalinx.client.endpoints.destinations import Destinations
from datalinx.client.endpoints.identity import Identity
from datalinx.client.endpoints.mappings import Ctes, Mappings
from datalinx.client.endpoints.monitoring import AlertRules, Alerts, Monitoring
from datalinx.client.endpoints.pipelines import Pipelines, Schedules, Tables
from datalinx.client.endpoints.runs import Runs
from datalinx.client.endpoints.schemas import ObjectTypes, Schemas
from datalinx.client.endpoints.sources import Sources
from datalinx.client.endpoints.workspaces import Events, Webhooks
from datalinx.client.resource import Resource
from datalinx.client.transport import NO_BODY, Call, Transport


class WorkspaceClient:
    """A client of one workspace. Objects of another workspace are not found through it."""

    def __init__(self, transport: Transport, scope: Scope) -> None:
        self._transport = transport
        self._scope = scope
        self.sources = Sources(transport, scope)
        self.destinations = Destinations(transport, scope)
        self.schemas = Schemas(transport, scope)
        self.object_types = ObjectTypes(transport, scope)
        self.mappings = Mappings(transport, scope)
        self.ctes = Ctes(transport, scope)
        self.pipelines = Pipelines(transport, scope)
        self.schedules = Schedules(transport, scope)
        self.runs = Runs(transport, scope)
        self.backfills = Backfills(transport, scope)
        self.tables = Tables(transport, scope)
        self.analytics = Analytics(transport, scope)
        self.queries = Queries(transport, scope)
        self.audiences = Audiences(transport, scope)
        self.identity = Identity(transport, scope)
        self.monitoring = Monitoring(transport, scope)
        self.alert_rules = AlertRules(transport, scope)
        self.alerts = Alerts(transport, scope)
        self.webhooks = Webhooks(transport, scope)
        self.events = Events(transport, scope)

    @property
    def workspace_name(self) -> str | None:
        """The workspace that calls go to."""
        return self._scope.workspace

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = NO_BODY,
        params: dict[str, object] | None = None,
        workspace: str | None = None,
        timeout: float | None = None,
    ) -> Resource:
        """Call any endpoint: `client.request("GET", "system-info")`. `path` is relative to `/api`.

        `X-Workspace` is sent if `workspace` is given or the client is bound to one. A list stands under `value`.
        """
        name = workspace or self._scope.header(Where.OBJECT)
        call = Call(
            method.upper(), path.strip("/"), params=params or {}, body=body, workspace=name, seconds=timeout
        )
        return as_resource(self._transport.send(call), Resource)

    def __repr__(self) -> str:
        where = f" workspace={self._scope.workspace!r}" if self._scope.workspace else ""
        return f"<{type(self).__name__} {self._transport.base_url}{where}>"
