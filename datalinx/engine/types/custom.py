"""An organization's own types: from their document to expressions, on top of those of the parent."""

from collections.abc import Iterator

from sqlglot import exp

from datalinx import errors
from datalinx.engine.spec.semantic_type import CustomTypeDocument
from datalinx.engine.types.base import BASE_TYPES, BaseName, BaseType
from datalinx.engine.types.casts import cast_from
from datalinx.engine.types.evaluation import VALUE, results
from datalinx.engine.types.semantic import Lowering, Parameters, SemanticType, hidden
from datalinx.engine.types.sql import all_of, full_match, look_up, one_of, read, sql, trimmed, when

_TEXTS = ("string", "text")
_ORDERED = ("integer", "bigint", "float", "double", "decimal", "date", "datetime", "timestamp", "time")


def build(document: CustomTypeDocument, parent: BaseType | SemanticType) -> SemanticType:
    """Return the type that a document describes, standing on its parent's check and normaliser."""
    inherited = parent if isinstance(parent, SemanticType) else None
    base = inherited.base if inherited else parent.name
    checker = _checker(document, inherited, BASE_TYPES[base])
    return SemanticType(
        name=document.name,
        parent=document.parent,
        base=BASE_TYPES[base].name,
        description=document.description,
        pii=document.pii or (inherited.pii if inherited else "none"),
        reason=document.reason,
        examples=document.examples,
        counter_examples=document.counter_examples,
        normalised=(),
        checker=checker,
        normaliser=_normaliser(document, inherited, BASE_TYPES[base], checker),
        masker=inherited.masker if inherited else hidden,
        parameters=inherited.parameters if inherited else Parameters,
        column_names=f"(^|_){document.name}(_|$)",
        weight=0.5,
        custom=True,
    )


def _checker(document: CustomTypeDocument, inherited: SemanticType | None, base: BaseType) -> Lowering:
    def check(value: exp.Expression, params: Parameters) -> exp.Expression:
        tests = [inherited.check(value, params)] if inherited else []
        tests += _own_tests(document, value, base)
        return all_of(*tests) if tests else sql(":v = :v", v=value)

    return check


def _own_tests(
    document: CustomTypeDocument, value: exp.Expression, base: BaseType
) -> Iterator[exp.Expression]:
    """The cheapest first."""
    if document.minimum is not None:
        yield sql(":v >= :bound", v=value, bound=_bound(document.minimum, base))
    if document.maximum is not None:
        yield sql(":v <= :bound", v=value, bound=_bound(document.maximum, base))
    if document.min_length is not None:
        yield sql("length(:v) >= :n", v=value, n=document.min_length)
    if document.max_length is not None:
        yield sql("length(:v) <= :n", v=value, n=document.max_length)
    if document.pattern is not None:
        yield full_match(value, document.pattern)
    if document.allowed_values is not None:
        yield full_match(value, one_of(frozenset(document.allowed_values)))


def _bound(bound: float | str, base: BaseType) -> exp.Expression:
    return cast_from(exp.Literal.string(str(bound)), "VARCHAR", base.resolve())


def _normaliser(
    document: CustomTypeDocument, inherited: SemanticType | None, base: BaseType, check: Lowering
) -> Lowering:
    def normalise(value: exp.Expression, params: Parameters) -> exp.Expression:
        if document.allowed_values is not None and document.ignore_case:
            listed = {entry.lower(): entry for entry in document.allowed_values}
            found = look_up(sql("lower(:v)", v=trimmed(value)), listed)
            return when((check(found, params), found))
        if inherited:
            normal = inherited.normalise(value, params)
        elif base.name in _TEXTS:
            return read(value, lambda text: check(text, params))
        else:
            normal = cast_from(value, "VARCHAR", base.resolve())
        return when((check(normal, params), normal))

    return normalise


def faults_on_parent(
    document: CustomTypeDocument, parent: BaseType | SemanticType
) -> Iterator[errors.FieldError]:
    """Yield a fault for each rule that a type of this parent cannot have, and for each example that lies."""
    base: BaseName = parent.base if isinstance(parent, SemanticType) else parent.name
    faults = [*_misplaced(document, base), *_wrong_bounds(document, base)]
    yield from faults or _wrong_examples(build(document, parent))


def _misplaced(document: CustomTypeDocument, base: BaseName) -> Iterator[errors.FieldError]:
    what = f"{document.parent} is a {base}" if document.parent != base else f"the parent is {base}"
    for name in ("pattern", "allowed_values", "min_length", "max_length"):
        if getattr(document, name) is not None and base not in _TEXTS:
            yield errors.FieldError(name, "not_for_parent", f"{name} is for texts, and {what}.")
    for name in ("minimum", "maximum"):
        if getattr(document, name) is not None and base not in _ORDERED:
            message = f"{name} is for numbers, dates and times, and {what}."
            yield errors.FieldError(name, "not_for_parent", message)


def _wrong_bounds(document: CustomTypeDocument, base: BaseName) -> Iterator[errors.FieldError]:
    if base not in _ORDERED:
        return
    given = {name: bound for name in ("minimum", "maximum") if (bound := getattr(document, name)) is not None}
    read_as = {name: _bound(bound, BASE_TYPES[base]) for name, bound in given.items()}
    for name, value in read_as.items():
        if results([value], [None]) == [(None,)]:
            message = (
                f"{given[name]} cannot be read as a {base}; numbers are plain, dates and times are ISO 8601."
            )
            yield errors.FieldError(name, "invalid_bound", message)
    if len(read_as) == 2 and results(
        [sql(":low > :high", low=read_as["minimum"], high=read_as["maximum"])], [None]
    ) == [(True,)]:
        yield errors.FieldError("minimum", "range_empty", "minimum is larger than maximum.")


def _wrong_examples(built: SemanticType) -> Iterator[errors.FieldError]:
    """Examples are promises: each is run."""
    stored = cast_from(VALUE, "VARCHAR", BASE_TYPES[built.base].resolve())
    passes = built.check(stored)
    for name, examples, expected in (
        ("examples", built.examples, True),
        ("counter_examples", built.counter_examples, False),
    ):
        for place, (found,) in enumerate(results([passes], examples)):
            if (found is True) is not expected:
                verb = "does not pass" if expected else "passes"
                message = f"`{examples[place]}` {verb} the rules of this type."
                yield errors.FieldError(f"{name}[{place}]", "wrong_example", message)
