"""From an audience's rule to one SQL condition, with every block of it under its path."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from datalinx.engine.audience.operators import comparable, condition, operator_list, operators_of
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.audience import (
    AllRule,
    AnyRule,
    AudienceDocument,
    AudienceRule,
    CountRule,
    FieldRule,
    NotRule,
    RelatedRule,
    Rule,
    walk,
)
from datalinx.engine.spec.base import refusal
from datalinx.errors import FieldError

BASE = "base"
_AT_LEAST_ONE = CountRule(op="gte", value=1)
_NONE = {("eq", 0), ("lt", 1), ("lte", 0)}
_SOME = {("gte", 1), ("gt", 0), ("ne", 0)}
_COMPARISONS: Mapping[str, type[exp.Binary]] = {
    "eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "lte": exp.LTE, "gt": exp.GT, "gte": exp.GTE,
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """One node of a rule. A leaf has a `condition`, and in `seen` the SQL of what it looked at; others have `parts`."""

    path: str
    rule: Rule
    parts: tuple["Block", ...] = ()
    condition: exp.Expr = field(default_factory=exp.null)
    seen: exp.Expr | None = None
    seen_type: str = "BOOLEAN"

    def walk(self) -> Iterator["Block"]:
        """This block and all below it, outer ones first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def leaves(self) -> list["Block"]:
        return [block for block in self.walk() if not block.parts]

    def combine(self, leaf: Callable[["Block"], exp.Expr]) -> exp.Expr:
        """The SQL of this block, each of its leaves written by `leaf`; three-valued, as SQL is."""
        if not self.parts:
            return leaf(self)
        made = [part.combine(leaf) for part in self.parts]
        match self.rule:
            case NotRule():
                return exp.not_(made[0])
            case AnyRule():
                return exp.or_(*made)
            case _:
                return exp.and_(*made)


@dataclass
class Scope:
    """Rows of one table that conditions speak about, and the joins that their counts need."""

    table: str
    alias: str
    joins: list[exp.Join] = field(default_factory=list)


@dataclass(frozen=True)
class CompiledAudience:
    """A rule as SQL over views called like the tables, and `audience:<id>` for other audiences' members."""

    document: AudienceDocument
    key_type: str
    root: Block
    joins: tuple[exp.Join, ...]

    @property
    def key(self) -> exp.Column:
        return exp.column(self.document.key, table=BASE, quoted=True)

    def rows(self, *columns: exp.Expr) -> exp.Select:
        """`SELECT` of columns over the audience's table and its joins; rows without a key are nobody."""
        query = exp.select(*columns).from_(_table(self.document.table, BASE))
        for join in self.joins:
            query = query.join(join.copy())
        return query.where(exp.not_(exp.Is(this=self.key, expression=exp.null())))

    def members(self) -> exp.Select:
        """`SELECT` of the members' keys, each once, in a column of the key's name."""
        whole = self.root.combine(lambda leaf: leaf.condition.copy())
        return self.rows(self.key.as_(self.document.key, quoted=True)).where(whole).distinct()


def compile_audience(
    document: AudienceDocument,
    *,
    tables: Mapping[str, TableFiles],
    audiences: Mapping[str, TableFiles],
    now: datetime,
    counting: bool = False,
) -> CompiledAudience:
    """Compile a rule over `tables`, with the members of other `audiences` by their ids.

    A members table has one column, the key. `counting` makes related blocks count even where it is enough to
    know that there is one, so that the count can be shown. Raise `Invalid` with one error for each fault:
    `unknown_table`, `unknown_column`, `unknown_audience`, `operator_not_allowed`, `invalid_value`,
    `type_mismatch`.
    """
    compiler = _Compiler(document, tables, audiences, now, counting)
    scope = Scope(document.table, BASE)
    key_type = compiler.column_type(document.table, document.key, "table", "key")
    root = compiler.compile(document.rule, "rule", scope) if not compiler.faults else None
    if root is None or compiler.faults:
        raise refusal(compiler.faults)
    return CompiledAudience(document, key_type, root, tuple(scope.joins))


def referenced_tables(document: AudienceDocument) -> set[str]:
    """The tables that an audience reads."""
    related = {rule.related for _, rule, _ in walk(document.rule) if isinstance(rule, RelatedRule)}
    return {document.table, *related}


def referenced_audiences(document: AudienceDocument) -> set[str]:
    """The ids of the audiences that an audience is made from."""
    return {rule.audience for _, rule, _ in walk(document.rule) if isinstance(rule, AudienceRule)}


def audience_view(audience_id: str) -> str:
    """The name under which another audience's members are read; no table can have it."""
    return f"audience:{audience_id}"


