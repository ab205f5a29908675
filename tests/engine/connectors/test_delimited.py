"""CSV and TSV: what becomes a row, what a value is, and what happens to a record that is neither."""

import csv
import gzip
import io

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.errors import Failed


def test_columns__of_a_csv__are_text_with_advice(make_source):
    source = make_source({"t.csv": "id,name,joined,ok\n1,Ann,2024-01-31,true\n2,Bob,2024-02-01,false\n"})
    table = source.table()
    assert [(c.name, c.type, c.detected_type) for c in table.columns] == [
        ("id", "VARCHAR", "BIGINT"),
        ("name", "VARCHAR", "VARCHAR"),
        ("joined", "VARCHAR", "DATE"),
        ("ok", "VARCHAR", "BOOLEAN"),
    ]
    assert table.rows == 2
    assert source.rows() == [("1", "Ann", "2024-01-31", "true"), ("2", "Bob", "2024-02-01", "false")]


def test_empty_field__unquoted__is_null_and_quoted_is_empty(make_source):
    assert make_source({"t.csv": 'a,b,c\n1,,""\n"",2,\n'}).rows() == [("1", None, ""), ("", "2", None)]


def test_values__of_a_csv__keep_zeros_spaces_and_line_ends(make_source):
    source = make_source({"t.csv": 'a,b\n007, x \n"l1\nl2","say ""hi"""\n1,"a\r\nb"\n'})
    assert source.rows() == [("007", " x "), ("l1\nl2", 'say "hi"'), ("1", "a\r\nb")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter__one_of_the_usual__is_told(make_source, delimiter, newline):
    lines = ["id", "full name", "amount"], ["1", "Ann", "1"], ["2", "Bob", "2"]
    text = newline.join(delimiter.join(line) for line in lines) + newline
    assert make_source({"t.csv": text}).rows() == [("1", "Ann", "1"), ("2", "Bob", "2")]


def test_delimiter__commas_in_the_values__do_not_fool(make_source):
    text = 'id;name;note\n1;"Doe, Ann";"a, b, c"\n2;"Roe, Bob";"d, e, f"\n'
    assert make_source({"t.csv": text}).rows()[0] == ("1", "Doe, Ann", "a, b, c")


def test_tsv__with_commas__is_cut_at_tabs(make_source):
    assert make_source({"t.tsv": "a\tb\n1,5\t2,5\n"}).rows() == [("1,5", "2,5")]


def test_options__of_a_table__win_over_what_is_told(make_source):
    options = {"path": "x.txt", "delimiter": "~", "quote": "'", "header": False, "skip": 1, "format": "csv"}
    source = make_source({"x.txt": "a report\n'1~2'~b\n"}, {"tables": {"t": options}})
    assert [c.name for c in source.table().columns] == ["column_1", "column_2"]
    assert source.rows() == [("1~2", "b")]


def test_quote__switched_off__leaves_quotes_in_the_values(make_source):
    source = make_source({"t.tsv": 'a\tb\n5" pipe\t"x\n'}, {"tables": {"t": {"quote": ""}}})
    assert source.rows() == [('5" pipe', '"x')]


def test_names__equal_or_missing__are_told_apart_with_a_notice(make_source):
    table = make_source({"t.csv": "id,ID,,id_2,Ünï\n1,2,3,4,5\n"}).table()
    assert [c.name for c in table.columns] == ["id", "ID_3", "column_3", "id_2", "Ünï"]
    assert len(table.notices) == 2


def test_bom__before_the_header__is_no_part_of_a_name(make_source):
    assert make_source({"t.csv": "\ufeffid,b\n1,2\n"}).table().columns[0].name == "id"


def test_locator__after_the_header__counts_from_one(make_source):
    source = make_source({"t.csv": 'a,b\n1,"x\ny"\n\n2,z\n'})
    assert source.locators() == ["t.csv:1", "t.csv:2"]


def test_header__missing__makes_the_first_record_number_one(make_source):
    source = make_source({"t.csv": "1,2\n3,4\n"})
    assert source.locators() == ["t.csv:1", "t.csv:2"]
    assert "without a header" in source.table().notices[0]


def test_ragged_records__are_kept_aside_with_their_place_and_text(make_source):
    source = make_source({"t.csv": "a,b\n1,2\n3\n4,5,6\n\n7,8\n"})
    table = source.table()
    assert (table.rows, table.malformed) == (2, 2)
    assert source.rows() == [("1", "2"), ("7", "8")]
    assert source.locators() == ["t.csv:1", "t.csv:4"]
    assert source.malformed() == [
        ("t.csv", 2, "3", "it has 1 field instead of 2"),
        ("t.csv", 3, "4,5,6", "it has 3 fields instead of 2"),
    ]


def test_numbering__is_free_only_where_the_number_is_the_place(make_source):
    contents = {"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1,é\n".encode("cp1252"), "c.csv": "x,y\n1,2\n3\n"}
    source = make_source(contents)
    assert [source.scan(name).numbering for name in "abc"] == ["serial", "free", "serial"]


def test_quote__never_closed__costs_its_own_record_alone(make_source):
    lines = [f"{number},value {number}" for number in range(2, 2000)]
    source = make_source({"t.csv": 'a,b\n1,"open\n' + "\n".join(lines) + "\n"})
    assert source.table().malformed == 1
    assert source.rows()[0] == ("2", "value 2")
    assert len(source.rows()) == 1998
    assert source.malformed()[0][:3] == ("t.csv", 1, '1,"open')


def test_text_after_a_quote__is_malformed_and_not_cut_off(make_source):
    source = make_source({"t.csv": 'a,b\n1,"x"y\n2,z\n'})
    assert source.rows() == [("2", "z")]
    assert source.malformed()[0][2] == '1,"x"y'


def test_record__longer_than_the_limit__is_malformed_and_the_rest_is_read(make_source):
    source = make_source({"t.csv": f"a,b\n1,{'x' * 50_000}\n2,y\n"}, record_bytes=20_000, sample_bytes=5_000)
    assert source.rows() == [("2", "y")]
    assert len(source.malformed()[0][2]) <= 2_000


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("after", ["", "2,y\n"])
def test_record__longer_than_a_buffer__is_malformed_wherever_it_stands(make_source, compress, after):
    text = f"a,b\n1,{'x' * 33_000_000}\n{after}0,z\n" if after else f"a,b\n0,z\n1,{'x' * 33_000_000}\n"
    source = make_source({"t.csv": compress(text.encode())})
    assert source.rows() == ([("2", "y")] if after else []) + [("0", "z")]
    assert source.table().malformed == 1


def test_line_ends__of_two_kinds__are_both_line_ends(make_source):
    assert make_source({"t.csv": "a,b\r\n1,2\n3,4\r\n5,6\n"}).rows() == [("1", "2"), ("3", "4"), ("5", "6")]


def test_empty_lines__before_the_header__are_passed_over(make_source):
    assert make_source({"t.csv": "\n\r\na,b\n1,2\n"}).rows() == [("1", "2")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encoding__by_bom_or_bytes__is_told(make_source, encoding):
    text = "id;name\n1;Zoë € Ñ\n2;plain\n"
    source = make_source({"t.csv": text.encode(encoding)})
    assert source.rows() == [("1", "Zoë € Ñ"), ("2", "plain")]
    assert source.locators() == ["t.csv:1", "t.csv:2"]


def test_encoding__latin_1_far_down_the_file__is_found(make_source):
    text = "id,name\n" + "1,ascii only\n" * 200_000 + "2,caf\u00e9\n"
    source = make_source({"t.csv": text.encode("latin-1")})
    assert source.rows()[-1] == ("2", "café")
    assert "Windows-1252" in source.table().notices[0]


def test_encoding__utf8_with_one_bad_record__stays_utf8(make_source):
    content = "id,name\n1,Zoë\n2,Ñandú\n".encode() + b"3,bad \xff byte\n4,ok\n"
    source = make_source({"t.csv": content})
    assert source.rows() == [("1", "Zoë"), ("2", "Ñandú"), ("4", "ok")]
    assert source.malformed()[0][1] == 3
    assert "UTF-8" in source.malformed()[0][3]


def test_encoding__said_and_wrong__fails_with_the_way_out(make_source):
    options = {"tables": {"t": {"encoding": "shift_jis"}}}
    problem = make_source({"t.csv": b"a,b\n1,\x81\n2,x\n"}, options).table().problem
    assert problem is not None
    assert problem.code == "FILE_ENCODING_MISMATCH"
    assert "encoding" in problem.message


def test_encoding__said__is_used(make_source):
    source = make_source(
        {"t.csv": "a,b\n1,\u0416\n".encode("koi8-r")}, {"tables": {"t": {"encoding": "koi8-r"}}}
    )
    assert source.rows() == [("1", "Ж")]


@pytest.mark.parametrize("compress", [gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)])
@pytest.mark.parametrize("content", ["a,b\n1,2\n", "a,b\n1,2\n3\n", "a,b\n1,2\n".encode("utf-16")])
def test_compressed__clean_or_not__reads_as_the_plain_file(make_source, compress, content):
    data = compress(content.encode() if isinstance(content, str) else content)
    ending = "gz" if data.startswith(b"\x1f\x8b") else "zst"
    assert make_source({f"t.csv.{ending}": data}).rows()[0] == ("1", "2")


def test_header__above_records_of_another_width__is_refused_with_advice(make_source):
    problem = make_source({"t.csv": "Sales report\na,b,c\n1,2,3\n4,5,6\n"}).table().problem
    assert problem is not None
    assert problem.code == "FILE_HEADER_MISMATCH"
    assert "skip" in problem.message


def test_preamble__named_by_skip__is_passed_over(make_source):
    source = make_source({"t.csv": "Sales report\n\na,b\n1,2\n"}, {"tables": {"t": {"skip": 1}}})
    assert source.rows() == [("1", "2")]


def test_header_alone__is_a_table_without_rows(make_source):
    table = make_source({"t.csv": "id,name\n"}).table()
    assert [c.name for c in table.columns] == ["id", "name"]
    assert table.rows == 0


def test_columns__more_than_the_limit__are_refused(make_source):
    wide = ",".join(f"c{number}" for number in range(10_000))
    problem = make_source({"t.csv": f"{wide}\n{wide}\n"}).table().problem
    assert problem is not None
    assert problem.code == "FILE_TOO_WIDE"


def test_delimiter_too_many__at_the_end_of_a_record__is_no_field(make_source):
    assert make_source({"t.csv": "a,b\n1,2,\n3,4,\n"}).rows() == [("1", "2"), ("3", "4")]


def test_scan__of_a_table_that_cannot_be_read__fails_with_the_code_of_its_problem(make_source):
    source = make_source({"t.csv": "Report\na,b,c\n1,2,3\n"})
    with pytest.raises(Failed) as caught:
        source.scan()
    assert caught.value.code == "FILE_HEADER_MISMATCH"
    assert "t.csv" in caught.value.message


# Any character but control characters: a file full of these is not taken for text.
FIELDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r"), max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(FIELDS, min_size=3, max_size=3), max_size=8), st.sampled_from(["utf-8", "utf-16"]))
def test_round_trip__of_any_text__gives_the_values_back(make_source, rows, encoding):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["a", "b", "c"], *rows])
    options = {"header": True, "delimiter": ","}
    source = make_source({"t.csv": stream.getvalue().encode(encoding)}, {"tables": {"t": options}})
    assert source.rows() == [tuple(row) for row in rows]
    assert source.table().malformed == 0


