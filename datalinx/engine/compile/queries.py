"""The SQL of CTEs: one SELECT, rebuilt like an expression, over relations that the caller resolves."""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.functions import FUNCTIONS, REFUSED, Function
from datalinx.engine.compile.names import Scope
from datalinx.engine.compile.parsing import not_allowed, parse_one
from datalinx.engine.compile.plan import InputShape, SourceColumn
from datalinx.engine.compile.rebuild import RULES, Node, Rebuilder, Rule
from datalinx.engine.lineage.sql import TIE

# The kinds of join that there are, as (method, side, kind).
_JOINS = {
    ("", "", ""),
    ("", "", "INNER"),
    *(("", side, kind) for side in ("LEFT", "RIGHT", "FULL") for kind in ("", "OUTER")),
    ("", "", "CROSS"),
    ("", "", "SEMI"),
    ("", "", "ANTI"),
}
_SET_OPERATIONS = (exp.Union, exp.Except, exp.Intersect)
_WINDOW_FUNCTIONS = {
    **{
        name: Function(name, 0, 0)
        for name in ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist")
    },
    **{name: Function(name, 1, 3) for name in ("lag", "lead")},
    **{name: Function(name, 1, 1) for name in ("first_value", "last_value", "ntile")},
}
# What these give depends on the order of the rows.
_IN_ORDER = frozenset({"row_number", "lag", "lead", "first_value", "last_value", "ntile"})
# Names that DuckDB takes for a function where no column has them.
_FUNCTION_NAMES = frozenset(REFUSED) | {
    *(
        "current_catalog",
        "current_role",
        "current_schema",
        "current_user",
        "session_user",
        "user",
        "localtime",
    ),
}
_BOUNDS = ("UNBOUNDED", "CURRENT ROW")

Describe = Callable[[exp.Query], Sequence[SourceColumn]]
"""The columns of a rebuilt query that stands alone."""

Resolve = Callable[[str | None, str], tuple[str, InputShape]]
"""From what stands in FROM, as (source or None, name), to a relation of the plan and its shape."""


def parse_query(text: str) -> exp.Query:
    """Parse the SQL of a CTE; raise `Invalid` when it is not one SELECT."""
    tree = parse_one(text)
    if not isinstance(tree, exp.Select | exp.Union | exp.Except | exp.Intersect):
        raise not_allowed("A CTE is one SELECT.")
    return tree


def tables_of(query: exp.Query) -> list[tuple[str | None, str]]:
    """What the query reads, as (source or None, name), without the names of its own WITH."""
    own = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    found = [
        (table.db or None, table.name)
        for table in query.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and (table.db or table.name.lower() not in own)
    ]
    return list(dict.fromkeys(found))


def rebuild_query(text: str, resolve: Resolve, describe: Describe) -> exp.Query:
    """Parse and rebuild the SQL of a CTE; raise `Invalid` as `rebuild_expression` does."""
    rebuilder = QueryRebuilder(text, resolve, describe)
    try:
        return rebuilder.query(parse_query(text))
    except RecursionError:
        raise not_allowed("The query is nested too deeply; make two CTEs of it.") from None


