"""A table made of values, profiled."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datalinx.engine.connectors.base import SourceContext
from datalinx.engine.connectors.file.connector import FileConnector
from datalinx.engine.profile import TableProfile, profile_scan
from datalinx.engine.types.registry import TypeRegistry


@pytest.fixture
def profile_of(tmp_path: Path) -> Callable[..., TableProfile]:
    """Return the profile of one file, by its name and content."""

    def profile(name: str, content: str | bytes, *, types: TypeRegistry | None = None) -> TableProfile:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        scan = FileConnector().scan(SourceContext({}, area=tmp_path), "t")
        return profile_scan(scan, types=types)

    return profile
