"""The lowering of whole queries: CTEs, and what the executor stages with.

Names are resolved here, as DuckDB does it without regard to case, so that each column has its type; `*` is written
out, a CTE and a query in parentheses are lowered before what reads them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from sqlglot import exp

from datalinx import errors

# The rules register themselves.
from datalinx.engine.compile.spark import (  # noqa: F401
    aggregates,
    arithmetic,
    choices,
    formats,
    json_values,
    kinds,
    matching,
    operators,
    rounding,
    texts,
    times,
    windows,
)
from datalinx.engine.compile.spark.casting import as_boolean, cast_to
from datalinx.engine.compile.spark.form import call, numbered, when
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, Types, normal, types_from
from datalinx.engine.compile.spark.naming import output_names
from datalinx.engine.compile.spark.refusal import cannot

Columns = dict[str, str]
"""Types by name, in order."""

_KEEPS = "=keeps"


def lower(tree: exp.Expr, *, types: Types | Mapping[tuple[str, str], str]) -> exp.Expression:
    """Return an expression of the compiler's as one of Spark's that raises for no row: NULL stands for an error.

    `types` tells the DuckDB type of a column. Raise `Invalid` `ENGINE_CANNOT` for what Spark cannot compute alike.
    """
    return cast("exp.Expression", numbered(Lowerer(types_from(types)).lower(normal(tree)).tree))


def lower_query(
    query: exp.Expr, *, relations: Mapping[str, Mapping[str, str]], strict: bool = True
) -> exp.Query:
    """Return a query over `relations` (name to columns with DuckDB types) as one of Spark's.

    What raises in DuckDB raises in Spark too, unless `strict` is false: then NULL stands for it. Raise `Invalid`
    `ENGINE_CANNOT` for what Spark cannot compute alike.
    """
    made, _ = QueryLowerer(
        {name: dict(columns) for name, columns in relations.items()}, strict=strict
    ).lower_query(normal(query))
    return cast("exp.Query", numbered(made))


def spark_text(tree: exp.Expr) -> str:
    """Return the text of a lowered tree."""
    return tree.sql(dialect="spark", comments=False)


@dataclass
class _Scope:
    """The relations that a SELECT reads, by alias, and the names that its joins have merged."""

    relations: dict[str, Columns] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)

    def find(self, table: str, name: str) -> tuple[str, str, str] | None:
        """Alias, name and type of a column as they are written where it comes from."""
        for alias, columns in self.relations.items():
            if table and alias.lower() != table.lower():
                continue
            for column, kind in columns.items():
                if column.lower() == name.lower():
                    return alias, column, kind
        return None


class QueryLowerer(Lowerer):
    """Lowers queries; a column is looked for in the SELECT that it stands in, then in those around it."""

    def __init__(self, relations: dict[str, Columns], *, strict: bool) -> None:
        super().__init__(self._type_of, watches=strict)
        self._strict = strict
        self._stored = relations
        self._own: dict[str, Columns] = {}
        self._definitions: list[exp.CTE] = []
        self._scopes: list[_Scope] = []

    def lower_query(self, node: exp.Expr) -> tuple[exp.Expr, Columns]:
        """A query in Spark's form, and its columns."""
        own, definitions = dict(self._own), list(self._definitions)
        try:
            if isinstance(node, exp.Subquery):
                made, columns = self.lower_query(node.this)
                return exp.Subquery(this=made), columns
            if isinstance(node, exp.Select):
                return self._select(node)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node)
            raise cannot(type(node).__name__, "Only SELECT can stand here.")
        finally:
            self._own, self._definitions = own, definitions

    def query(self, node: exp.Expr) -> tuple[exp.Expr, list[tuple[str, str]]]:
        before, self.watches = self.watches, self._strict
        try:
            made, columns = self.lower_query(node)
        finally:
            self.watches = before
        return made, list(columns.items())

    def settled(self, value: Lowered) -> Lowered:
        if value.raises is None or not self._strict:
            return super().settled(value)
        message = exp.Literal.string("A value does not fit, or an expression cannot be computed from it.")
        tree = when(value.raises, call("raise_error", message), value.tree)
        return Lowered(tree, value.type)

    def _type_of(self, column: exp.Column) -> str:
        for scope in reversed(self._scopes):
            if (found := scope.find(column.table, column.name)) is not None:
                return found[2]
        raise errors.Invalid("UNKNOWN_COLUMN", f"There is no column `{column.name}` in what the query reads.")

    def _top(self, node: exp.Expr) -> Lowered:
        """An expression of a clause, its columns written as they are where they come from."""
        return self.settled(self.lower(node.transform(self._named)))

    def _named(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Query):
            # A query within has names of its own, nearest first; another node keeps the walk out of it.
            return node.copy()
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            return node
        for scope in reversed(self._scopes):
            found = scope.find(node.table, node.name)
            if found is not None:
                alias, name, _ = found
                table = None if not node.table and name.lower() in scope.merged else alias
                return exp.column(name, table=table, quoted=True)
        return node

    def _select(self, node: exp.Select) -> tuple[exp.Expr, Columns]:
        made = exp.Select()
        self._with(node, made)
        scope = _Scope()
        self._scopes.append(scope)
        try:
            return self._clauses(node, made, scope)
        finally:
            self._scopes.pop()

    def _clauses(self, node: exp.Select, made: exp.Select, scope: _Scope) -> tuple[exp.Expr, Columns]:
        if (source := node.args.get("from_")) is not None:
            made.set("from_", exp.From(this=self._relation(source.this, scope)))
        made.set("joins", [self._join(join, scope) for join in node.args.get("joins") or []])
        projections = self._projections(node, scope)
        aliases = {name.lower(): tree for name, tree in projections if not isinstance(tree, exp.Column)}
        columns: Columns = {}
        entries: list[exp.Expr] = []
        for name, tree in projections:
            value = self._top(tree)
            entries.append(exp.alias_(value.tree, name, quoted=True))
            columns[name] = value.type
        if node.args.get("distinct") is not None:
            made.set("distinct", exp.Distinct())
        for name, kind in (("where", exp.Where), ("having", exp.Having)):
            if (clause := node.args.get(name)) is not None:
                made.set(name, kind(this=self._condition(clause.this, aliases, scope)))
        if (group := node.args.get("group")) is not None:
            made.set("group", self._group(group, aliases, scope))
        if (qualify := node.args.get("qualify")) is not None:
            entries.append(exp.alias_(self._condition(qualify.this, aliases, scope), _KEEPS, quoted=True))
        made.set("expressions", entries)
        if qualify is not None:
            made = _qualified(made, columns)
            self._tail(node, made, {}, _Scope({"=kept": columns}))
            return made, columns
        self._tail(node, made, aliases, scope)
        return made, columns

    def _condition(self, node: exp.Expr, aliases: Mapping[str, exp.Expr], scope: _Scope) -> exp.Expr:
        value = as_boolean(self, self.lower(self._expanded(node, aliases, scope).transform(self._named)))
        return self.settled(value).tree

    def _expanded(self, node: exp.Expr, aliases: Mapping[str, exp.Expr], scope: _Scope) -> exp.Expr:
        """The expression with names of the SELECT list replaced by what they stand for."""

        def replaced(part: exp.Expression) -> exp.Expression:
            is_name = isinstance(part, exp.Column) and not part.table
            if is_name and part.name.lower() in aliases and scope.find("", part.name) is None:
                return exp.Paren(this=aliases[part.name.lower()].copy())
            return part

        return node.copy().transform(replaced)

    def _group(self, node: exp.Group, aliases: Mapping[str, exp.Expr], scope: _Scope) -> exp.Group:
        if node.args.get("all"):
            return exp.Group(all=True)
        return exp.Group(
            expressions=[
                each.copy()
                if isinstance(each, exp.Literal)
                else self._top(self._expanded(each, aliases, scope)).tree
                for each in node.expressions
            ]
        )

    def _tail(self, node: exp.Expr, made: exp.Expr, aliases: Mapping[str, exp.Expr], scope: _Scope) -> None:
        if (order := node.args.get("order")) is not None:
            with self._reading(scope):
                terms = []
                for term in order.expressions:
                    is_place = isinstance(term.this, exp.Literal)
                    value = (
                        term.this.copy()
                        if is_place
                        else self._top(self._expanded(term.this, aliases, scope)).tree
                    )
                    terms.append(ordered(value, term))
            made.set("order", exp.Order(expressions=terms))
        for name in ("limit", "offset"):
            if (clause := node.args.get(name)) is not None:
                made.set(name, clause.copy())

    @contextmanager
    def _reading(self, scope: _Scope) -> Iterator[None]:
        self._scopes.append(scope)
        try:
            yield
        finally:
            self._scopes.pop()

    def _with(self, node: exp.Expr, made: exp.Expr) -> None:
        clause = node.args.get("with_")
        if clause is None:
            return
        entries = []
        for entry in clause.expressions:
            query, columns = self.lower_query(entry.this)
            alias = exp.TableAlias(this=exp.to_identifier(entry.alias, quoted=True))
            entries.append(exp.CTE(this=query, alias=alias))
            self._definitions.append(entry)
            self._own[entry.alias] = columns
        made.set("with_", exp.With(expressions=entries))

    def _relation(self, node: exp.Expr, scope: _Scope) -> exp.Expr:
        if isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Values):
            query, columns = self.lower_query(node.this)
            return self._aliased(query, node.alias or "query", columns, scope)
        if isinstance(node, exp.Values | exp.Subquery):
            return self._values(node.this if isinstance(node, exp.Subquery) else node, scope)
        if not isinstance(node, exp.Table):
            raise cannot(type(node).__name__, "In FROM stand tables, CTEs and sub-queries.")
        name, columns = self._find(node.name)
        alias = node.alias or name
        scope.relations[alias] = columns
        return exp.Table(
            this=exp.to_identifier(name, quoted=True),
            alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)),
        )

    def _aliased(self, query: exp.Expr, alias: str, columns: Columns, scope: _Scope) -> exp.Expr:
        scope.relations[alias] = columns
        return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))

    def _find(self, name: str) -> tuple[str, Columns]:
        for relations in (self._own, self._stored):
            for known, columns in relations.items():
                if known.lower() == name.lower():
                    return known, columns
        raise errors.Invalid("UNKNOWN_TABLE", f"There is no relation `{name}`.")

    def _values(self, node: exp.Values, scope: _Scope) -> exp.Expr:
        """Rows that are written in the query, as a table."""
        alias = node.args["alias"]
        names = [column.name for column in alias.args.get("columns") or []]
        rows = [[self.lower(value) for value in row.expressions] for row in node.expressions]
        types = [kinds.common([value.operand for value in column]) for column in zip(*rows, strict=True)]
        made = exp.Values(
            expressions=[
                exp.Tuple(expressions=[cast_to(self, *pair).tree for pair in zip(row, types, strict=True)])
                for row in rows
            ],
            alias=alias.copy(),
        )
        scope.relations[alias.name] = dict(zip(names, types, strict=True))
        return made

    def _join(self, node: exp.Join, scope: _Scope) -> exp.Join:
        before = set(scope.relations)
        made = exp.Join(this=self._relation(node.this, scope), side=node.side or None, kind=node.kind or None)
        if (condition := node.args.get("on")) is not None:
            made.set("on", self._condition(condition, {}, scope))
        if using := node.args.get("using"):
            made.set("using", [self._shared(name.name, scope) for name in using])
            scope.merged |= {name.name.lower() for name in using}
        if node.kind in {"SEMI", "ANTI"}:
            # What is only looked for has no columns for those who read on.
            for alias in set(scope.relations) - before:
                scope.relations.pop(alias)
        return made

    def _shared(self, name: str, scope: _Scope) -> exp.Identifier:
        found = scope.find("", name)
        return exp.to_identifier(found[1] if found else name, quoted=True)

    def _projections(self, node: exp.Select, scope: _Scope) -> list[tuple[str, exp.Expr]]:
        """What is selected, `*` written out, each with its name."""
        found: list[tuple[str, exp.Expr]] = []
        unnamed: list[int] = []
        for entry in node.expressions:
            if isinstance(entry, exp.Star) or (
                isinstance(entry, exp.Column) and isinstance(entry.this, exp.Star)
            ):
                found += self._star(entry, scope)
            elif isinstance(entry, exp.Alias):
                found.append((entry.alias, entry.this))
            elif isinstance(entry, exp.Column):
                known = scope.find(entry.table, entry.name)
                found.append((known[1] if known else entry.name, entry))
            else:
                unnamed.append(len(found))
                found.append(("", entry))
        if unnamed:
            names = output_names(node, self._stored, self._definitions)
            for place in unnamed:
                name = names[place] if names is not None else found[place][1].sql(dialect="duckdb")
                found[place] = (name, found[place][1])
        return found

    def _star(self, node: exp.Expr, scope: _Scope) -> list[tuple[str, exp.Expr]]:
        wanted = node.table if isinstance(node, exp.Column) else ""
        found: list[tuple[str, exp.Expr]] = []
        taken: set[str] = set()
        for alias, columns in scope.relations.items():
            if wanted and alias.lower() != wanted.lower():
                continue
            for name in columns:
                is_merged = not wanted and name.lower() in scope.merged
                if is_merged and name.lower() in taken:
                    continue
                taken.add(name.lower())
                found.append((name, exp.column(name, table=None if is_merged else alias, quoted=True)))
        return found

    def _set_operation(self, node: exp.SetOperation) -> tuple[exp.Expr, Columns]:
        made = type(node)(distinct=bool(node.args.get("distinct")))
        self._with(node, made)
        sides = [self.lower_query(node.args[name]) for name in ("this", "expression")]
        names = list(sides[0][1])
        types = [
            kinds.common([kinds.operand(kind, None) for kind in pair])
            for pair in zip(*(columns.values() for _, columns in sides), strict=True)
        ]
        columns = dict(zip(names, types, strict=True))
        for place, (query, given) in zip(("this", "expression"), sides, strict=True):
            made.set(place, _recast(self, query, given, columns))
        self._tail(node, made, {}, _Scope({"": columns}))
        return made, columns


