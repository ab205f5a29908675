"""JSON and JSON lines: objects become rows, keys become columns, and nothing is lost or rounded on the way."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LINES = (
    '{"id":1,"name":"Ann","ok":true,"tags":["a"],"at":"2024-01-31"}\n{"id":2,"score":1.5,"tags":{"k":null}}\n'
)


def types_of(table):
    return {column.name: column.type for column in table.columns}


def test_lines__of_objects__become_typed_rows(make_source):
    source = make_source({"t.jsonl": LINES})
    assert types_of(source.table()) == {
        "id": "BIGINT",
        "name": "VARCHAR",
        "ok": "BOOLEAN",
        "tags": "JSON",
        "at": "VARCHAR",
        "score": "DOUBLE",
    }
    assert source.rows() == [
        (1, "Ann", True, '["a"]', "2024-01-31", None),
        (2, None, None, '{"k":null}', None, 1.5),
    ]
    assert source.locators() == ["t.jsonl:1", "t.jsonl:2"]


def test_texts__that_look_like_dates__stay_text_with_advice(make_source):
    column = next(c for c in make_source({"t.jsonl": LINES}).table().columns if c.name == "at")
    assert (column.type, column.detected_type) == ("VARCHAR", "DATE")


@pytest.mark.parametrize(
    "content",
    [
        '[{"id":1},{"id":2}]',
        '[\n  {\n    "id": 1\n  },\n  {"id": 2}\n]\n',
        '\ufeff[{"id":1},{"id":2}]',
        '{\n "id": 1\n}\n{\n "id": 2\n}\n',
        '{"id":1}\n\n{"id":2}',
        '\ufeff{"id":1}\n{"id":2}\n',
    ],
)
def test_json__in_any_layout__is_read_by_its_content(make_source, content):
    source = make_source({"t.json": content})
    assert source.rows() == [(1,), (2,)]
    assert source.locators() == ["t.json:1", "t.json:2"]


def test_lines__compressed__are_read(make_source):
    assert make_source({"t.jsonl.gz": gzip.compress(LINES.encode(), mtime=0)}).table().rows == 2


@pytest.mark.parametrize(
    ("values", "kind", "rows"),
    [
        ('1 "x" true', "VARCHAR", ["1", "x", "true"]),
        ("1 2.5 null", "DOUBLE", [1.0, 2.5, None]),
        ('{"a":1} "x" 1', "JSON", ['{"a":1}', '"x"', "1"]),
        ("9223372036854775807 1 2", "BIGINT", [9223372036854775807, 1, 2]),
        ("9223372036854775808 1 2", "VARCHAR", ["9223372036854775808", "1", "2"]),
        ("12345678901234567890123 1 2", "VARCHAR", ["12345678901234567890123", "1", "2"]),
        ("null null null", "VARCHAR", [None, None, None]),
    ],
)
def test_key__of_several_kinds__takes_a_type_that_holds_them_all(make_source, values, kind, rows):
    lines = "\n".join(f'{{"id":{place},"v":{value}}}' for place, value in enumerate(values.split()))
    source = make_source({"t.jsonl": lines})
    assert types_of(source.table())["v"] == kind
    assert [row[1] for row in source.rows()] == rows


def test_key__that_comes_late__is_a_column_too(make_source):
    lines = '{"a":1}\n' * 30_000 + '{"a":1,"late":"x"}\n'
    source = make_source({"t.jsonl": lines})
    assert source.rows()[-1] == (1, "x")


def test_keys__that_sql_takes_for_one__are_told_apart(make_source):
    source = make_source({"t.jsonl": '{"id":1,"ID":"x","":{"a":1},"a/b~c":2}\n{"id":null,"":null}\n'})
    assert [c.name for c in source.table().columns] == ["id", "ID_2", "column_3", "a/b~c"]
    assert source.rows() == [(1, "x", '{"a":1}', 2), (None, None, None, None)]


def test_lines__that_are_no_objects__are_kept_aside(make_source):
    source = make_source({"t.jsonl": '{"a":1}\nnot json\n\n[1]\n{"a":2}\n{"a":NaN}\n'})
    assert source.rows() == [(1,), (2,)]
    assert source.locators() == ["t.jsonl:1", "t.jsonl:4"]
    assert [row[1:3] for row in source.malformed()] == [(2, "not json"), (3, "[1]"), (5, '{"a":NaN}')]


@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
@pytest.mark.parametrize("other", ["b", "ID"])
def test_object__with_a_key_twice__is_kept_aside_and_the_rest_is_read(make_source, name, other):
    lines = [f'{{"id":1,"{other}":2}}', '{"id":3,"id":4}', f'{{"id":5,"{other}":{{"a":1,"a":2}}}}']
    content = "\n".join(lines) if name == "t.jsonl" else f"[{','.join(lines)}]"
    source = make_source({name: content})
    assert [row[0] for row in source.rows()] == [1, 5]
    assert source.locators() == [f"{name}:1", f"{name}:3"]
    assert [row[1:] for row in source.malformed()] == [(2, lines[1], "it has the key 'id' twice")]


def test_key__named_as_the_number_of_a_record__stays_data(make_source):
    source = make_source({"t.jsonl": '{"__record":"x","a":1}\nbroken\n{"__record":"y","a":2}\n'})
    assert [c.name for c in source.table().columns] == ["__record_2", "a"]
    assert source.rows() == [("x", 1), ("y", 2)]
    assert source.locators() == ["t.jsonl:1", "t.jsonl:3"]


def test_array__with_an_element_that_is_no_object__keeps_it_aside(make_source):
    source = make_source({"t.json": '[{"a":1},\n{"a":2,\n"b":"x"},7]'})
    assert source.rows() == [(1, None), (2, "x")]
    assert source.malformed() == [("t.json", 3, "7", "it is not an object")]


@pytest.mark.parametrize("depth", [101, 5_000, 200_000])
@pytest.mark.parametrize("form", ["[{}]", "{}"])
def test_record__nested_too_deep__is_malformed_and_harmless(make_source, depth, form):
    deep = '{"a":' + "[" * depth + "]" * depth + "}"
    name = "t.json" if form == "[{}]" else "t.jsonl"
    shallow = '{"a":1}'
    content = f"[{deep},{shallow}]" if form == "[{}]" else f"{deep}\n{shallow}\n"
    source = make_source({name: content})
    assert source.rows() == [(1,)]
    assert "deeper" in source.malformed()[0][3]


def test_brackets__in_texts__are_no_nesting(make_source):
    source = make_source({"t.jsonl": json.dumps({"a": "[" * 500 + '\\"{'}) + "\n"})
    assert source.table().malformed == 0


@pytest.mark.parametrize(
    "content", ['[{"a":1},{"a"', '[{"a":1},', '[{"a":1}', '[{"a":1}] x', '[{"a":1} {"a":2}]']
)
def test_array__that_breaks_off_or_goes_on__is_refused_as_a_whole(make_source, content):
    problem = make_source({"t.json": content}).table().problem
    assert problem is not None
    assert problem.code == "FILE_UNREADABLE"
    assert "t.json" in problem.message


@pytest.mark.parametrize(
    ("content", "code"), [("[]", "FILE_EMPTY"), ("[1,2]", "FILE_UNREADABLE"), ("{}", "FILE_EMPTY")]
)
def test_json__without_a_row__says_so(make_source, content, code):
    problem = make_source({"t.json": content}).table().problem
    assert problem is not None
    assert problem.code == code


def test_json__in_another_encoding__is_refused_with_the_way_out(make_source):
    problem = make_source({"t.json": '[{"a":"é"}]'.encode("utf-16")}).table().problem
    assert problem is not None
    assert problem.code == "FILE_ENCODING_MISMATCH"


def test_keys__more_than_the_limit__are_refused(make_source):
    line = json.dumps({f"k{number}": 1 for number in range(10_000)})
    problem = make_source({"t.jsonl": line}).table().problem
    assert problem is not None
    assert problem.code == "FILE_TOO_WIDE"


def test_line__longer_than_the_limit__is_malformed_and_the_rest_is_read(make_source):
    long = json.dumps({"a": "x" * 200_000})
    source = make_source({"t.jsonl": f'{long}\n{{"a":"y"}}\n'}, record_bytes=10_000)
    assert source.rows() == [("y",)]
    assert source.malformed()[0][1] == 1


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.lists(st.integers(0, 9), max_size=2),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "b", "C d"]), VALUES, min_size=1), min_size=1, max_size=6)
)
def test_values__of_any_kind__come_back_as_they_were(make_source, records):
    source = make_source({"t.jsonl": "\n".join(json.dumps(record) for record in records)})
    kinds = types_of(source.table())
    names = list(kinds)
    for record, row in zip(records, source.rows(), strict=True):
        for name, value in zip(names, row, strict=True):
            wanted = record.get(name)
            if wanted is None:
                # A JSON null is no value, whatever the type of the column.
                assert value is None
            elif kinds[name] == "JSON":
                assert json.loads(value) == wanted
            elif kinds[name] == "VARCHAR" and not isinstance(wanted, str):
                assert value == json.dumps(wanted)
            else:
                assert value == wanted
