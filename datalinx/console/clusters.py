"""From a person as the API shows it to what is drawn: records on the left, the values that link them on the right."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from datalinx.console.drawing.lineage import LineageBox, LineageLine, LineagePicture

# More records of a table, or values of a rule, than a person looks at are counted and not drawn.
MOST_ROWS = 20


def cluster_picture(cluster: Mapping[str, Any]) -> LineagePicture:
    """Return the picture of a person: a box for each table with its records, one for each rule with its values."""
    records, values = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    lines: list[LineageLine] = []
    for member in cluster["members"]:
        records[member["table"]].append(str(member["key"]))
    for link in cluster["links"]:
        shown = _unlike(str(link["value"]), values[link["rule"]])
        values[link["rule"]].append(shown)
        for record in link["records"]:
            words = (
                f"{record['table']} {record['key']} has {link['value']}, confidence {link['confidence']:g}"
            )
            start = (f"table {record['table']}", str(record["key"]))
            lines.append(LineageLine(start, (f"rule {link['rule']}", shown), "direct", words))
    left = tuple(_box("table", name, "records", keys) for name, keys in records.items())
    right = tuple(_box("rule", name, "shared values", found) for name, found in values.items())
    description = f"{len(cluster['members'])} records and the {len(cluster['links'])} values that link them."
    return LineagePicture((left, right), tuple(lines), description)


def _box(kind: str, name: str, subtitle: str, rows: list[str]) -> LineageBox:
    return LineageBox(
        f"{kind} {name}", name, subtitle, tuple(rows[:MOST_ROWS]), more=max(0, len(rows) - MOST_ROWS)
    )


def _unlike(value: str, others: list[str]) -> str:
    """Return a text for a value that none of the others has: masked, two values may look the same."""
    number, shown = 1, value
    while shown in others:
        number += 1
        shown = f"{value} ({number})"
    return shown
