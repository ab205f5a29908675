"""Target schemas to start from: a JSON document each, beside this file."""

import difflib
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.schema import TargetSchema
from datalinx.errors import NotFound


@cache
def _templates() -> dict[str, TargetSchema]:
    found = {}
    for entry in sorted(files(__name__).iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".json"):
            template = parse_document(TargetSchema, orjson.loads(entry.read_bytes()))
            found[template.name] = template
    return found


def list_templates() -> list[dict[str, Any]]:
    """Return what each template is called, what it is for, and its tables."""
    return [
        {
            "name": template.name,
            "description": template.description,
            "tables": [{"name": table.name, "description": table.description} for table in template.tables],
        }
        for template in _templates().values()
    ]


def get_template(name: str) -> TargetSchema:
    """Return a template. Raises NotFound TEMPLATE_NOT_FOUND with the nearest name."""
    template = _templates().get(name)
    if template is None:
        near = difflib.get_close_matches(name, _templates(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise NotFound("TEMPLATE_NOT_FOUND", f"There is no template {name[:100]!r}.{hint}")
    return template
