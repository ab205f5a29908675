"""Profiles: every figure against one worked out by hand."""

import json
from dataclasses import asdict

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.profile import Bin, TopValue, profile_relation
from datalinx.engine.profile.profiling import EXACT_ROWS
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import Failed


def column(profile, name):
    return next(each for each in profile.columns if each.name == name)


def csv_of(name, values):
    return f"{name},x\n" + "".join(f"{value},1\n" for value in values)


def test_counts__of_a_text_column__tell_nulls_from_empty_texts(profile_of):
    found = column(profile_of("t.csv", 'city,x\nRome,1\n,1\n"",1\nRome,1\nOslo,1\n'), "city")
    assert (found.nulls, found.empty, found.distinct, found.distinct_is_exact) == (1, 1, 3, True)
    assert (found.min, found.max) == ("", "Rome")
    assert (found.min_length, found.max_length, found.mean_length) == (0, 4, 3.0)
    assert found.top_values == (TopValue("Rome", 2), TopValue("", 1), TopValue("Oslo", 1))
    assert found.histogram == ()


def test_numbers__in_a_text_column__are_measured_as_numbers(profile_of):
    found = column(profile_of("t.csv", csv_of("age", [9, 10, 10, 30])), "age")
    assert (found.type, found.detected_type) == ("VARCHAR", "BIGINT")
    assert (found.min, found.max, found.mean) == (9, 30, 14.75)
    assert sum(each.count for each in found.histogram) == 4
    assert found.histogram[0] == Bin(9, 10.05, 3)
    assert found.histogram[-1].end == 30


def test_histogram__of_few_whole_numbers__has_a_bar_for_each(profile_of):
    found = column(profile_of("t.csv", csv_of("stars", [1, 1, 2, 5])), "stars")
    assert [(each.start, each.count) for each in found.histogram] == [(1, 2), (2, 1), (3, 0), (4, 0), (5, 1)]


def test_histogram__of_one_value__has_one_bar(profile_of):
    found = column(profile_of("t.csv", csv_of("n", [7, 7])), "n")
    assert found.histogram == (Bin(7, 7, 2),)


def test_dates__in_a_text_column__are_measured_as_dates(profile_of):
    found = column(profile_of("t.csv", csv_of("day", ["2024-01-31", "2023-12-01", ""])), "day")
    assert (found.detected_type, found.min, found.max, found.nulls) == ("DATE", "2023-12-01", "2024-01-31", 1)
    assert [found.histogram[0].count, found.histogram[-1].count] == [1, 1]
    assert found.histogram[0].start == "2023-12-01"


def test_values__not_of_the_detected_kind__take_no_part_in_bounds(profile_of):
    found = column(profile_of("t.csv", csv_of("n", [*range(3_000), "oops"])), "n")
    assert (found.detected_type, found.min, found.max, found.nulls) == ("BIGINT", 0, 2_999, 0)


def test_large_numbers__keep_their_digits(profile_of):
    found = column(profile_of("t.jsonl", f'{{"id":{2**62 + 1}}}\n{{"id":{2**62 + 3}}}\n'), "id")
    assert (found.min, found.max) == (str(2**62 + 1), str(2**62 + 3))


def test_semantic_type__that_fits_nearly_all__is_named(profile_of):
    rows = "".join(f"user{n}@example.com,word{n}\n" for n in range(50))
    profile = profile_of("t.csv", f"email,other\n{rows}")
    assert column(profile, "email").semantic_type == "email"
    assert column(profile, "email").semantic_types[0].share == 1.0
    assert column(profile, "other").semantic_type != "email"


def test_table__without_rows__has_empty_profiles(profile_of):
    profile = profile_of("t.csv", "a,b\n")
    assert (profile.rows, profile.sampled_rows) == (0, 0)
    assert [(each.nulls, each.distinct, each.min, each.top_values) for each in profile.columns] == [
        (0, 0, None, ()),
        (0, 0, None, ()),
    ]


