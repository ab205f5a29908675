"""The file connector as the platform meets it: test, discover, scan, preview."""

import json
import os

import pytest

from datalinx.engine.connectors import get_reader, list_connectors
from datalinx.engine.connectors.base import SourceContext
from datalinx.errors import Failed, Invalid, NotFound

FILES = {"contacts.csv": "id,name\n1,Ann\n", "orders.jsonl": '{"id":1}\n', "broken.csv": ""}


def test_registry__by_name__gives_the_connector_or_says_which_there_are():
    assert get_reader("file").title == "Files"
    assert [connector.name for connector in list_connectors()] == ["file", "postgresql"]
    with pytest.raises(Invalid) as caught:
        get_reader("fax")
    assert caught.value.code == "UNKNOWN_CONNECTOR"
    assert "file" in caught.value.message


def test_schemas__of_every_connector__are_json_and_refuse_unknown_keys():
    for connector in list_connectors():
        for model in (connector.config_model, connector.credentials_model):
            schema = json.loads(json.dumps(model.model_json_schema()))
            assert schema["additionalProperties"] is False


def test_discovery__of_everything__names_tables_after_stems_and_keeps_problems_apart(make_source):
    tables = {table.name: table for table in make_source(FILES).discover()}
    assert list(tables) == ["broken", "contacts", "orders"]
    assert tables["contacts"].rows == 1
    assert tables["contacts"].files == ("contacts.csv",)
    assert tables["broken"].problem is not None
    assert tables["orders"].problem is None


def test_discovery__of_a_choice__covers_it_alone(make_source):
    source = make_source(FILES)
    assert [t.name for t in source.discover(mode="selected", tables=("orders",))] == ["orders"]
    assert [t.name for t in source.discover(mode="pattern", pattern="*o*")] == [
        "broken",
        "contacts",
        "orders",
    ]
    assert [t.name for t in source.discover(mode="pattern", pattern="c*")] == ["contacts"]
    with pytest.raises(NotFound) as caught:
        source.discover(mode="selected", tables=("nope",))
    assert caught.value.code == "TABLE_NOT_FOUND"


def test_table__of_several_files__is_one_with_locators_of_each(make_source):
    files = {
        "o-1.csv": "a,b\n1,2\n3,4\n",
        "o-2.csv": "a,b\n5,6\n7\n8,9\n",
        "o-3.csv": "a,c\n7,8\n",
        "x.csv": "z\n1\n",
    }
    source = make_source(files, {"tables": {"orders": {"path": "o-*.csv"}}})
    table = source.table("orders")
    assert (table.rows, table.malformed) == (5, 1)
    assert source.rows("orders") == [
        ("1", "2", None),
        ("3", "4", None),
        ("5", "6", None),
        ("8", "9", None),
        ("7", None, "8"),
    ]
    assert source.locators("orders") == ["o-1.csv:1", "o-1.csv:2", "o-2.csv:1", "o-2.csv:3", "o-3.csv:1"]
    assert any("o-3.csv lacks b" in notice for notice in table.notices)
    assert [t.name for t in source.discover()] == ["orders", "x"]


def test_table__of_many_like_files__numbers_each_from_one(make_source):
    files = {
        f"p/{number:03}.csv": "a\n" + "".join(f"{row}\n" for row in range(number % 4)) for number in range(40)
    }
    source = make_source(files, {"tables": {"t": {"path": "p/*.csv", "header": True}}})
    wanted = [f"p/{number:03}.csv:{row + 1}" for number in range(40) for row in range(number % 4)]
    assert source.locators() == wanted


def test_table__of_lines_in_several_files__widens_types(make_source):
    files = {"a.jsonl": '{"v":1}\n', "b.jsonl": '{"v":2.5}\n', "c.jsonl": '{"w":"x"}\n'}
    source = make_source(files, {"tables": {"t": {"path": "?.jsonl"}}})
    assert [(c.name, c.type) for c in source.table().columns] == [("v", "DOUBLE"), ("w", "VARCHAR")]
    assert source.rows() == [(1.0, None), (2.5, None), (None, "x")]


def test_names__of_two_files_for_one_table__are_a_problem_with_a_way_out(make_source):
    source = make_source({"t.csv": "a\n1\n", "sub/t.json": '[{"a":1}]'})
    problem = source.table().problem
    assert problem is not None
    assert problem.code == "TABLE_NAME_CLASH"
    with pytest.raises(Failed):
        source.scan()


