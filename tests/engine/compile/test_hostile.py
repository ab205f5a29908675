"""Hostile expressions: nothing of them reaches the engine, and saying no to them costs little."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse

from datalinx.engine.compile.expressions import rebuild_expression
from datalinx.engine.compile.functions import FUNCTIONS
from datalinx.errors import Invalid
from tests.engine.compile.kit import CONTACTS, expression, faults_of, mapping, scope, table

STATEMENTS = [
    "c.mail; DROP TABLE people",
    "SELECT 1",
    "FROM c",
    "TABLE c",
    "VALUES (1)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "COPY people TO '/tmp/x.csv'",
    "ATTACH '/tmp/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA version",
    "SET threads = 64",
    "DELETE FROM people",
    "UPDATE people SET x = 1",
    "CREATE TABLE x AS SELECT 1",
    "EXPLAIN SELECT 1",
    "DESCRIBE people",
    "CALL pragma_version()",
    "EXPORT DATABASE '/tmp/x'",
    "1) UNION SELECT (1",
]
FUNCTIONS_REFUSED = [
    "read_csv('/etc/passwd')",
    "read_text('/etc/passwd')",
    "read_blob('/etc/passwd')",
    "read_parquet('s3://x')",
    "glob('/**')",
    "getenv('HOME')",
    "current_setting('threads')",
    "getvariable('x')",
    "query('select 1')",
    "query_table('people')",
    "range(1000000000)",
    "generate_series(1, 1000000000)",
    "list_resize([1], 1000000000)",
    "format('{:1000000000}', 1)",
    "printf('%1000000000d', 1)",
    "bar(1, 0, 10, 1000000000)",
    "nextval('s')",
    "pg_sleep(10)",
    "write_log('x')",
    "error('x')",
    "txid_current()",
    "COLUMNS(*)",
    "case when true then read_text('/etc/passwd') end",
    "coalesce(null, read_text('/etc/passwd'))",
    "\"read_text\"('/etc/passwd')",
    "main.read_text('/etc/passwd')",
    "system.main.read_text('/etc/passwd')",
    "c.mail.read_text()",
    "upper(x := read_text('/etc/passwd'))",
    "list_transform([1], x -> x)",
    "list_transform([1], lambda x: x)",
]
LOOK_ALIKES = [
    "ｕｐｐｅｒ(c.mail)",
    "uррer(c.mail)",
    "\u212bbs(c.age)",
    "\u0131f(true, 1, 2)",
    "ſum(c.age)",
    "c\u2024mail",
    "ｃ.mail",
    "c.ｍail",
    "upper\u200b(c.mail)",
    "upper(c.mail)\u037e select 1",
    "‘x’",
    "\ufeffselect 1",
]
BOMBS = [
    "repeat('a', 2000000000)",
    "repeat(repeat(c.mail, 1000), 1000)",
    "repeat(c.mail, c.age)",
    "lpad(c.mail, 2000000000, 'x')",
    "rpad(c.mail, c.age, 'x')",
    "lpad(repeat(c.mail, 1000), 1000, 'x') || repeat(lpad(c.mail, 1000, 'x'), 1000)",
    "replace(replace(c.mail, 'a', '" + "b" * 150 + "'), 'b', '" + "c" * 150 + "')",
    "regexp_replace(regexp_replace(c.mail, '', '" + "b" * 150 + "', 'g'), '', '" + "c" * 150 + "', 'g')",
    "regexp_matches(c.mail, '" + "(a+)+" * 300 + "')",
    "c.mail like '" + "%a" * 50 + "'",
    "1e999999999",
    "0." + "9" * 500,
]
DEEP = [
    "(" * 500 + "1" + ")" * 500,
    "(" * 500_000 + ")" * 500_000,
    "not " * 900 + "true",
    "-" * 5_000 + "1",
    "- " * 4_000 + "1",
    "case " * 1_000,
    "1" + "+1" * 300,
    "c.mail" + "||c.mail" * 900,
    "true" + " and true" * 900,
    "upper(" * 300 + "c.mail" + ")" * 300,
    "[" * 300 + "]" * 300,
    "{'a':" * 300 + "1" + "}" * 300,
    "c.age::int" + "::int" * 900,
    "c.age" + " in (1)" * 900,
    "if(true, " * 200 + "1" + ", 2)" * 200,
    "a." * 4_000 + "b",
    "x" * 1_000_000,
    "/*" * 4_000,
    "'" * 9_999,
    '"' * 9_999,
]


@pytest.mark.parametrize(
    "text", [*STATEMENTS, *FUNCTIONS_REFUSED, *LOOK_ALIKES, *BOMBS, *DEEP], ids=lambda text: text[:40]
)
def test_expression__hostile__is_refused_at_once(text: str) -> None:
    started = time.thread_time()

    with pytest.raises(Invalid) as caught:
        rebuild_expression(text, scope(), aggregates=True)

    assert time.thread_time() - started < 2
    assert caught.value.code in {
        "EXPRESSION_INVALID",
        "EXPRESSION_NOT_ALLOWED",
        "UNKNOWN_FUNCTION",
        "UNKNOWN_INPUT",
        "UNKNOWN_COLUMN",
    }
    # The sentence quotes the text in part at most.
    assert len(caught.value.message) < 1_000


def test_expression__a_megabyte_of_parentheses__takes_no_memory() -> None:
    text = "(" * 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            rebuild_expression(text, scope())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


@pytest.mark.parametrize(
    "text", ["c.mail || '$$select$$'", "'; DROP TABLE people; --'", "'/* '' */ {{ x }}'"]
)
def test_literal__that_looks_like_code__stays_a_literal(text: str) -> None:
    tree = rebuild_expression(text, scope()).tree
    again = parse(tree.sql(dialect="duckdb"), dialect="duckdb")

    assert len(again) == 1
    assert not list(again[0].find_all(exp.Query, exp.Command, exp.DDL))


def test_mapping__many_hostile_fields__each_is_named() -> None:
    columns = [f"f{number} string" for number in range(len(STATEMENTS))]
    document = mapping({f"f{number}": expression(text) for number, text in enumerate(STATEMENTS)})

    found = faults_of(document, table(*columns))

    assert {fault.field for fault in found} == {f"fields.f{number}" for number in range(len(STATEMENTS))}


WORDS = st.sampled_from(
    [
        *(
            "c.mail",
            "c.age",
            "c.active",
            '"',
            "'",
            "''",
            "(",
            ")",
            ",",
            ".",
            ";",
            "--",
            "/*",
            "*/",
            "*",
            "::",
        ),
        *("select", "from", "case", "when", "then", "end", "not", "null", "in", "is", "as", "over", "filter"),
        *("read_text", "upper", "lower", "count", "cast", "interval", "date", "1", "-", "||", "->", "[", "]"),
        *("{", "}", "{{", "{%", "$$", "$1", "?", ":", "@", "#1", "\\", "\n", "\x00", "é", "\u202e", "🦆"),
        *sorted(FUNCTIONS)[:40],
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=25).map(" ".join)))
def test_expression__any_text__is_refused_or_one_harmless_expression(text: str) -> None:
    try:
        rebuilt = rebuild_expression(text, scope(), aggregates=True)
    except Invalid:
        return

    trees = [rebuilt.tree, *(aggregate.tree for aggregate in rebuilt.aggregates)]
    for tree in trees:
        _assert_harmless(tree)
        # What is printed is read again as what was meant.
        _assert_harmless(parse(tree.sql(dialect="duckdb"), dialect="duckdb")[0])


def _assert_harmless(tree: exp.Expression | None) -> None:
    assert tree is not None
    assert not list(
        tree.find_all(exp.Query, exp.Table, exp.Command, exp.DDL, exp.DML, exp.Lambda, exp.Placeholder)
    )
    for call in tree.find_all(exp.Anonymous):
        known = {function.duckdb_name for function in FUNCTIONS.values()}
        # What our own lowering writes around an operation that may raise, and for some operators.
        known |= {"TRY", "list_value", "list_extract", "row", "date_part"}
        assert call.name.lower() in {name.lower() for name in known}
    for column in tree.find_all(exp.Column):
        assert column.table in {"c", ""}
        assert column.name in CONTACTS or column.name.startswith("aggregate ")
