"""A whole workspace as a dbt project: models, sources, tests and the words to build it, as texts by path."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from datalinx.engine.compile.dbt import (
    TABLES,
    cursor_field,
    dbt_model,
    materialization,
    plain_name,
    without_jinja,
)
from datalinx.engine.compile.plan import CompiledMapping, Read
from datalinx.engine.spec.schema import (
    AcceptedValuesTest,
    RelationshipTest,
    TargetColumn,
    TargetTable,
    UniqueTest,
)
from datalinx.engine.types import library

# Where a build looks for the files of the sources.
DATA = "{{ env_var('DATALINX_DATA', 'data') }}"
# What `dbt build` was tried with.
REQUIREMENTS = "dbt-core>=1.10,<1.12\ndbt-duckdb>=1.10,<1.12\nidna>=3.10\nnumpy>=1.26\n"

# The functions that types call and that SQL has not, for dbt-duckdb to give to each of its connections.
PLUGIN = "datalinx_functions"
_PLUGIN = '''"""What SQL cannot say: functions of a library, for the models of this project."""

from functools import lru_cache

import idna
from dbt.adapters.duckdb.plugins import BasePlugin

_REMEMBERED = 10_000
MAX_DOMAIN = {max_domain}


{functions}

class Plugin(BasePlugin):
    """Lets a connection of DuckDB call the functions."""

    def configure_connection(self, conn):
        for function in ({names},):
            self.add(conn, function)

    @staticmethod
    def add(conn, function):
        def answer(value):
            return None if value is None else function(value)

        name = function.__name__
        conn.create_function(name, answer, ["VARCHAR"], "VARCHAR", null_handling="special")
'''

# Marks the folder of a source's files in the SQL that reads them; no SQL of ours holds this character.
FOLDER = "\x00folder\x00"


@dataclass(frozen=True)
class ProjectSource:
    """A stored relation that models read. `sql` is a SELECT with `FOLDER` for the folder of the source's files.

    Without `sql` the build takes a Parquet file of that name. `files` are what has to lie in the folder.
    """

    read: Read
    columns: Sequence[tuple[str, str]]
    sql: str = ""
    files: Sequence[str] = ()
    description: str = ""
    column_descriptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The name of the source, in dbt's `source()`."""
        return self.read.source or TABLES

    @property
    def table(self) -> str:
        """The name of the table, in dbt's `source()`."""
        return self.read.table or self.read.target or ""


@dataclass(frozen=True)
class Project:
    """What a project is written from: the plans with their target tables, and what they read."""

    name: str
    models: Sequence[tuple[CompiledMapping, TargetTable]]
    sources: Sequence[ProjectSource] = field(default_factory=tuple)


def dbt_project(project: Project) -> dict[str, str]:
    """Return the files of the project by path."""
    names = {table.name for _, table in project.models}
    folder = re.sub(r"[^a-z0-9_]+", "_", project.name.lower()).strip("_")
    identifier = folder if folder[:1].isalpha() else f"workspace_{folder}".rstrip("_")
    files = {
        "dbt_project.yml": _yaml(_project_file(identifier)),
        "profiles.yml": _yaml(_profile(identifier)),
        "requirements.txt": REQUIREMENTS,
        "models/schema.yml": _yaml(
            {"version": 2, "models": [_model(plan, table, names) for plan, table in project.models]}
        ),
        f"{PLUGIN}.py": _plugin(),
        "README.md": _readme(project),
    }
    if project.sources:
        files["models/sources.yml"] = _yaml({"version": 2, "sources": _sources(project.sources)})
    for plan, table in project.models:
        files[f"models/{table.name}.sql"] = dbt_model(plan, names)
    return files


def _plugin() -> str:
    functions = "\n\n".join(inspect.getsource(function) for function in library.LIBRARY.values())
    names = ", ".join(library.LIBRARY)
    return _PLUGIN.format(max_domain=library.MAX_DOMAIN, functions=functions, names=names)


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=4096))


def _project_file(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0.0",
        "config-version": 2,
        "profile": name,
        "model-paths": ["models"],
        "target-path": "target",
        "clean-targets": ["target"],
        # It takes the names of sources as they are escaped, not as they are; nor is anybody told of a build.
        "flags": {"static_parser": False, "send_anonymous_usage_stats": False},
    }


def _profile(name: str) -> dict[str, Any]:
    output = {
        "type": "duckdb",
        "path": "{{ env_var('DATALINX_DBT_DATABASE', 'warehouse.duckdb') }}",
        "threads": 2,
        "module_paths": ["."],
        "plugins": [{"module": PLUGIN}],
        # Instants are in UTC, as they are on the platform.
        "settings": {"TimeZone": "UTC"},
    }
    return {name: {"target": "local", "outputs": {"local": output}}}


def _model(plan: CompiledMapping, table: TargetTable, models: set[str]) -> dict[str, Any]:
    made = {compiled.name for compiled in plan.fields}
    columns = [_column(table, column, models) for column in table.columns if column.name in made]
    return {"name": table.name, "description": without_jinja(table.description), "columns": columns}


