"""Calls of a library's functions in a plan: Spark has no library, so what it would ask is answered from here.

The argument of each call becomes a step, and the call one over it. Spark stages the rows and writes the arguments
down; where there are some that nobody answered yet, they are answered here and the rows staged again. Types ask for
few values or none, so most inputs are staged once.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.plan import CompiledField, CompiledMapping, Fault, Step
from datalinx.engine.execute.session import Session
from datalinx.engine.types import library

Answers = Mapping[tuple[str, str], str | None]
"""What the function of a name answers for a text."""

# They travel in the statement.
MAX_ANSWERS = 20_000


def with_questions(compiled: CompiledMapping) -> tuple[CompiledMapping, dict[str, str]]:
    """Return the plan with a step for the argument of each call, and the function by the name of that step."""
    if not any(library.calls_in(tree) for tree in _trees(compiled)):
        return compiled, {}
    steps: list[Step] = []
    asked: dict[str, str] = {}
    by_text: dict[str, exp.Column] = {}
    top = 3 * max((step.level for step in compiled.steps), default=0) + 3

    def lift(tree: exp.Expression, level: int) -> exp.Expression:
        """The expression with the answers' steps in place of calls, whose arguments are computed at a level."""
        root = tree.copy()
        for call in library.calls_in(root):
            argument = _where_reached(call)
            key = f"{level} {call.name} {argument.sql(dialect='duckdb')}"
            if key not in by_text:
                question = Step(f"=ask{len(asked)}", argument, level, "VARCHAR")
                answer = library.call(call.name, question.column)
                steps.extend((question, Step(f"=answer{len(asked)}", answer, level + 1, "VARCHAR")))
                asked[question.name] = call.name
                by_text[key] = steps[-1].column
            if call is root:
                return by_text[key].copy()
            call.replace(by_text[key].copy())
        return root

    for step in compiled.steps:
        calls = bool(library.calls_in(step.expression))
        tree = lift(step.expression, 3 * step.level)
        steps.append(replace(step, expression=tree, level=3 * step.level + (2 if calls else 0)))
    fields = tuple(_lifted(field, lambda tree: lift(tree, top)) for field in compiled.fields)
    return replace(compiled, steps=tuple(sorted(steps, key=lambda step: step.level)), fields=fields), asked


def answered(tree: exp.Expression, answers: Answers) -> exp.Expression:
    """Return an expression of Spark's with the answers that are known in place of calls."""

    def answer(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Anonymous) or node.name.lower() not in library.LIBRARY:
            return node
        name = node.name.lower()
        pairs = [(text, found) for (function, text), found in answers.items() if function == name and found]
        if not pairs:
            return exp.cast(exp.null(), "VARCHAR", dialect="duckdb")
        parts = [exp.Literal.string(part) for pair in pairs for part in pair]
        found = exp.Anonymous(this="map", expressions=parts)
        return exp.Anonymous(this="try_element_at", expressions=[found, node.expressions[0]])

    return tree.transform(answer)


def ask(session: Session, columns: Mapping[str, str], known: Answers) -> dict[tuple[str, str], str | None]:
    """Return the answers to what stands in columns of `staged` (function by column) and is not known yet."""
    new: dict[tuple[str, str], str | None] = {}
    for column, name in columns.items():
        rows = session.rows(
            f"SELECT DISTINCT {column} FROM staged WHERE {column} IS NOT NULL LIMIT {MAX_ANSWERS + 1}"
        )
        texts = [text for (text,) in rows if (name, text) not in known]
        new |= {(name, text): found for text, found in library.answers(name, texts).items()}
    if len(known) + len(new) > MAX_ANSWERS:
        message = (
            f"More than {MAX_ANSWERS:,} different values need what Spark does not have, such as international domain "
            "names; choose the engine duckdb."
        )
        raise errors.Failed("ENGINE_CANNOT", message)
    return new


def _where_reached(call: exp.Expr) -> exp.Expression:
    """The argument of a call, NULL where the cases around it lead elsewhere: only what matters is asked."""
    (argument,) = call.args["expressions"]
    found: exp.Expression = argument.copy()
    if library.calls_in(found):
        raise errors.Invalid(
            "ENGINE_CANNOT", "Spark cannot ask for the answer to an answer; choose the engine duckdb."
        )
    inner: exp.Expr = call
    while inner.parent is not None:
        outer = inner.parent
        if isinstance(outer, exp.Case) and not any(library.calls_in(each.this) for each in outer.args["ifs"]):
            branches = [
                exp.If(this=each.this.copy(), true=found if each is inner else exp.null())
                for each in outer.args["ifs"]
            ]
            found = exp.Case(ifs=branches, default=found if outer.args.get("default") is inner else None)
        inner = outer
    return found


def _trees(compiled: CompiledMapping) -> list[exp.Expression]:
    trees = [step.expression for step in compiled.steps]
    for field in compiled.fields:
        trees += [field.value, *(tree for fault in field.faults for tree in (fault.when, fault.shown))]
    return trees


def _lifted(field: CompiledField, lift: Callable[[exp.Expression], exp.Expression]) -> CompiledField:
    faults = tuple(
        Fault(fault.reason, lift(fault.when), lift(fault.shown), fault.message) for fault in field.faults
    )
    return replace(field, value=lift(field.value), faults=faults)
