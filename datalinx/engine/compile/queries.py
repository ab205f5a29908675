"""The SQL of CTEs: one SELECT, rebuilt like an expression, over relations that the caller resolves."""

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import cast

from sqlglot import exp

from datalinx.engine.compile.functions import FUNCTIONS, Function
from datalinx.engine.compile.names import Scope
from datalinx.engine.compile.parsing import not_allowed, parse_one
from datalinx.engine.compile.plan import InputShape
from datalinx.engine.compile.rebuild import RULES, Node, Rebuilder, Rule

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
_BOUNDS = ("UNBOUNDED", "CURRENT ROW")

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


def rebuild_query(text: str, resolve: Resolve) -> exp.Query:
    """Parse and rebuild the SQL of a CTE; raise `Invalid` as `rebuild_expression` does."""
    rebuilder = QueryRebuilder(text, resolve)
    try:
        return rebuilder.query(parse_query(text))
    except RecursionError:
        raise not_allowed("The query is nested too deeply; make two CTEs of it.") from None


class QueryRebuilder(Rebuilder):
    """Rebuilds queries. Columns are left to DuckDB's binder, which knows the scopes of SQL; tables are not."""

    catches_errors = False

    def __init__(self, text: str, resolve: Resolve) -> None:
        super().__init__(text, Scope({}), aggregates=True)
        self.rules = _RULES
        self._resolve = resolve
        self._own: list[str] = []

    def column(self, node: exp.Column) -> Node:
        """A column by name, or by the alias of its table and name."""
        parts = [part.name for part in node.parts]
        if isinstance(node.this, exp.Star):
            return Node(
                exp.Column(this=self.rebuild(node.this).tree, table=exp.to_identifier(parts[0], quoted=True))
            )
        if len(parts) > 2:
            raise self.refusal("Write a column as `alias.name`.", node)
        return Node(exp.column(parts[-1], table=parts[0] if len(parts) == 2 else None, quoted=True))

    def aggregate(self, tree: exp.Expr, failures: tuple[exp.Expr, ...]) -> Node:
        """An aggregate stays where it is."""
        return Node(tree)

    def query(self, node: exp.Expr) -> exp.Query:
        """A SELECT, a set operation or one of these in parentheses."""
        own = list(self._own)
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
            self._own = own

    def _select(self, node: exp.Select) -> exp.Select:
        self._only(
            node,
            *("expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify"),
            *("order", "limit", "offset", "with_"),
        )
        made = exp.Select()
        self._with(node, made)
        made.set("expressions", [self._projection(entry) for entry in node.expressions])
        if (distinct := node.args.get("distinct")) is not None:
            self._only(distinct)
            made.set("distinct", exp.Distinct())
        if (source := node.args.get("from_")) is not None:
            made.set("from_", exp.From(this=self._relation(source.this)))
        made.set("joins", [self._join(join) for join in node.args.get("joins") or []])
        for name, kind in (("where", exp.Where), ("having", exp.Having), ("qualify", exp.Qualify)):
            if (clause := node.args.get(name)) is not None:
                made.set(name, kind(this=self.rebuild(clause.this).tree))
        if (group := node.args.get("group")) is not None:
            self._only(group, "expressions", "all")
            # The generator takes a given but false `all` for GROUP BY DISTINCT.
            every = {"all": True} if group.args.get("all") else {}
            made.set("group", exp.Group(expressions=self._all(group.expressions), **every))
        self._tail(node, made)
        return made

    def _set_operation(self, node: exp.Expr) -> exp.Query:
        self._only(node, "this", "expression", "distinct", "with_", "order", "limit", "offset")
        made = type(node)(distinct=bool(node.args.get("distinct")))
        self._with(node, made)
        made.set("this", self.query(node.this))
        made.set("expression", self.query(node.expression))
        self._tail(node, made)
        return cast("exp.Query", made)

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
            self._own.append(entry.alias.lower())
        made.set("with_", exp.With(expressions=entries))

    def _tail(self, node: exp.Expr, made: exp.Expr) -> None:
        if (order := node.args.get("order")) is not None:
            made.set("order", self._order(order))
        for name, kind in (("limit", exp.Limit), ("offset", exp.Offset)):
            if (clause := node.args.get(name)) is not None:
                self._only(clause, "expression")
                made.set(name, kind(expression=self._whole_number(clause.expression)))

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
        if not node.db and node.name.lower() in self._own:
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
        if parts := node.args.get("partition_by"):
            made.set("partition_by", self._all(parts))
        if (order := node.args.get("order")) is not None:
            made.set("order", self._order(order))
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