LINES = st.sampled_from(
    ["1,2", "3", "4,5,6", '"7","8"', '"9,10', "", 'x"y,z', '"a\nb",c', '"d"e,f', ",", '"",', "é,ü"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=12), st.booleans())
def test_records__whole_or_broken__are_each_counted_once_in_their_order(make_source, lines, windows):
    body = "\n".join(["a,b", "0,0", *lines])
    options = {"header": True, "delimiter": ","}
    source = make_source({"t.csv": body.encode("cp1252" if windows else "utf-8")}, {"tables": {"t": options}})
    numbers = [int(locator.split(":")[1]) for locator in source.locators()]
    broken = [row[1] for row in source.malformed()]
    assert sorted(numbers + broken) == list(range(1, len(numbers) + len(broken) + 1))
    assert numbers == sorted(numbers)
    assert source.rows()[0] == ("0", "0")


@pytest.mark.parametrize("inner", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("outer", ["\n", "\r\n", "\r"])
def test_line_ends__inside_the_header__are_not_those_of_the_file(make_source, inner, outer):
    text = outer.join([f'"a{inner}x",b', f'1,"p{inner}q"', "3,4", ""])
    source = make_source({"t.csv": text.encode()})
    assert source.table().columns[0].name == f"a{inner}x"
    assert source.rows() == [("1", f"p{inner}q"), ("3", "4")]