class QueryRebuilder(Rebuilder):
    """Rebuilds queries. Columns are left to DuckDB's binder, which knows the scopes of SQL; tables are not."""

    catches_errors = False

    def __init__(self, text: str, resolve: Resolve, describe: Describe) -> None:
        super().__init__(text, Scope({}), aggregates=True)
        self.rules = _RULES
        self._resolve = resolve
        self._describe = describe
        self._own: list[exp.CTE] = []
        # What makes the order of the rows of the SELECT under way total.
        self._ties: Callable[[], Sequence[exp.Expr]] = tuple

    def column(self, node: exp.Column) -> Node:
        """A column by name, or by the alias of its table and name."""
        parts = [part.name for part in node.parts]
        if isinstance(node.this, exp.Star):
            return Node(
                exp.Column(this=self.rebuild(node.this).tree, table=exp.to_identifier(parts[0], quoted=True))
            )
        if len(parts) > 2:
            raise self.refusal("Write a column as `alias.name`.", node)
        if len(parts) == 1 and parts[0].lower() in _FUNCTION_NAMES:
            name = parts[0][:60]
            message = (
                f"`{name}` alone is a function, which would give another value each time; write a column of "
            )
            raise self.refusal(f"{message}this name as `alias.{name}`.", node)
        return Node(exp.column(parts[-1], table=parts[0] if len(parts) == 2 else None, quoted=True))

    def aggregate(self, tree: exp.Expr, failures: tuple[exp.Expr, ...]) -> Node:
        """An aggregate stays where it is."""
        return Node(tree)

    def query(self, node: exp.Expr) -> exp.Query:
        """A SELECT, a set operation or one of these in parentheses."""
        own, ties = list(self._own), self._ties
        try:
            if isinstance(node, exp.Select):
                return self._select(node)
            if isinstance(node, exp.Subquery):
                self._only(node, "this")
                return exp.Subquery(this=self.query(node.this))
            if isinstance(node, _SET_OPERATIONS):
                return self._set_operation(node)
            raise self.refusal("Only SELECT can stand here.", node)
        finally:
            self._own, self._ties = own, ties

    def _select(self, node: exp.Select) -> exp.Select:
        self._only(
            node,
            *("expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify"),
            *("order", "limit", "offset", "with_"),
        )
        made = exp.Select()
        self._with(node, made)
        if (source := node.args.get("from_")) is not None:
            made.set("from_", exp.From(this=self._relation(source.this)))
        made.set("joins", [self._join(join) for join in node.args.get("joins") or []])
        self._ties = partial(self._ties_of, node, made)
        made.set("expressions", [self._projection(entry) for entry in node.expressions])
        if (distinct := node.args.get("distinct")) is not None:
            self._only(distinct)
            made.set("distinct", exp.Distinct())
        for name, kind in (("where", exp.Where), ("having", exp.Having), ("qualify", exp.Qualify)):
            if (clause := node.args.get(name)) is not None:
                made.set(name, kind(this=self.rebuild(clause.this).tree))
        if (group := node.args.get("group")) is not None:
            self._only(group, "expressions", "all")
            # The generator takes a given but false `all` for GROUP BY DISTINCT.
            every = {"all": True} if group.args.get("all") else {}
            made.set("group", exp.Group(expressions=self._all(group.expressions), **every))
        made.set("expressions", [self._named(place, made) for place in range(len(made.expressions))])
        self._tail(node, made)
        return made

    def _named(self, place: int, made: exp.Select) -> exp.Expr:
        """A column without a name under the name that DuckDB gives to it as its user wrote it."""
        entry: exp.Expr = made.expressions[place]
        if isinstance(entry, exp.Alias) or not any(
            term.meta.get(TIE) for term in entry.find_all(exp.Ordered)
        ):
            return entry
        written = made.copy()
        written.set("expressions", [_without_ties(each) for each in made.expressions[: place + 1]])
        return exp.alias_(entry, self._described(written, entry)[-1].name, quoted=True)

    def _set_operation(self, node: exp.Expr) -> exp.Query:
        self._only(node, "this", "expression", "distinct", "with_", "order", "limit", "offset")
        made = cast("exp.Query", type(node)(distinct=bool(node.args.get("distinct"))))
        self._with(node, made)
        made.set("this", self.query(node.this))
        made.set("expression", self.query(node.expression))
        self._tail(node, made)
        return made

    def _with(self, node: exp.Expr, made: exp.Expr) -> None:
        clause = node.args.get("with_")
        if clause is None:
            return
        self._only(clause, "expressions")
        entries = []
        for entry in clause.expressions:
            self._only(entry, "this", "alias", "materialized")
            self._only(entry.args["alias"], "this")
            alias = exp.TableAlias(this=exp.to_identifier(entry.alias, quoted=True))
            entries.append(exp.CTE(this=self.query(entry.this), alias=alias))
            self._own.append(entries[-1])
        made.set("with_", exp.With(expressions=entries))

    def _tail(self, node: exp.Expr, made: exp.Query) -> None:
        order = node.args.get("order")
        ordered = self._order(order) if order is not None else None
        if node.args.get("limit") is not None or node.args.get("offset") is not None:
            if ordered is None:
                message = "LIMIT and OFFSET need an ORDER BY: which rows come first is left open, so runs would differ."
                raise self.refusal(message, node)
            # Rows that are equal in every column are one and the same to whoever reads them.
            ordered.expressions.extend(self._places(made, node))
        if ordered is not None:
            made.set("order", ordered)
        for name, kind in (("limit", exp.Limit), ("offset", exp.Offset)):
            if (clause := node.args.get(name)) is not None:
                self._only(clause, "expression")
                made.set(name, kind(expression=self._whole_number(clause.expression)))

    def _ties_of(self, node: exp.Select, made: exp.Select) -> list[exp.Expr]:
        """What tells the rows of a SELECT apart: all columns that it reads, or what it groups by."""
        group = node.args.get("group")
        if group is None:
            joined = [join.this for join in made.args["joins"] if join.kind not in {"SEMI", "ANTI"}]
            relations = [*([made.args["from_"].this] if made.args.get("from_") else []), *joined]
            return [
                exp.column(column.name, table=relation.alias_or_name, quoted=True)
                for relation in relations
                for column in self._described(exp.select("*").from_(relation), node)
            ]
        if group.args.get("all"):
            raise self.refusal("Name the groups instead of ALL: a function OVER rows orders by them.", group)
        chosen = [
            node.expressions[int(each.name) - 1].unalias()
            if isinstance(each, exp.Literal)
            and each.name.isdecimal()
            and 0 < int(each.name) <= len(node.expressions)
            else each
            for each in group.expressions
        ]
        return [self.rebuild(each).tree for each in chosen]

    def _places(self, made: exp.Query, node: exp.Expr) -> list[exp.Ordered]:
        """Every column of a query by its place, as terms that make an order total."""
        columns = self._described(made, node)
        return [_tie(exp.Literal.number(place + 1)) for place in range(len(columns))]

    def _described(self, query: exp.Query, node: exp.Expr) -> Sequence[SourceColumn]:
        alone = query.copy()
        if self._own:
            alone.set("with_", exp.With(expressions=[entry.copy() for entry in self._own]))
        try:
            return self._describe(alone)
        except errors.Invalid as error:
            message = f"With LIMIT or OVER a query has to stand alone, and this one does not: {error.message}"
            raise self.refusal(message, node) from error

    def _order(self, node: exp.Expr) -> exp.Order:
        self._only(node, "expressions")
        terms = []
        for term in node.expressions:
            self._only(term, "this", "desc", "nulls_first")
            flags = {name: bool(term.args.get(name)) for name in ("desc", "nulls_first")}
            terms.append(exp.Ordered(this=self.rebuild(term.this).tree, **flags))
        return exp.Order(expressions=terms)

    def _projection(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Alias):
            return exp.alias_(self.rebuild(node.this).tree, node.alias, quoted=True)
        return self.rebuild(node).tree

    def _relation(self, node: exp.Expr) -> exp.Expr:
        alias = node.args.get("alias")
        if alias is not None:
            self._only(alias, "this")
        if isinstance(node, exp.Subquery):
            self._only(node, "this", "alias")
            return self.query(node.this).subquery(
                exp.to_identifier(node.alias or "query", quoted=True), copy=False
            )
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise self.refusal("In FROM stand tables, CTEs and sub-queries; no functions, no files.", node)
        self._only(node, "this", "db", "alias")
        name = exp.to_identifier(node.alias or node.name, quoted=True)
        if not node.db and node.name.lower() in {entry.alias.lower() for entry in self._own}:
            return exp.Table(this=exp.to_identifier(node.name, quoted=True), alias=exp.TableAlias(this=name))
        relation, shape = self._resolve(node.db or None, node.name)
        # The columns are listed, so that what a scan adds for itself is not part of `*`.
        columns = [exp.column(column.name, quoted=True) for column in shape.columns]
        return exp.select(*columns).from_(exp.table_(relation, quoted=True)).subquery(name, copy=False)

    def _join(self, node: exp.Join) -> exp.Join:
        self._only(node, "this", "side", "kind", "on", "using")
        if (node.method, node.side, node.kind) not in _JOINS:
            raise self.refusal("This kind of join is not possible.", node)
        made = exp.Join(this=self._relation(node.this), side=node.side or None, kind=node.kind or None)
        if (condition := node.args.get("on")) is not None:
            made.set("on", self.rebuild(condition).tree)
        if using := node.args.get("using"):
            made.set("using", [exp.to_identifier(name.name, quoted=True) for name in using])
        return made

    def _window(self, node: exp.Window) -> Node:
        self._only(node, "this", "partition_by", "order", "spec", "over")
        call = node.this
        if not isinstance(call, exp.Anonymous):
            raise self.refusal("Only a plain function takes OVER.", node)
        made = exp.Window(this=self._window_call(call), over="OVER")
        by_rows = node.args.get("spec") is not None and node.args["spec"].args.get("kind") != "RANGE"
        if node.args.get("order") is None and (by_rows or call.name.lower() in _IN_ORDER):
            message = (
                f"`{call.name.lower()[:60]}` needs an ORDER BY in its OVER: without one runs would differ."
            )
            raise self.refusal(message, node)
        if parts := node.args.get("partition_by"):
            made.set("partition_by", self._all(parts))
        if (order := node.args.get("order")) is not None:
            made.set("order", self._order(order))
            if by_rows or (node.args.get("spec") is None and call.name.lower() in _IN_ORDER):
                # Rows that are equal in all of this may change places without anybody's notice.
                made.args["order"].expressions.extend(_tie(tie) for tie in self._ties())
        if (spec := node.args.get("spec")) is not None:
            made.set("spec", self._frame(spec))
        return Node(made)

    def _window_call(self, call: exp.Anonymous) -> exp.Expr:
        name = call.name.lower()
        function = _WINDOW_FUNCTIONS.get(name)
        if function is None:
            known = FUNCTIONS.get(name)
            if known is None or not known.aggregate:
                raise self.refusal(f"`{call.name[:60]}` takes no OVER.", call)
            return self.rebuild(call).tree
        if not function.minimum <= len(call.expressions) <= (function.maximum or 0):
            raise self.refusal(f"`{name}` does not take {len(call.expressions)} arguments.", call)
        return exp.Anonymous(this=name, expressions=self._all(call.expressions))

    def _frame(self, node: exp.Expr) -> exp.WindowSpec:
        self._only(node, "kind", "start", "start_side", "end", "end_side")
        parts: dict[str, str | exp.Expr] = {
            name: str(node.args[name]).upper()
            for name in ("kind", "start_side", "end_side")
            if node.args.get(name)
        }
        for name in ("start", "end"):
            bound = node.args.get(name)
            if isinstance(bound, str) and bound.upper() in _BOUNDS:
                parts[name] = bound.upper()
            elif isinstance(bound, exp.Expr):
                parts[name] = self._whole_number(bound)
        allowed = {"ROWS", "RANGE", "GROUPS", "PRECEDING", "FOLLOWING", *_BOUNDS}
        if any(isinstance(part, str) and part not in allowed for part in parts.values()):
            raise self.refusal("This frame of a window is not possible.", node)
        return exp.WindowSpec(**parts)

    def _whole_number(self, node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Literal) or not node.name.isdecimal() or len(node.name) > 12:
            raise self.refusal("Here stands a whole number.", node)
        return exp.Literal(this=node.name, is_string=False)

    def _all(self, nodes: list[exp.Expr]) -> list[exp.Expr]:
        return [self.rebuild(node).tree for node in nodes]

    def _only(self, node: exp.Expr, *names: str) -> None:
        """Refuse a node that has more parts than those that its rule knows."""
        for name, value in node.args.items():
            if value and name not in names:
                raise self.refusal(
                    f"`{name.strip('_').replace('_', ' ').upper()}` is not possible here.", node
                )

    def _in(self, node: exp.In) -> Node:
        query = node.args.get("query")
        if query is None:
            return RULES[exp.In](self, node)
        self._only(node, "this", "query")
        inner = self.query(query.this if isinstance(query, exp.Subquery) else query)
        return Node(exp.In(this=self.rebuild(node.this).tree, query=exp.Subquery(this=inner)))

    def _exists(self, node: exp.Exists) -> Node:
        self._only(node, "this")
        return Node(exp.Exists(this=self.query(node.this)))

    def _scalar_query(self, node: exp.Subquery) -> Node:
        return Node(self.query(node))

    def _star(self, node: exp.Star) -> Node:
        if any(node.args.values()):
            raise self.refusal("`*` stands alone; name the columns instead of leaving some out.", node)
        return Node(exp.Star())


def _tie(value: exp.Expr) -> exp.Ordered:
    """A term of an order that nobody wrote, for the rows that are equal in what was."""
    term = exp.Ordered(this=value.copy())
    term.meta[TIE] = True
    return term


def _without_ties(tree: exp.Expr) -> exp.Expr:
    written = tree.copy()
    for order in written.find_all(exp.Order):
        order.set("expressions", [term for term in order.expressions if not term.meta.get(TIE)])
    return written


_RULES: Mapping[type[exp.Expr], Rule] = ChainMap(
    {
        exp.Window: QueryRebuilder._window,
        exp.In: QueryRebuilder._in,
        exp.Exists: QueryRebuilder._exists,
        exp.Subquery: QueryRebuilder._scalar_query,
        exp.Star: QueryRebuilder._star,
    },
    RULES,
)
