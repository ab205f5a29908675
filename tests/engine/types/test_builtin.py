"""The facts of every built-in semantic type, executed."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from datalinx import errors
from datalinx.engine.types.base import BASE_TYPES, PII_CLASSES
from datalinx.engine.types.builtin import BUILT_IN
from datalinx.engine.types.casts import cast_from
from datalinx.engine.types.semantic import Parameters, SemanticType
from tests.engine.types.evaluation import VALUE, Evaluate

ALL = pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.name)

# Parameters under which a type reads more than it does by itself.
PARAMETERS: dict[str, list[dict[str, object]]] = {
    "phone_number": [
        {"default_region": region} for region in ("GB", "US", "DE", "IT", "AR", "BB", "RU", "HU", "AU")
    ],
    "amount": [{"locale": locale} for locale in ("de_DE", "fr_FR", "en_IN", "de_CH")],
    "currency": [{"dollar": "CAD"}],
    "percentage": [{"minimum": -50, "maximum": "200.5", "locale": "de_DE"}],
    "url": [{"default_scheme": "https"}],
    "region": [{"country": "US"}, {"country": "FR"}],
    "postal_code": [
        {"country": country} for country in ("GB", "US", "NL", "DE", "CA", "ZZ") if country != "ZZ"
    ],
    "birth_date": [{"formats": ["%d/%m/%Y", "%Y%m%d"], "minimum": "1950-01-01", "maximum": "2020-12-31"}],
}


def stored(kind: SemanticType) -> Any:
    """The value as a column of the type's base would hold it."""
    return cast_from(VALUE, "VARCHAR", BASE_TYPES[kind.base].resolve())


def as_text(kind: SemanticType, value: Any) -> Any:
    return cast_from(value, kind.stored_as, BASE_TYPES["string"].resolve())


@ALL
def test_semantic_type__its_examples__pass_the_check(kind: SemanticType, evaluate: Evaluate) -> None:
    found = evaluate(kind.check(stored(kind)), kind.examples)
    assert dict(zip(kind.examples, found, strict=True)) == dict.fromkeys(kind.examples, True)


@ALL
def test_semantic_type__its_counter_examples__fail_check_and_normaliser(
    kind: SemanticType, evaluate: Evaluate
) -> None:
    passed = evaluate(kind.check(stored(kind)), kind.counter_examples)
    assert [example for example, ok in zip(kind.counter_examples, passed, strict=True) if ok] == []
    normal = evaluate(kind.normalise(VALUE), kind.counter_examples)
    assert dict(zip(kind.counter_examples, normal, strict=True)) == dict.fromkeys(kind.counter_examples)


@ALL
def test_semantic_type__its_normalised_pairs__are_what_it_makes(
    kind: SemanticType, evaluate: Evaluate
) -> None:
    raw = [pair[0] for pair in kind.normalised]
    wanted = evaluate(
        cast_from(VALUE, "VARCHAR", BASE_TYPES[kind.base].resolve()), [pair[1] for pair in kind.normalised]
    )
    assert raw
    assert evaluate(kind.normalise(VALUE), raw) == wanted


@ALL
def test_semantic_type__null__stays_null_everywhere(kind: SemanticType, evaluate: Evaluate) -> None:
    assert evaluate(kind.check(stored(kind)), [None]) == [None]
    assert evaluate(kind.normalise(VALUE), [None]) == [None]
    assert evaluate(kind.mask(stored(kind)), [None]) == [None]
    assert evaluate(kind.looks_like(VALUE), [None]) == [None]


@ALL
def test_semantic_type__normalise__gives_the_stored_type(kind: SemanticType, connection: Any) -> None:
    query = f"SELECT typeof({kind.normalise(VALUE).sql('duckdb')}) FROM (SELECT NULL::VARCHAR AS value) AS t"
    assert connection.execute(query).fetchall() == [(kind.stored_as,)]


@ALL
def test_semantic_type__mask__hides_the_value(kind: SemanticType, evaluate: Evaluate) -> None:
    masked = evaluate(kind.mask(stored(kind)), kind.examples)
    plain = evaluate(as_text(kind, stored(kind)), kind.examples)
    rounded = {"latitude", "longitude"}
    assert kind.name in rounded or not set(masked) & set(plain)
    assert all(isinstance(value, str) for value in masked)


@ALL
def test_semantic_type__facts__are_complete(kind: SemanticType) -> None:
    assert kind.description.endswith(".")
    assert kind.reason == f"invalid_{kind.name}"
    assert kind.pii in PII_CLASSES
    assert kind.parent in BASE_TYPES
    assert 0 <= kind.weight <= 1
    assert kind.examples
    assert kind.counter_examples