@dataclass
class _Compiler:
    document: AudienceDocument
    tables: Mapping[str, TableFiles]
    audiences: Mapping[str, TableFiles]
    now: datetime
    counting: bool
    faults: list[FieldError] = field(default_factory=list)
    _aliases: int = 0

    def compile(self, rule: Rule, path: str, scope: Scope) -> Block:
        """The block of a rule; a fault is noted and compiles to NULL."""
        match rule:
            case AllRule():
                parts = [self.compile(part, f"{path}.all[{i}]", scope) for i, part in enumerate(rule.all)]
            case AnyRule():
                parts = [self.compile(part, f"{path}.any[{i}]", scope) for i, part in enumerate(rule.any)]
            case NotRule():
                parts = [self.compile(rule.not_, f"{path}.not", scope)]
            case FieldRule():
                return self._field(rule, path, scope)
            case RelatedRule():
                return self._related(rule, path, scope)
            case AudienceRule():
                return self._audience(rule, path, scope)
        return Block(path, rule, tuple(parts))

    def column_type(self, table: str, column: str, table_path: str, column_path: str) -> str:
        """The DuckDB type of a column; a fault at its path when there is none."""
        if table not in self.tables:
            self._unknown(table_path, "table", table, list(self.tables))
            return ""
        types = dict(self.tables[table].columns)
        if column not in types:
            self._unknown(column_path, "column", column, list(types), of=f" of `{table}`")
            return ""
        return types[column]

    def _field(self, rule: FieldRule, path: str, scope: Scope) -> Block:
        kind = self.column_type(scope.table, rule.field, path, f"{path}.field")
        column = exp.column(rule.field, table=scope.alias, quoted=True)
        if not kind:
            return Block(path, rule)
        allowed = operators_of(kind)
        if rule.op not in allowed:
            message = f"`{rule.field}` is {kind} and takes: {operator_list(allowed)}; not `{rule.op}`."
            self.faults.append(FieldError(f"{path}.op", "operator_not_allowed", message))
            return Block(path, rule)
        try:
            made = condition(column, kind, rule.op, rule.value, self.now)
        except ValueError as error:
            text = str(error)
            self.faults.append(FieldError(f"{path}.value", "invalid_value", f"{text[:1].upper()}{text[1:]}."))
            made = exp.null()
        return Block(path, rule, (), exp.paren(made), column, kind)

    def _related(self, rule: RelatedRule, path: str, scope: Scope) -> Block:
        outer = self.column_type(scope.table, rule.via, path, f"{path}.via")
        inner = self.column_type(rule.related, rule.via, f"{path}.related", f"{path}.via")
        if outer and inner and not comparable(outer, inner):
            message = (
                f"`{rule.via}` is {outer} in `{scope.table}` and {inner} in `{rule.related}`: never equal."
            )
            self.faults.append(FieldError(f"{path}.via", "type_mismatch", message))
        related = Scope(rule.related, self._alias("r"))
        where = None
        if rule.where is not None:
            where = self.compile(rule.where, f"{path}.where", related).combine(lambda leaf: leaf.condition)
        count = rule.count or _AT_LEAST_ONE
        rows = _related_rows(related, rule.via, where)
        if not self.counting and (count.op, count.value) in _SOME | _NONE:
            found = _is_in(exp.column(rule.via, table=scope.alias, quoted=True), rows)
            return Block(path, rule, (), found if (count.op, count.value) in _SOME else exp.not_(found))
        number = self._count(rows, rule.via, scope)
        compared = _COMPARISONS[count.op](this=number, expression=exp.Literal.number(count.value))
        return Block(path, rule, (), exp.paren(compared), number.copy(), "BIGINT")

    def _count(self, rows: exp.Select, via: str, scope: Scope) -> exp.Expr:
        """Join the number of related rows for each value of `via`; nobody's is zero."""
        alias = self._alias("n")
        grouped = rows.select(exp.func("count", exp.Star()).as_("n")).group_by(rows.selects[0].this.copy())
        on = exp.EQ(
            this=exp.column(via, table=scope.alias, quoted=True), expression=exp.column("via", table=alias)
        )
        scope.joins.append(exp.Join(this=grouped.subquery(alias), side="LEFT", on=on))
        return exp.func("coalesce", exp.column("n", table=alias), exp.Literal.number(0))

    def _audience(self, rule: AudienceRule, path: str, scope: Scope) -> Block:
        if scope.alias != BASE:
            message = (
                "Another audience says who is in it, not which related rows count: move it out of `where`."
            )
            self.faults.append(FieldError(path, "audience_not_here", message))
            return Block(path, rule)
        if rule.audience not in self.audiences:
            message = f"There is no audience `{rule.audience}` with members here."
            self.faults.append(FieldError(f"{path}.audience", "unknown_audience", message))
            return Block(path, rule)
        name, kind = self.audiences[rule.audience].columns[0]
        if not comparable(kind, dict(self.tables[scope.table].columns)[self.document.key]):
            message = f"The members of `{rule.audience}` are {kind}, not what `{self.document.key}` is."
            self.faults.append(FieldError(f"{path}.audience", "type_mismatch", message))
        view = _table(audience_view(rule.audience), self._alias("a"))
        members = exp.select(exp.column(name, quoted=True)).from_(view)
        found = _is_in(exp.column(self.document.key, table=scope.alias, quoted=True), members)
        return Block(path, rule, (), found, found.copy())

    def _alias(self, letter: str) -> str:
        self._aliases += 1
        return f"{letter}{self._aliases}"

    def _unknown(self, path: str, noun: str, name: str, known: list[str], of: str = "") -> None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        self.faults.append(FieldError(path, f"unknown_{noun}", f"There is no {noun} `{name}`{of}.{hint}"))


def _table(name: str, alias: str) -> exp.Table:
    return exp.Table(
        this=exp.to_identifier(name, quoted=True), alias=exp.TableAlias(this=exp.to_identifier(alias))
    )


def _related_rows(scope: Scope, via: str, where: exp.Expr | None) -> exp.Select:
    """The values of `via` of the related rows that count, in a column `via`."""
    column = exp.column(via, table=scope.alias, quoted=True)
    query = exp.select(column.as_("via")).from_(_table(scope.table, scope.alias))
    for join in scope.joins:
        query = query.join(join)
    query = query.where(exp.not_(exp.Is(this=column.copy(), expression=exp.null())))
    return query.where(where) if where is not None else query


def _is_in(column: exp.Expr, rows: exp.Select) -> exp.Expr:
    """Whether a value is among rows, false for NULL: there is no row of nobody."""
    return exp.func("coalesce", exp.In(this=column, query=rows.subquery()), exp.false())
