"""What is read of sources: connectors, previews, profiles."""

from dataclasses import asdict
from typing import Any

from apps.sources.models import Source, SourceTable
from apps.sources.services.sources import open_context
from datalinx.engine.connectors import get_reader, list_connectors


def describe_connectors() -> list[dict[str, Any]]:
    """Return every connector with the JSON Schema of its documents, so that a form can be drawn from it."""
    return [
        {
            "name": connector.name,
            "title": connector.title,
            "description": connector.description,
            "reads": connector.reads,
            "writes": connector.writes,
            "uploads": connector.uploads,
            "config": connector.config_model.model_json_schema(),
            "credentials": connector.credentials_model.model_json_schema(),
        }
        for connector in list_connectors()
    ]


def preview_table(*, table: SourceTable, limit: int) -> dict[str, Any]:
    """Return the first rows of a source's table."""
    source: Source = table.source
    with open_context(source) as context:
        sample = get_reader(source.connector).preview(context, table.name, limit=limit)
    return {
        "columns": [asdict(column) for column in sample.columns],
        "rows": [list(row) for row in sample.rows],
        "truncated": sample.truncated,
    }


def profile_table(*, table: SourceTable) -> dict[str, Any]:
    """Return what the values of a source's table look like, column by column."""
    from datalinx.engine.profile import profile_scan

    source: Source = table.source
    with open_context(source) as context:
        scan = get_reader(source.connector).scan(context, table.name)
        return asdict(profile_scan(scan, limits=context.limits))
