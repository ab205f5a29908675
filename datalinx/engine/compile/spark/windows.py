"""Window functions and queries within expressions."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.form import call, closed
from datalinx.engine.compile.spark.lowering import RULES, Lowered, Lowerer, function, rule
from datalinx.engine.compile.spark.operators import compared
from datalinx.engine.compile.spark.refusal import cannot


def _ranking(name: str, kind: str) -> None:
    @function(name)
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        return Lowered(call(name, *(each.tree for each in arguments)), kind)


for _name in ("row_number", "rank", "dense_rank", "ntile"):
    _ranking(_name, "BIGINT")
for _name in ("percent_rank", "cume_dist"):
    _ranking(_name, "DOUBLE")


@function("lag", "lead")
def _neighbour(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    kind = arguments[0].type
    values = [to.settled(arguments[0]).tree]
    if len(arguments) > 1:
        if arguments[1].literal is None:
            raise cannot(f"{node.name} by a computed distance", "Write the distance as a number.")
        values.append(arguments[1].tree)
    if len(arguments) > 2:
        values.append(to.settled(cast_to(to, arguments[2], kind)).tree)
    return Lowered(call(node.name.lower(), *values), kind)


@function("first_value", "last_value")
def _edge(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    return Lowered(call(node.name.lower(), to.settled(arguments[0]).tree), arguments[0].type)


@rule(exp.Window)
def _window(to: Lowerer, node: exp.Window) -> Lowered:
    call_ = to.lower(node.this)
    kind = call_.type
    tree: exp.Expr = call_.tree
    cast = None
    if isinstance(tree, exp.Cast) and isinstance(node.this, exp.Anonymous):
        # OVER belongs to the call within the cast.
        cast, tree = tree, tree.this
    if not isinstance(tree, exp.Anonymous | exp.Filter):
        raise cannot(f"{node.this.name} OVER", "Compute it in a CTE with GROUP BY and join that.")
    made = exp.Window(this=tree, over="OVER")
    if parts := node.args.get("partition_by"):
        made.set("partition_by", [to.settled(to.lower(part)).tree for part in parts])
    if (order := node.args.get("order")) is not None:
        made.set("order", exp.Order(expressions=[_term(to, term) for term in order.expressions]))
    if (spec := node.args.get("spec")) is not None:
        if spec.args.get("kind") == "GROUPS":
            raise cannot("a frame of GROUPS", "Use ROWS or RANGE.")
        made.set("spec", spec.copy())
    if kind in {"row_number", "rank", "dense_rank", "ntile"} or (kind == "BIGINT" and cast is None):
        return Lowered(exp.cast(made, "BIGINT"), kind)
    if cast is not None:
        cast = cast.copy()
        cast.set("this", made)
        return Lowered(cast, kind)
    return Lowered(made, kind)


def _term(to: Lowerer, term: exp.Ordered) -> exp.Ordered:
    value = to.settled(to.lower(term.this)).tree
    return exp.Ordered(
        this=value, desc=bool(term.args.get("desc")), nulls_first=bool(term.args.get("nulls_first"))
    )


@rule(exp.Subquery)
def _scalar(to: Lowerer, node: exp.Subquery) -> Lowered:
    made, columns = to.query(node.this)
    return Lowered(exp.Subquery(this=made), columns[0][1])


@rule(exp.Exists)
def _exists(to: Lowerer, node: exp.Exists) -> Lowered:
    made, _ = to.query(node.this)
    return Lowered(exp.Exists(this=made), "BOOLEAN")


_in_list = RULES[exp.In]


@rule(exp.In)
def _in(to: Lowerer, node: exp.In) -> Lowered:
    query = node.args.get("query")
    if query is None:
        return _in_list(to, node)
    made, columns = to.query(query.this if isinstance(query, exp.Subquery) else query)
    value = to.lower(node.this)
    name, kind = columns[0]
    entry = Lowered(exp.column(name, quoted=True), kind)
    left, right = compared(to, [value, entry])
    if right.tree != entry.tree:
        made = exp.Select(
            expressions=[exp.alias_(right.tree, name, quoted=True)],
            from_=exp.From(
                this=exp.Subquery(this=made, alias=exp.TableAlias(this=exp.to_identifier("=in", quoted=True)))
            ),
        )
    return to.made(exp.In(this=closed(left.tree), query=exp.Subquery(this=made)), "BOOLEAN", left)