def test_configuration__of_a_path__takes_only_what_fits(make_source):
    source = make_source({"a.csv": "x\n1\n", "b.tsv": "x\n1\n"}, {"path": "*.csv"})
    assert [t.name for t in source.discover()] == ["a"]


def test_table__without_a_file__is_a_problem(make_source):
    source = make_source({}, {"tables": {"t": {"path": "t-*.csv"}}})
    assert source.table().problem.code == "FILE_NOT_FOUND"


def test_table__unknown__is_not_found_with_those_that_are(make_source):
    with pytest.raises(NotFound) as caught:
        make_source({"a.csv": "x\n1\n"}).scan("b")
    assert "a" in caught.value.message


def test_fingerprint__of_a_table__follows_its_content(make_source):
    source = make_source({"t.csv": "a\n1\n"})
    first = source.table().fingerprint
    source.put("t.csv", "a\n1\n")
    assert source.table().fingerprint == first
    source.put("t.csv", "a\n2\n")
    assert source.table().fingerprint != first
    assert source.scan().fingerprint == source.table().fingerprint


def test_preview__of_a_table__is_bounded_and_json_safe(make_source):
    source = make_source({"t.jsonl": "".join(f'{{"n":{2**60 + n},"x":1.5}}\n' for n in range(30))})
    sample = source.preview(limit=10)
    assert len(sample.rows) == 10
    assert sample.truncated
    assert sample.rows[0] == (str(2**60), 1.5)
    json.dumps(sample.rows)
    assert not source.preview(limit=30).truncated


@pytest.mark.parametrize(
    ("files", "config", "steps"),
    [
        ({"t.csv": "a\n1\n"}, {}, [True, True, True, True]),
        ({}, {}, [True, True, True, True]),
        ({"t.csv": ""}, {}, [True, True, True, False]),
        ({}, {"tables": {"t": {}}}, [True, True, True, False]),
        ({}, {"path": "/etc/*"}, [True, True, False]),
    ],
)
def test_steps__of_a_test__stop_at_the_first_that_fails(make_source, files, config, steps):
    source = make_source(files, config)
    found = source.connector.test(source.context)
    assert [step.passed for step in found] == steps
    assert [step.name for step in found] == ["network", "authentication", "access", "tables"][: len(steps)]
    assert all(step.message for step in found)


def test_steps__of_a_source_without_an_area__pass():
    assert all(step.passed for step in get_reader("file").test(SourceContext({})))


def test_facts__of_a_file__are_kept_and_made_anew_when_it_changes(make_source, monkeypatch):
    source = make_source({"t.csv": "a,b\n1,2\n3\n"})
    assert source.rows() == [("1", "2")]
    kept = sorted(path.name.split(".", 1)[1] for path in (source.area / ".facts").iterdir())
    assert kept == ["clean.csv", "json", "rejects.parquet"]

    def refuse(*_):
        raise AssertionError("the file was read a second time")

    with monkeypatch.context() as patch:
        patch.setattr("datalinx.engine.connectors.file.connector._inspect", refuse)
        assert source.rows() == [("1", "2")]
    source.put("t.csv", "a,b\n5,6\n")
    assert source.rows() == [("5", "6")]


def test_facts__of_older_versions__are_forgotten_but_the_last(make_source):
    source = make_source({})
    for number in range(6):
        path = source.put("t.csv", f"a,b\n{number},2\n3\n")
        os.utime(path, ns=(number, number))
        source.table()
    assert len(list((source.area / ".facts").glob("*.json"))) == 2


def test_facts__that_are_damaged__are_made_anew(make_source):
    source = make_source({"t.csv": "a,b\n1,2\n3\n"})
    source.table()
    for path in (source.area / ".facts").iterdir():
        path.write_bytes(b"damaged") if path.suffix == ".json" else path.unlink()
    assert source.rows() == [("1", "2")]


def test_upload__put_in_place_of_a_file__does_not_disturb_who_reads(make_source):
    source = make_source({"t.csv": "a,b\n1,2\n3\n"})
    scan = source.scan()
    source.put("t.csv", "a,b\n7,8\n9\n")
    assert source.rows() == [("7", "8")]
    assert source.run(scan.sql, scan) == [("1", "2")]
