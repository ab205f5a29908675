"""Destinations: where tables go."""

from collections.abc import Mapping
from typing import Any

from datalinx.client.endpoints.base import Collection, Where, given
from datalinx.client.models import ConnectionTest, Destination
from datalinx.client.transport import route


class Destinations(Collection[Destination]):
    """The destinations of a workspace."""

    path = "destinations"
    model = Destination

    def create(
        self,
        name: str,
        connector: str = "postgresql",
        *,
        config: Mapping[str, Any] | None = None,
        credentials: Mapping[str, Any] | None = None,
    ) -> Destination:
        """Make a destination. Pipelines name it in `deliver`."""
        return self._create(
            given(name=name, connector=connector, config=config or {}, credentials=credentials)
        )

    def test(self, destination_id: str) -> ConnectionTest:
        """Try the connection, step by step; a step that fails is an answer, not an error."""
        path = route(self.path, destination_id, "test")
        return self._ask(path, ConnectionTest, where=Where.OBJECT, body={})
