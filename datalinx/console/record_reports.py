"""How a record's look-up is shown: what to look for, its way through a mapping, its verdict."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from datalinx.console.api import Refusal
from datalinx.console.pages import Place

# Where a row can leave its way, in the order in which a run asks.
STAGES = (
    ("not_read", "Read", "the cursor or the window leaves it out"),
    ("joined_out", "Joined", "no join keeps it"),
    ("filtered", "Filtered", "the filter drops it"),
    ("rejected", "Checked", "it is rejected"),
    ("deduplicated", "Unique", "another row of its key wins"),
)
# How a verdict looks: with what went through, with what is waited for, with what did not.
_MARKS = {
    "new": "success",
    "changed": "success",
    "unchanged": "success",
    "stored": "success",
    "replayed": "success",
    "valid": "success",
    "rejected": "failed",
    "not_published": "failed",
    "pending": "queued",
}


def read_search(request: HttpRequest) -> dict[str, str]:
    """Return what a person looks for: `key`, `column` and `table`, empty where nothing was given."""
    return {name: request.GET.get(name, "").strip() for name in ("key", "column", "table")}


def lookup_query(search: Mapping[str, str]) -> dict[str, str]:
    """Return a search as the API takes it."""
    key = json.dumps({search["column"]: search["key"]}) if search["column"] else search["key"]
    return {"key": key, **({"table": search["table"]} if search["table"] else {})}


def look_up(place: Place, *path: str) -> dict[str, Any]:
    """Return what a page shows of the record that its request asks `path` for: search, answer, refusal."""
    search, refusal, record = read_search(place.request), None, None
    if search["key"]:
        try:
            record = describe_record(place.api.get(*path, "records", **lookup_query(search)).data)
        except Refusal as caught:
            refusal = caught
    return {
        "code": refusal.status if refusal else 200,
        "search": search,
        "refusal": refusal,
        "record": record,
    }


def describe_record(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a look-up as it is shown."""
    return {
        **found,
        "mark": _MARKS.get(found["outcome"], "cancelled"),
        "verdict": found["outcome"].replace("_", " "),
        "traced": [{**record, "way": _way(record["outcome"])} for record in found["source"]["records"]],
    }


def _way(outcome: str) -> list[dict[str, str]]:
    """Return the stages of a row's way: passed, where it was stopped, and what it did not come to."""
    way, state = [], "passed"
    for code, name, why in STAGES:
        if code == outcome:
            way.append({"name": name, "state": "stopped", "why": why})
            state = "ahead"
        else:
            way.append({"name": name, "state": state, "why": ""})
    return [*way, {"name": "Stored", "state": state, "why": ""}]
