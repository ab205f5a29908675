"""Writes the pages of docs/reference/ that are made from the code; with --check it only says whether they are true."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from datalinx import env
from datalinx.engine.compile.decorators import decorators_as_documents
from datalinx.engine.compile.functions import FUNCTIONS
from datalinx.engine.compile.mapping import compile_mapping
from datalinx.engine.compile.spark import lower_query
from datalinx.engine.compile.spark.lowering import REFUSED
from datalinx.engine.types.registry import TypeRegistry

PLACE = Path(__file__).resolve().parent.parent / "docs" / "reference"
# Importing the compiler registers the decorators, and the rules of the Spark dialect.
_ = compile_mapping, lower_query


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    names = list(columns)
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _code(value: object) -> str:
    return f"`{value}`" if value is not None and value != "" else ""


def _parameters(schema: Mapping[str, Any]) -> str:
    found = []
    for name, facts in schema.get("properties", {}).items():
        default = facts.get("default", "required")
        kind = facts.get("type") or "/".join(
            each.get("type", "any") for each in facts.get("anyOf", []) if each.get("type") != "null"
        )
        found.append(f"`{name}` ({kind}, {default if default == 'required' else f'default `{default}`'})")
    return "; ".join(found)


def decorators() -> str:
    """Return the page of decorators."""
    documents: list[dict[str, Any]] = decorators_as_documents(TypeRegistry())
    rows = [(_code(each["name"]), each["description"], _parameters(each["parameters"])) for each in documents]
    return (
        "# Decorators\n\nA decorated field passes its source through a chain of these, left to right. The name of "
        "every [semantic type](types.md) is a decorator too: it checks a value and gives its normal form.\n\n"
        + table(("name", "what it does", "parameters"), rows)
    )


def types() -> str:
    """Return the page of types."""
    documents: list[dict[str, Any]] = TypeRegistry().as_documents()
    base = [each for each in documents if each["kind"] == "base"]
    semantic = [each for each in documents if each["kind"] == "semantic"]
    rows = [
        (
            _code(each["name"]),
            _code(each["parent"]),
            each["description"],
            each["pii"],
            _code(each["reason"]),
            ", ".join(_code(example) for example in each["examples"][:3]),
        )
        for each in semantic
    ]
    return (
        "# Types\n\n## Base types\n\n"
        + table(("name", "what it holds"), ((_code(each["name"]), each["description"]) for each in base))
        + "\n\n## Semantic types\n\nAn organization adds its own, inheriting from any of these, by "
        "`POST /api/semantic-types`.\n\n"
        + table(("name", "parent", "what it is", "personal data", "reason when invalid", "examples"), rows)
    )


def functions() -> str:
    """Return the page of functions."""
    names = sorted({each.name for each in FUNCTIONS.values() if not each.aggregate})
    aggregates = sorted({each.name for each in FUNCTIONS.values() if each.aggregate})
    return (
        "# Functions\n\nExpressions, filters and CTEs may call these functions, with DuckDB's meaning, and no others. "
        "Operators, `CASE`, `CAST` and `TRY_CAST` to base types, `BETWEEN`, `IN` with a list, `LIKE` and `IS NULL` are "
        "there too.\n\n"
        + ", ".join(_code(name) for name in names)
        + "\n\nIn aggregate fields also: "
        + ", ".join(_code(name) for name in aggregates)
        + "\n\n## On Spark\n\nA pipeline with `engine: spark` gives the same rows. What Spark cannot compute "
        "exactly as DuckDB does is refused with `ENGINE_CANNOT` before a run:\n\n"
        + table(("function", "what to use"), _refused_on_spark())
        + "\n\nSo are spans of time as values, lists and structures taken apart, casts to `BLOB`, a computed "
        "pattern or format, a pattern that repeats what may be empty, and the rarer directives of `strftime` and "
        "`strptime`. Dates outside the years 1 to 9999, whole numbers of more than 38 digits and JSON nested "
        "deeper than 1,000 levels do not fit."
    )


def _refused_on_spark() -> list[tuple[str, str]]:
    return sorted(
        (_code(each.name), REFUSED[each.duckdb_name])
        for each in FUNCTIONS.values()
        if each.duckdb_name in REFUSED
    )


def settings() -> str:
    """Return the page of settings."""
    rows = [
        (_code(each.name), each.description, "secret" if each.secret else _code(_shown(each)))
        for each in env.SETTINGS
    ]
    return (
        "# Settings\n\nBy environment, read once at the start; a value that cannot be used stops it with a sentence."
        "\n\n" + table(("variable", "what it is for", "default"), rows)
    )


def _shown(setting: Any) -> object:
    if setting.name == "DATALINX_HOME":
        return ".datalinx"
    return setting.default or ""


PAGES: dict[str, Callable[[], str]] = {
    "decorators.md": decorators,
    "types.md": types,
    "functions.md": functions,
    "settings.md": settings,
}


def main() -> int:
    """Write the pages, or with --check compare them; return 1 when one is not true."""
    stale = []
    for name, page in PAGES.items():
        text = page().rstrip() + "\n"
        path = PLACE / name
        if "--check" in sys.argv:
            stale += [name] if not path.exists() or path.read_text() != text else []
        else:
            path.write_text(text)
    if stale:
        sys.stderr.write(
            f"docs/reference is not what the code says: {', '.join(stale)}. Run .ci/reference.py.\n"
        )
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