def ordered(value: exp.Expr, term: exp.Expr) -> exp.Ordered:
    """A term of an order; where NULLs come is written out, as the engines' habits differ."""
    return exp.Ordered(
        this=value, desc=bool(term.args.get("desc")), nulls_first=bool(term.args.get("nulls_first"))
    )


def _recast(to: Lowerer, query: exp.Expr, given: Columns, wanted: Columns) -> exp.Expr:
    """A side of a set operation with the columns' common types."""
    if list(given.values()) == list(wanted.values()):
        return query if not isinstance(query, exp.SetOperation) else exp.Subquery(this=query)
    entries = []
    for (name, kind), target in zip(given.items(), wanted.values(), strict=True):
        value = cast_to(to, Lowered(exp.column(name, quoted=True), kind), target)
        entries.append(exp.alias_(value.tree, name, quoted=True))
    return exp.Select(
        expressions=entries,
        from_=exp.From(
            this=exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("=side", quoted=True)))
        ),
    )


def _qualified(made: exp.Select, columns: Sequence[str] | Columns) -> exp.Select:
    """QUALIFY as a condition on a query around, which every version of Spark has."""
    clause = made.args.pop("with_", None)
    outer = exp.Select(
        expressions=[exp.column(name, quoted=True) for name in columns],
        from_=exp.From(
            this=exp.Subquery(this=made, alias=exp.TableAlias(this=exp.to_identifier("=kept", quoted=True)))
        ),
        where=exp.Where(this=exp.column(_KEEPS, quoted=True)),
    )
    if clause is not None:
        outer.set("with_", clause)
    return outer
