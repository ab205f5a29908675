"""What a new document begins with, so that nobody starts with an empty page."""

from typing import Any

from datalinx.console.pages import Place


def schema(place: Place, key: str) -> dict[str, Any]:
    """Return a schema of one table."""
    columns = [
        {"name": "customer_id", "type": "string", "nullable": False},
        {"name": "email", "type": "email"},
        {"name": "joined_on", "type": "date"},
    ]
    table = {"name": "customers", "description": "One row per person", "primary_key": ["customer_id"]}
    return {"name": "customer_360", "tables": [{**table, "columns": columns}]}


def mapping(place: Place, key: str, *, source: str = "", source_table: str = "") -> dict[str, Any]:
    """Return a mapping of a source's table, with a field wherever a column has the target's name.

    Without a table to begin with, it is the first one of the newest source. The other columns stay unmapped,
    which the drawing marks, instead of being filled with nothing.
    """
    target = place.api.get("schemas", "workspace", "tables", key).data
    source, table, columns = _find_table(place, source, source_table) or _first_table(place)
    names = {name.lower(): name for name in columns}
    fields = {
        column["name"]: {"type": "direct", "source": f"s.{_quoted(names[column['name'].lower()])}"}
        for column in target["columns"]
        if column["name"].lower() in names
    }
    return {
        "table_name": target["name"],
        "inputs": [{"alias": "s", "source": source, "table": table}],
        **({"fields": fields} if fields else {"wildcard": {"input": "s"}}),
        "on_invalid": "quarantine",
    }


def _find_table(place: Place, source: str, table: str) -> tuple[str, str, list[str]] | None:
    """Return a table of a source with its columns, if it is there."""
    if not source or not place.can("sources:view"):
        return None
    for found in place.api.get("sources", name=source).data:
        for each in place.api.get("sources", found["id"], "tables", search=table, page_size=200).data:
            if each["name"] == table:
                return found["name"], table, [column["name"] for column in each["columns"]]
    return None


def _first_table(place: Place) -> tuple[str, str, list[str]]:
    """Return the newest source, its first table and the columns of that, or placeholders."""
    if place.can("sources:view"):
        for source in place.api.get("sources", page_size=1).data:
            for table in place.api.get("sources", source["id"], "tables", page_size=1).data:
                return source["name"], table["name"], [column["name"] for column in table["columns"]]
    return "source", "table", []


def _quoted(name: str) -> str:
    if name.isascii() and name.isidentifier():
        return name
    return '"' + name.replace('"', '""') + '"'


def object_type(place: Place, key: str) -> dict[str, Any]:
    """Return the first object type that the target schema suggests, or one of customers."""
    suggested = place.api.get("object-types", "draft").data["object_types"]
    if suggested:
        return dict(suggested[0])
    attributes = [{"name": "e-mail", "column": "email"}]
    return {"name": "Customers", "table": "customers", "key": "customer_id", "attributes": attributes}


def pipeline(place: Place, key: str) -> dict[str, Any]:
    """Return a pipeline of every table that has a mapping."""
    mapped = place.api.get("mappings", page_size=200).data if place.can("mappings:view") else []
    return {
        "name": "nightly",
        "tables": [each["table_name"] for each in mapped] or ["customers"],
        "schedule": {"cron": "0 2 * * *", "timezone": "UTC", "enabled": False},
        "max_rejected": {"rows": None, "share": 0.05},
    }


def audience(place: Place, key: str) -> dict[str, Any]:
    """Return an audience of everybody in the largest stored table."""
    stored = place.api.get("tables", ordering="-rows", page_size=1).data if place.can("queries:run") else []
    table: dict[str, Any] = (
        stored[0] if stored else {"name": "customers", "columns": [{"name": "customer_id"}]}
    )
    first = table["columns"][0]["name"]
    rule = {"all": [{"field": first, "op": "not_null"}]}
    return {"name": "everybody", "table": table["name"], "key": first, "rule": rule}


def identity(place: Place, key: str) -> dict[str, Any]:
    """Return rules over the first target table that has an e-mail address, or over one that might be there."""
    tables = place.api.get("schemas", "workspace").data["tables"] if place.can("schemas:view") else []
    found = ("customers", "customer_id", "email")
    for table in tables:
        mails = [column["name"] for column in table["columns"] if column["type"] == "email"]
        if mails:
            keys = table.get("primary_key") or [table["columns"][0]["name"]]
            found = (table["name"], keys[0], mails[0])
            break
    entry = {"table": found[0], "key": found[1], "identifiers": {found[2]: "email"}}
    return {"tables": [entry], "rules": [{"name": "same e-mail", "match": ["email"]}]}


def alert_rule(place: Place, key: str) -> dict[str, Any]:
    """Return a rule that watches for failed runs."""
    return {"name": "a run failed", "kind": "pipeline_failure", "severity": "critical"}