def _column(table: TargetTable, column: TargetColumn, models: set[str]) -> dict[str, Any]:
    tests: list[Any] = [] if table.is_nullable(column) else ["not_null"]
    unique = table.primary_key == (column.name,)
    for test in column.tests:
        unique = unique or isinstance(test, UniqueTest)
        if isinstance(test, AcceptedValuesTest):
            values = [without_jinja(value) if isinstance(value, str) else value for value in test.values]
            tests.append({"accepted_values": {"arguments": {"values": values}}})
        if isinstance(test, RelationshipTest) and test.table in models:
            tests.append(_relationship(test.table, test.column))
    for relationship in table.relationships:
        target = relationship.references
        is_own = relationship.columns == (column.name,) and relationship.cardinality in {
            "many_to_one",
            "one_to_one",
        }
        if is_own and target.table in models:
            tests.append(_relationship(target.table, target.columns[0]))
    if unique:
        tests.append("unique")
    described = {"name": column.name, "description": without_jinja(column.description), "quote": True}
    distinct = [test for number, test in enumerate(tests) if test not in tests[:number]]
    return {**described, **({"data_tests": distinct} if distinct else {})}


def _relationship(table: str, column: str) -> dict[str, Any]:
    # A value without its counterpart is a finding about the data; it need not stop the build.
    arguments = {"to": f"ref({json.dumps(table)})", "field": f'"{column}"'}
    return {"relationships": {"arguments": arguments, "config": {"severity": "warn"}}}


def _sources(sources: Sequence[ProjectSource]) -> list[dict[str, Any]]:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for entry in sources:
        table = {
            "name": plain_name(entry.table),
            "description": without_jinja(entry.description),
            "config": {"meta": {"formatter": "oldstyle", "external_location": _location(entry)}},
            "columns": [_source_column(entry, name, kind) for name, kind in entry.columns],
        }
        by_name.setdefault(entry.source, []).append(table)
    return [{"name": plain_name(name), "tables": tables} for name, tables in by_name.items()]


def _source_column(entry: ProjectSource, name: str, kind: str) -> dict[str, Any]:
    said = entry.column_descriptions.get(name, "")
    described = {"description": without_jinja(said)} if said else {}
    return {"name": plain_name(name), **described, "data_type": kind, "quote": True}


def _location(entry: ProjectSource) -> str:
    """What stands in FROM: dbt-duckdb fills `%(…)s` in, and Jinja what stands in its braces."""
    sql = entry.sql or f"SELECT * FROM read_parquet('{FOLDER}/{_quoted(entry.table)}.parquet')"
    folder = f"{DATA}/{_quoted(entry.source)}"
    # Jinja comes first, so that what it leaves is doubled for the one behind it.
    return "(" + without_jinja(sql.replace("%", "%%")).replace(FOLDER, folder) + ")"


def _quoted(text: str) -> str:
    return text.replace("'", "''").replace("{", "_").replace("}", "_").replace("/", "_")


def needed_files(entry: ProjectSource) -> list[str]:
    """Where the files of a source's table have to lie, below the data folder."""
    folder = entry.source.replace("{", "_").replace("}", "_").replace("/", "_")
    return [f"{folder}/{name}" for name in entry.files or [f"{entry.table}.parquet"]]


_README = """# {name}

The mappings of the workspace as a dbt project for DuckDB. Put the files of the sources into `data/` (or name
another folder in `DATALINX_DATA`), then:

    pip install -r requirements.txt
    dbt build --profiles-dir .

The tables are in `warehouse.duckdb` afterwards (`DATALINX_DBT_DATABASE` names another file).

## Files that it reads

{files}

## What each table is

{tables}

A model holds the valid rows. Rows that the platform would put aside are left out; there is no list of them here.
"""

_SENTENCES = {
    "full": "made anew by each build",
    "append": "each build adds what is new",
    "merge": "each build replaces rows by their key",
    "history": "made anew by each build, with the present version of each row; the platform keeps the older ones",
}


def _readme(project: Project) -> str:
    files = [f"- `{name}`" for entry in project.sources for name in needed_files(entry)]
    return _README.format(
        name=project.name.replace("\n", " "),
        files="\n".join(files) or "None.",
        tables="\n".join(_sentence(plan) for plan, _ in project.models),
    )


def _sentence(plan: CompiledMapping) -> str:
    load = plan.load
    sentence = _SENTENCES[load.mode]
    if load.mode == "append" and materialization(plan) == "materialized='table'":
        sentence = "made anew by each build, since no column of it holds the cursor"
    elif load.mode == "append" and load.cursor is None:
        sentence = "each build adds all rows of its input once more, as a run does"
    elif load.mode == "merge" and load.cursor is not None and cursor_field(plan) is None:
        sentence += "; it reads its input whole, since no column of it holds the cursor"
    elif load.mode == "merge" and load.delete_missing:
        sentence += "; rows that are gone from the input stay, unlike on the platform"
    return f"- `{plan.table}`: {sentence}."
