"""What the benchmarks' mappings are: the orders of `benchmarks.data`, cleaned."""

from typing import Any

SCHEMA: dict[str, Any] = {
    "name": "benchmark",
    "tables": [
        {
            "name": "orders",
            "primary_key": ["order_id"],
            "columns": [
                {"name": "order_id", "type": "bigint", "nullable": False},
                {"name": "email", "type": "email"},
                {"name": "phone", "type": "phone_number"},
                {"name": "amount", "type": "decimal", "precision": 18, "scale": 2},
                {"name": "ordered_on", "type": "date"},
                {"name": "name", "type": "string"},
                {"name": "country", "type": "string", "nullable": False},
                {"name": "updated_at", "type": "datetime"},
            ],
        }
    ],
}


def _decorated(source: str, *decorators: dict[str, Any]) -> dict[str, Any]:
    return {"type": "decorated", "source": source, "decorators": list(decorators)}


MAPPING: dict[str, Any] = {
    "table_name": "orders",
    "inputs": [
        {"alias": "o", "source": "shop", "table": "orders"},
        {"alias": "c", "source": "shop", "table": "countries"},
    ],
    "fields": {
        "order_id": {"type": "direct", "source": "o.order_id"},
        "email": _decorated("o.email", {"name": "trim"}, {"name": "email"}),
        "phone": _decorated("o.phone", {"name": "phone_number", "default_region": "GB"}),
        "amount": _decorated("o.amount", {"name": "amount"}),
        "ordered_on": _decorated("o.ordered_on", {"name": "parse_date", "formats": ["%Y-%m-%d", "%d/%m/%Y"]}),
        "name": _decorated("o.name", {"name": "trim"}, {"name": "collapse_whitespace"}),
        "country": {"type": "lookup", "source": "o.country", "input": "c", "key": "code", "value": "name"},
        "updated_at": {"type": "direct", "source": "o.updated_at"},
    },
    "deduplicate": {"keys": ["order_id"], "order_by": ["o.updated_at DESC"]},
}
