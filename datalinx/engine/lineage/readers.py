"""What reads target tables: the links of saved queries, of audiences and of object types."""

from collections.abc import Iterator, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from datalinx.engine.lineage.graph import Link, Place
from datalinx.engine.lineage.sql import trace_query
from datalinx.engine.spec.audience import (
    AllRule,
    AnyRule,
    AudienceDocument,
    AudienceRule,
    FieldRule,
    NotRule,
    RelatedRule,
    Rule,
)
from datalinx.engine.spec.object_type import ObjectTypeDocument


def query_links(reader: Place, sql: str, tables: Mapping[str, Sequence[str]]) -> list[Link]:
    """The links of a query. `tables` are the columns of all target tables, by name.

    A query that does not parse here reads, as far as is known, the whole of each table whose name it holds.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except (SqlglotError, RecursionError):
        named = [name for name in tables if name.lower() in sql.lower()]
        return [Link(Place("table", name), None, reader, None, "unresolved") for name in named]
    used = {table.name.lower() for table in tree.find_all(exp.Table)}
    read = {name: columns for name, columns in tables.items() if name.lower() in used}
    traced = trace_query(tree, read)
    found: dict[Link, None] = {}
    for name, pairs in traced.values.items():
        for table, column in pairs:
            found[Link(Place("table", table), column, reader, _shown(name), "query")] = None
    for kind, (table, column) in traced.rows:
        found[Link(Place("table", table), column, reader, None, kind)] = None
    linked = {link.origin.name for link in found}
    # count(*) reads a table and none of its columns.
    whole = [Link(Place("table", name), None, reader, None, "query") for name in read if name not in linked]
    return [*found, *whole]


def _shown(name: str) -> str:
    """The name of an unnamed column of a query, as `column 3`."""
    number = name.removeprefix("_col_")
    return f"column {int(number) + 1}" if number != name and number.isdecimal() else name


def audience_links(reader: Place, document: AudienceDocument, audiences: Mapping[str, Place]) -> list[Link]:
    """The links of an audience; `audiences` are those that it may build on, by id."""
    key = Link(Place("table", document.table), document.key, reader, document.key, "key")
    return list(dict.fromkeys([key, *_rule_links(reader, document.rule, document.table, audiences)]))


def _rule_links(reader: Place, rule: Rule, table: str, audiences: Mapping[str, Place]) -> Iterator[Link]:
    def link(name: str, column: str, kind: str) -> Link:
        return Link(Place("table", name), column, reader, None, kind)

    match rule:
        case AllRule() | AnyRule():
            for part in rule.all if isinstance(rule, AllRule) else rule.any:
                yield from _rule_links(reader, part, table, audiences)
        case NotRule():
            yield from _rule_links(reader, rule.not_, table, audiences)
        case FieldRule():
            yield link(table, rule.field, "rule")
        case RelatedRule():
            yield link(table, rule.via, "related")
            yield link(rule.related, rule.via, "related")
            if rule.where is not None:
                yield from _rule_links(reader, rule.where, rule.related, audiences)
        case AudienceRule():
            if rule.audience in audiences:
                yield Link(audiences[rule.audience], None, reader, None, "audience")


def object_type_links(reader: Place, document: ObjectTypeDocument, tables: Mapping[str, str]) -> list[Link]:
    """The links of an object type; `tables` are those of all object types, by id.

    A relationship reads the columns on both sides, and those of the table that it goes through.
    """

    def link(table: str, column: str, field: str | None, kind: str) -> Link:
        return Link(Place("table", table), column, reader, field, kind)

    found = [
        link(document.table, each.column, each.name, "attribute")
        for each in document.attributes
        if each.column
    ]
    found += [link(document.table, column, None, "key") for column in document.key_columns]
    for each in document.relationships:
        ends = [(document.table, each.columns), (tables.get(each.to, ""), each.to_columns)]
        if each.through is not None:
            ends.append((each.through.table, (*each.through.columns, *each.through.to_columns)))
        found += [
            link(table, column, None, "relationship")
            for table, columns in ends
            for column in columns
            if table
        ]
    return list(dict.fromkeys(found))