def _texts(kind: SemanticType) -> st.SearchStrategy[str]:
    """Texts that are often nearly right: the type's own facts with small damage, and noise."""
    seeds = [*kind.examples, *kind.counter_examples, *(raw for raw, _ in kind.normalised)]
    damage = st.tuples(
        st.sampled_from(seeds), st.integers(0, 40), st.text("0aA.-+ @:/é\u00a0,()%$", max_size=2)
    ).map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :])
    noise = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
    return st.one_of(st.sampled_from(seeds), damage, noise)


def _by_stages(
    kind: SemanticType, params: Parameters, evaluate: Evaluate, values: Sequence[object]
) -> tuple[exp.Expression, Sequence[object]]:
    """The last step of the normaliser, and what the steps before it make of the values, as a mapping runs it."""
    *stages, last = kind.stages or (kind.normalise,)
    for stage in stages:
        values = evaluate(stage(VALUE, params), values)
    return last(VALUE, params), values


@pytest.mark.parametrize("kind", [kind for kind in BUILT_IN if kind.stages], ids=lambda kind: kind.name)
def test_stages__of_a_normaliser__give_what_it_gives(kind: SemanticType, evaluate: Evaluate) -> None:
    values = [
        *kind.examples,
        *kind.counter_examples,
        *(raw for raw, _ in kind.normalised),
        " example.org/A ",
        None,
    ]
    for option in ({}, *PARAMETERS[kind.name]):
        params = kind.parse_parameters(option)
        last, staged = _by_stages(kind, params, evaluate, values)
        assert evaluate(last, staged) == evaluate(kind.normalise(VALUE, params), values)


@ALL
@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_normalise__any_text__passes_the_check_and_is_idempotent(
    kind: SemanticType, evaluate: Evaluate, data: st.DataObject
) -> None:
    values: Sequence[object] = data.draw(st.lists(_texts(kind), min_size=1, max_size=150))
    options = [{}, *PARAMETERS.get(kind.name, [])]
    params = kind.parse_parameters(data.draw(st.sampled_from(options)))
    normal, values = _by_stages(kind, params, evaluate, values)
    once = evaluate(as_text(kind, VALUE), values, of=normal)
    passed = evaluate(kind.check(VALUE, params), values, of=normal)
    assert passed == [None if text is None else True for text in once]
    # A written decimal or date is read again by any locale's rules only where they agree with plain ones.
    again = kind.parse_parameters({})
    if kind.base == "string":
        normal, staged = _by_stages(kind, params, evaluate, once)
        assert evaluate(normal, staged) == once
    elif params == again:
        assert evaluate(as_text(kind, VALUE), once, of=kind.normalise(VALUE)) == once


@ALL
def test_parameters__an_unknown_one__is_refused_with_its_name(kind: SemanticType) -> None:
    with pytest.raises(errors.Invalid) as refused:
        kind.parse_parameters({"no_such_thing": 1})
    assert refused.value.code == "UNKNOWN_FIELD"
    assert refused.value.errors[0].field == "no_such_thing"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("phone_number", {"default_region": "UK"}),
        ("phone_number", {"default_region": 44}),
        ("amount", {"locale": "xx_YY"}),
        ("amount", {"locale": ""}),
        ("currency", {"dollar": "USX"}),
        ("region", {"country": "England"}),
        ("url", {"default_scheme": "ftp"}),
        ("birth_date", {"maximum": "soon"}),
        ("birth_date", {"formats": ["%"]}),
        ("birth_date", {"formats": ["%d/%m/%Q"]}),
    ],
)
def test_parameters__a_wrong_value__is_refused_with_a_sentence(name: str, values: dict[str, object]) -> None:
    kind = next(kind for kind in BUILT_IN if kind.name == name)
    with pytest.raises(errors.Invalid) as refused:
        kind.parse_parameters(values)
    assert refused.value.code == "VALIDATION_ERROR"
    assert refused.value.errors[0].field.startswith(next(iter(values)))
    assert refused.value.message.endswith(".")


_HUGE = 1_000_000


@ALL
def test_semantic_type__nul_controls_and_huge_texts__never_raise(
    kind: SemanticType, evaluate: Evaluate
) -> None:
    seeds = [*kind.examples, *(raw for raw, _ in kind.normalised)]
    values = [
        *(f"{seed}\x00" for seed in seeds),
        *(f"\x00{seed}" for seed in seeds),
        *(seed[:1] + "\x00" + seed[1:] for seed in seeds),
        *(
            "\x00",
            "\x01\x02\x1b[0m",
            "\u202e\u2066",
            "\ufffe\uffff",
            "\U0010ffff" * 50,
            "'\"; DROP TABLE x; --",
        ),
    ]
    assert evaluate(kind.normalise(VALUE), ["1" * _HUGE, "é" * _HUGE, "ada@" + "ü" * _HUGE]) == [None] * 3
    normal = evaluate(kind.normalise(VALUE), values)
    checked = evaluate(kind.check(kind.normalise(VALUE)), values)
    assert checked == [None if value is None else True for value in normal]
    evaluate(kind.looks_like(VALUE), values)
    evaluate(kind.mask(stored(kind)), values)
