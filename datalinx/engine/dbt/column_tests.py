"""The tests that dbt puts on columns, and what they are among the tests of a target column."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KNOWN = ("not_null", "unique", "accepted_values", "relationships")
# What a test refers to: a model by its name, or a table of a source by both names.
_CALL = re.compile(
    r"\s*(?P<call>ref|source)\s*\(\s*(?P<q>['\"])(?P<first>[^'\"]+)(?P=q)"
    r"\s*(?:,\s*(?P<r>['\"])(?P<second>[^'\"]+)(?P=r)\s*)?\)\s*"
)
_MAX_VALUES = 1_000
# Keys beside a test that say nothing of what it tests.
_LABELS = {"name", "description"}


@dataclass(frozen=True)
class Reference:
    """What a `relationships` test refers to: a table of a source, or with `source` None a model."""

    source: str | None
    table: str
    column: str


@dataclass(frozen=True)
class DbtTest:
    """A test of a column. `problem` says why it cannot be taken, and is empty when it can."""

    path: str
    kind: str
    values: tuple[Any, ...] = ()
    to: Reference | None = None
    problem: str = ""


def read_test(entry: Any, path: str) -> tuple[DbtTest, list[str]]:
    """Read one entry of `tests` or `data_tests`; also return the keys beside it that are not taken."""
    if isinstance(entry, str):
        return _made(path, entry, {}), []
    if not isinstance(entry, Mapping) or not entry:
        return DbtTest(path, "", problem="A test is a name, or a name with its arguments."), []
    if "test_name" in entry:
        kind, given = entry["test_name"], {key: each for key, each in entry.items() if key != "test_name"}
    else:
        kind, given = next(iter(entry.items()))
        # A label may stand beside the test or within it.
        given = {**(given if isinstance(given, Mapping) else {}), **dict(list(entry.items())[1:])}
    arguments = given.get("arguments")
    given = {**given, **(arguments if isinstance(arguments, Mapping) else {})}
    taken = {"accepted_values": {"values"}, "relationships": {"to", "field"}}.get(str(kind), set())
    test = _made(path, str(kind)[:100], given)
    beside = [key[:100] for key in given if key not in taken and key not in {*_LABELS, "arguments", "config"}]
    config = given.get("config")
    beside += [f"config.{key[:100]}" for key in config] if isinstance(config, Mapping) else []
    return test, beside if test.kind in _KNOWN else []


def _made(path: str, kind: str, given: Mapping[str, Any]) -> DbtTest:
    config = given.get("config")
    options = {**(config if isinstance(config, Mapping) else {}), **given}
    if kind not in _KNOWN:
        return DbtTest(path, kind, problem=f"There is no test such as {kind!r} here.")
    if options.get("where"):
        return DbtTest(path, kind, problem="It tests some rows alone (`where`), for which there is no place.")
    if options.get("enabled") is False:
        return DbtTest(path, kind, problem="It is switched off.")
    if kind == "accepted_values":
        return _accepted(path, given.get("values"))
    return _relationship(path, given) if kind == "relationships" else DbtTest(path, kind)


def _accepted(path: str, values: Any) -> DbtTest:
    kind = "accepted_values"
    if not isinstance(values, list) or not 0 < len(values) <= _MAX_VALUES:
        return DbtTest(path, kind, problem=f"Its values are no list of 1 to {_MAX_VALUES:,}.")
    if any(isinstance(value, list | dict) or value is None for value in values):
        return DbtTest(path, kind, problem="One of its values is no text, number or truth value.")
    if any(isinstance(value, str) and len(value) > 10_000 for value in values):
        return DbtTest(path, kind, problem="One of its values is longer than 10,000 characters.")
    return DbtTest(path, kind, values=tuple(values))


def _relationship(path: str, given: Mapping[str, Any]) -> DbtTest:
    to, column = given.get("to"), given.get("field")
    found = _CALL.fullmatch(to.strip("{} ")) if isinstance(to, str) and len(to) <= 1_000 else None
    is_source = found is not None and found["call"] == "source"
    if found is None or not isinstance(column, str) or is_source != bool(found["second"]):
        problem = "It refers to something else than ref('model') or source('name', 'table') with a field."
        return DbtTest(path, "relationships", problem=problem)
    table = found["second"] if is_source else found["first"]
    # The export quotes the column, as names of ours need.
    reference = Reference(found["first"] if is_source else None, table, column.strip('"'))
    return DbtTest(path, "relationships", to=reference)
