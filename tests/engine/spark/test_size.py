"""What is written for Spark is no longer than it has to be: long expressions take seconds to be made into code."""

import pytest
from sqlglot import exp

from datalinx.engine.compile.spark import lower, spark_text
from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.casts import cast_from
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.sql import sql

VALUE = exp.column("v", quoted=True)


def written(tree: exp.Expr) -> str:
    return spark_text(lower(tree, types=lambda column: "VARCHAR"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2024-01-31", "DATE"),
        ("2024-01-31 10:00:00.5", "TIMESTAMP"),
        ("0001-01-01 00:00:00+00", "TIMESTAMPTZ"),
        ("9999-12-31T23:59:59.999999Z", "TIMESTAMPTZ"),
    ],
)
def test_cast__of_a_moment_written_in_the_plan__is_one_cast(text: str, kind: str) -> None:
    tree = exp.TryCast(
        this=exp.Literal.string(text), to=exp.DataType.build(kind, dialect="duckdb"), safe=True
    )
    made = written(tree)
    assert made.startswith(f"TRY_CAST('{text}' AS ")
    assert made.count("(") == 1


@pytest.mark.parametrize("text", ["2024/01/31", "epoch", "2024-01-31 10:00+02", "2024-1-5", "2024-01-31 1:2"])
def test_cast__of_another_moment_written_in_the_plan__tries_what_duckdb_reads(text: str) -> None:
    tree = exp.TryCast(
        this=exp.Literal.string(text), to=exp.DataType.build("TIMESTAMPTZ", dialect="duckdb"), safe=True
    )
    assert "epoch" in written(tree)


@pytest.mark.parametrize("name", ["date", "datetime", "timestamp"])
def test_cast__of_a_column_to_a_moment__names_no_part(name: str) -> None:
    """A part that has a name is interpreted row by row, and all of its layer with it."""
    made = written(cast_from(VALUE, "VARCHAR", BASE_TYPES[name].resolve()))
    assert "transform(" not in made.lower()
    assert len(made) < 6_000


def test_lower__of_a_large_text__writes_it_once() -> None:
    large = sql(
        "regexp_replace(trim(coalesce(:v, 'x'), ' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288) "
        "|| chr(8203) || chr(65279) || 'abc'), '[a-z]+', 'b', 'g')",
        v=VALUE,
    )
    made = written(exp.Anonymous(this="lower", expressions=[large])).lower()
    assert made.count("regexp_replace(") == 1
    assert "transform(" not in made


def test_email__in_its_normal_form__names_no_part() -> None:
    semantic = TypeRegistry().semantic("hashed_email")
    assert semantic is not None
    # The library's answers are steps of their own where a mapping is run.
    calls = ("domain_to_ascii",)
    tree = semantic.normalise(VALUE).transform(
        lambda node: exp.null() if isinstance(node, exp.Anonymous) and node.name in calls else node
    )
    assert "transform(" not in written(tree).lower()
