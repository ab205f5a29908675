"""The sources of a dbt project: `sources.yml` or `schema.yml`, version 2, as values.

The form is https://docs.getdbt.com/reference/source-properties. What stands there and is not taken is told, with
its path; Jinja is text and nothing evaluates it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from datalinx.engine.compile.dbt import ESCAPED_JINJA, with_jinja
from datalinx.engine.dbt.column_tests import DbtTest, read_test
from datalinx.engine.spec.yaml_text import read_yaml
from datalinx.errors import FieldError, Invalid

_ROOT = "document"
_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
# Why a key is not taken, where there is more to say than that there is no place for it.
_REASONS = {
    "data_type": "The discovery of the source tells the types.",
    "quote": "Names are quoted where they need it.",
    "quoting": "Names are quoted where they need it.",
    "enabled": "The table counts here all the same.",
    "where": "A test of some rows alone has no place here.",
}
_NO_PLACE = "Datalinx has no place for this."


@dataclass(frozen=True)
class Note:
    """Something in the file that was not taken, or not as it was meant."""

    path: str
    message: str


@dataclass(frozen=True)
class Freshness:
    """How new a table has to be: by which column, and after how many hours it warns and fails."""

    path: str
    loaded_at_field: str = ""
    warn_after_hours: float | None = None
    error_after_hours: float | None = None


@dataclass(frozen=True)
class DbtColumn:
    """What a file says of a column; `description` is empty where it says nothing."""

    path: str
    name: str
    description: str
    tests: tuple[DbtTest, ...]


@dataclass(frozen=True)
class DbtTable:
    """What a file says of a table. `identifier` is its name in the database where that is another one."""

    path: str
    name: str
    identifier: str
    description: str
    columns: tuple[DbtColumn, ...]
    freshness: Freshness | None


@dataclass(frozen=True)
class DbtSource:
    """A source of a file with its tables."""

    path: str
    name: str
    tables: tuple[DbtTable, ...]


@dataclass(frozen=True)
class DbtFile:
    """The sources of a file, the keys that are not taken, and the paths of texts that hold Jinja."""

    sources: tuple[DbtSource, ...]
    unsupported: tuple[Note, ...]
    jinja: tuple[str, ...]

    def within(self, path: str) -> tuple[list[Note], list[str]]:
        """The notes and the Jinja of one source, and those of the file as a whole."""
        elsewhere = tuple(f"{source.path}." for source in self.sources if source.path != path)
        notes = [note for note in self.unsupported if not note.path.startswith(elsewhere)]
        return notes, [each for each in self.jinja if not each.startswith(elsewhere)]


def read_dbt_file(text: str) -> DbtFile:
    """Read the sources of a file. Raises Invalid YAML_INVALID, and DBT_FILE_INVALID with the path to the fault."""
    return _Reader().file(read_yaml(text, field=_ROOT))


@dataclass
class _Reader:
    notes: list[Note] = field(default_factory=list)
    jinja: list[str] = field(default_factory=list)

    def file(self, root: Any) -> DbtFile:
        whole = self._mapping(root, _ROOT)
        version = whole.get("version", 2)
        if isinstance(version, bool) or version != 2:
            raise _fault(f"{_ROOT}.version", "Only version 2 of such files is known; write `version: 2`.")
        entries = self._list(whole.get("sources"), f"{_ROOT}.sources")
        if not entries:
            raise _fault(f"{_ROOT}.sources", "The file names no sources; give the one that has `sources:`.")
        self._rest(whole, {"version", "sources"}, _ROOT)
        sources = [self._source(entry, f"{_ROOT}.sources[{n}]") for n, entry in enumerate(entries)]
        _once(sources, "source")
        return DbtFile(tuple(sources), tuple(self.notes), tuple(self.jinja))

    def _source(self, entry: Any, path: str) -> DbtSource:
        given = self._mapping(entry, path)
        name = self._name(given, path)
        above = self._freshness(given, path, None)
        self._rest(given, {"name", "tables", "config", "freshness", "loaded_at_field"}, path)
        tables = [
            self._table(each, f"{path}.tables[{n}]", above)
            for n, each in enumerate(self._list(given.get("tables"), f"{path}.tables"))
        ]
        _once(tables, "table")
        return DbtSource(path, name, tuple(tables))

    def _table(self, entry: Any, path: str, above: Freshness | None) -> DbtTable:
        given = self._mapping(entry, path)
        known = {"name", "identifier", "description", "columns", "config", "freshness", "loaded_at_field"}
        self._rest(given, known, path)
        columns = [
            self._column(each, f"{path}.columns[{n}]")
            for n, each in enumerate(self._list(given.get("columns"), f"{path}.columns"))
        ]
        _once(columns, "column")
        return DbtTable(
            path=path,
            name=self._name(given, path),
            identifier=self._text(given.get("identifier"), f"{path}.identifier"),
            description=self._text(given.get("description"), f"{path}.description"),
            columns=tuple(columns),
            freshness=self._freshness(given, path, above),
        )

    def _column(self, entry: Any, path: str) -> DbtColumn:
        given = self._mapping(entry, path)
        self._rest(given, {"name", "description", "tests", "data_tests"}, path)
        tests = []
        for key in ("tests", "data_tests"):
            for number, each in enumerate(self._list(given.get(key), f"{path}.{key}")):
                tests.append(self._test(each, f"{path}.{key}[{number}]"))
        description = self._text(given.get("description"), f"{path}.description")
        return DbtColumn(path, self._name(given, path), description, tuple(tests))

    def _test(self, entry: Any, path: str) -> DbtTest:
        test, beside = read_test(entry, path)
        for key in beside:
            self._note(f"{path}.{key}", _REASONS.get(key.rpartition(".")[2], _NO_PLACE))
        for value in test.values:
            self._look_for_jinja(value, path)
        return test

    def _freshness(self, given: Mapping[str, Any], path: str, above: Freshness | None) -> Freshness | None:
        """How new a table has to be, by its own words or its source's; `freshness: null` undoes those of the source."""
        config = self._mapping(given.get("config") or {}, f"{path}.config")
        self._rest(config, {"freshness", "loaded_at_field"}, f"{path}.config")
        place = path if "freshness" in given else f"{path}.config"
        found = given.get("freshness", config.get("freshness", _UNSAID))
        column = given.get("loaded_at_field", config.get("loaded_at_field"))
        name = self._text(column, f"{path}.loaded_at_field") or (above.loaded_at_field if above else "")
        if found is _UNSAID:
            warn, error = (above.warn_after_hours, above.error_after_hours) if above else (None, None)
        else:
            place = f"{place}.freshness"
            limits = self._mapping(found or {}, place)
            self._rest(limits, {"warn_after", "error_after"}, place)
            warn, error = (
                self._hours(limits.get(key), f"{place}.{key}") for key in ("warn_after", "error_after")
            )
        return Freshness(path, name, warn, error) if name or warn or error else None

    def _hours(self, given: Any, path: str) -> float | None:
        limit = self._mapping(given or {}, path)
        self._rest(limit, {"count", "period"}, path)
        count, period = limit.get("count"), limit.get("period")
        if count is None and period is None:
            return None
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= 1_000_000:
            raise _fault(f"{path}.count", "A whole number from 1 on is needed here.")
        if not isinstance(period, str) or period not in _HOURS:
            raise _fault(f"{path}.period", "The period is one of minute, hour, day.")
        return round(count * _HOURS[period], 4)

    def _mapping(self, value: Any, path: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise _fault(path, "A mapping of keys to values is needed here.")
        return value

    def _list(self, value: Any, path: str) -> list[Any]:
        if value is not None and not isinstance(value, list):
            raise _fault(path, "A list is needed here.")
        return value or []

    def _name(self, given: Mapping[str, Any], path: str) -> str:
        name = self._text(given.get("name"), f"{path}.name")
        if not name:
            raise _fault(f"{path}.name", "A name is needed here.")
        return name

    def _text(self, value: Any, path: str) -> str:
        if value is not None and not isinstance(value, str):
            raise _fault(path, "A text is needed here; put it in quotes.")
        self._look_for_jinja(value, path)
        return with_jinja(value or "")

    def _look_for_jinja(self, value: Any, path: str) -> None:
        if isinstance(value, str):
            plain = ESCAPED_JINJA.sub("", value)
            if any(opening in plain for opening in ("{{", "{%", "{#")):
                self.jinja.append(path)

    def _rest(self, given: Mapping[str, Any], known: Iterable[str], path: str) -> None:
        for key in given:
            if key not in known:
                self._note(f"{path}.{key[:100]}", _REASONS.get(key, _NO_PLACE))

    def _note(self, path: str, message: str) -> None:
        self.notes.append(Note(path, message))


_UNSAID: Any = object()


def _once(entries: Iterable[DbtSource | DbtTable | DbtColumn], noun: str) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise _fault(f"{entry.path}.name", f"The {noun} {entry.name[:100]!r} stands here twice.")
        seen.add(entry.name)


def _fault(path: str, sentence: str) -> Invalid:
    return Invalid("DBT_FILE_INVALID", f"{path}: {sentence}", errors=[FieldError(path, "invalid", sentence)])