def test_table__of_every_type__is_profiled_and_json_safe(profile_of, tmp_path):
    path = tmp_path / "made.bin"
    duckdb.execute(
        "COPY (SELECT i::BIGINT AS i, (i / 3)::DOUBLE AS d, (i * 1.5)::DECIMAL(18,2) AS m, i % 2 = 0 AS b, "
        "DATE '2024-01-01' + i::INTEGER AS day, TIMESTAMP '2024-01-01 10:00:00' + INTERVAL (i) HOUR AS at, "
        "epoch_ms(i * 1000)::TIMESTAMP::TIMESTAMPTZ AS z, TIME '10:00:00' AS t, gen_random_uuid() AS u, "
        "'x'::BLOB AS raw, {'a': i} AS nested, NULL::INTEGER AS nothing, "
        "CASE WHEN i < 2 THEN 'nan'::DOUBLE WHEN i < 4 THEN 'inf'::DOUBLE ELSE i END AS odd "
        f"FROM range(100) AS r(i)) TO '{path}' (FORMAT parquet)"
    )
    profile = profile_of("t.parquet", path.read_bytes())
    json.dumps(asdict(profile))
    assert (column(profile, "m").min, column(profile, "m").max) == ("0.00", "148.50")
    assert (column(profile, "day").min, column(profile, "day").max) == ("2024-01-01", "2024-04-09")
    assert column(profile, "at").min == "2024-01-01T10:00:00"
    assert column(profile, "z").min == "1970-01-01T00:00:00Z"
    assert {top.value: top.count for top in column(profile, "b").top_values} == {"true": 50, "false": 50}
    assert column(profile, "nothing").nulls == 100
    assert (column(profile, "odd").min, column(profile, "odd").max) == (4.0, 99.0)
    assert sum(bar.count for bar in column(profile, "odd").histogram) == 96
    assert column(profile, "nested").min is None


def test_wide_table__is_measured_in_groups(profile_of):
    names = [f"c{number}" for number in range(300)]
    profile = profile_of("t.csv", ",".join(names) + "\n" + ",".join(str(n) for n in range(300)) + "\n")
    assert [each.name for each in profile.columns] == names
    assert [each.max for each in profile.columns] == list(range(300))


def test_large_table__has_estimates_and_says_so(profile_of):
    rows = EXACT_ROWS + 1
    profile = profile_of("t.csv", csv_of("id", range(rows)))
    found = column(profile, "id")
    assert profile.rows == rows
    assert not found.distinct_is_exact
    assert found.distinct == pytest.approx(rows, rel=0.1)
    assert found.distinct <= rows


def test_names__with_quotes__are_profiled(profile_of):
    profile = profile_of("t.csv", '"say ""hi""",b\n1,2\n')
    assert profile.columns[0].name == 'say "hi"'


def test_relation__that_leaves_its_files__is_refused(tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    sql = f"SELECT * FROM read_csv('{tmp_path}/secret.csv')"
    with pytest.raises(Failed):
        profile_relation(sql, columns=[SourceColumn("a", "VARCHAR")], files=[])


class NoTypes(TypeRegistry):
    """A registry that finds nothing, for figures that do not depend on types."""

    def detect_columns(self, samples):
        return [[] for _ in samples]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.none(), st.integers(-50, 50)), min_size=1, max_size=40))
def test_figures__of_any_numbers__are_those_of_python(profile_of, values):
    lines = "".join(json.dumps({"k": 1, "v": value}) + "\n" for value in values)
    found = column(profile_of("t.jsonl", lines, types=NoTypes()), "v")
    known = [value for value in values if value is not None]
    assert found.nulls == len(values) - len(known)
    assert found.distinct == len(set(known))
    if known:
        assert (found.min, found.max) == (min(known), max(known))
        assert found.mean == pytest.approx(sum(known) / len(known))
        assert sum(each.count for each in found.histogram) == len(known)
        assert all(known.count(int(top.value)) == top.count for top in found.top_values)
