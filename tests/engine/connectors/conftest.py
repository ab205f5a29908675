"""A source made of a few files, looked at as the platform and a run look at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from datalinx.engine.connectors.base import DiscoveredTable, Limits, Sample, Scan, SourceContext
from datalinx.engine.connectors.file.connector import FileConnector
from datalinx.engine.connectors.reading import reader

Rows = list[tuple[Any, ...]]


@dataclass
class World:
    """A file source in a folder, and what a run would read of it."""

    area: Path
    config: dict[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    connector: FileConnector = field(default_factory=FileConnector)

    @property
    def context(self) -> SourceContext:
        return SourceContext(self.config, area=self.area, limits=self.limits)

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.area / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def discover(self, **choice: Any) -> list[DiscoveredTable]:
        return self.connector.discover(self.context, **choice)

    def table(self, name: str = "t") -> DiscoveredTable:
        return next(table for table in self.discover() if table.name == name)

    def scan(self, name: str = "t") -> Scan:
        return self.connector.scan(self.context, name)

    def preview(self, name: str = "t", **choice: Any) -> Sample:
        return self.connector.preview(self.context, name, **choice)

    def run(self, sql: str, scan: Scan) -> Rows:
        with reader(scan.files, self.limits) as connection:
            return connection.execute(sql).fetchall()

    def rows(self, name: str = "t") -> Rows:
        """The rows as a run reads them; both SELECTs of the scan give the same ones in the same order."""
        scan = self.scan(name)
        plain = self.run(scan.sql, scan)
        numbered = self.run(scan.numbered_sql, scan)
        assert plain == [row[:-2] for row in numbered]
        assert len(plain) == scan.rows == sum(part.rows for part in scan.parts)
        return plain

    def locators(self, name: str = "t") -> list[str]:
        scan = self.scan(name)
        return [f"{row[-2]}:{row[-1]}" for row in self.run(scan.numbered_sql, scan)]

    def malformed(self, name: str = "t") -> Rows:
        scan = self.scan(name)
        if scan.malformed is None:
            return []
        found = self.run(scan.malformed.sql, scan)
        assert len(found) == scan.malformed.count
        return found


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., World]:
    """Make a source of files, given by name, and a configuration."""

    def make(files: Mapping[str, str | bytes], config: dict[str, Any] | None = None, **limits: int) -> World:
        world = World(tmp_path, config or {}, Limits(**limits))
        for name, content in files.items():
            world.put(name, content)
        return world

    return make
