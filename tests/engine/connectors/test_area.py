"""The area of a source: nothing outside it is ever listed, matched or read."""

import pytest

from datalinx.engine.connectors.base import Limits
from datalinx.engine.connectors.file.area import list_files, matches
from datalinx.engine.connectors.file.config import FileConfig
from datalinx.engine.spec.base import parse_document
from datalinx.errors import Failed, Invalid


def test_files__of_all_folders__are_listed_by_name(tmp_path):
    for name in ("b.csv", "sub/a.csv", "a.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [file.name for file in list_files(tmp_path, Limits())] == ["a.csv", "b.csv", "sub/a.csv"]


def test_links_and_hidden_files__are_not_listed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text("a\n1\n")
    area = tmp_path / "area"
    (area / ".hidden").mkdir(parents=True)
    (area / ".hidden" / "x.csv").touch()
    (area / ".upload-x.csv").touch()
    (area / "link.csv").symlink_to(outside / "secret.csv")
    (area / "folder").symlink_to(outside)
    assert list_files(area, Limits()) == []


def test_files__more_than_the_limit__are_refused(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.csv").touch()
    with pytest.raises(Failed) as caught:
        list_files(tmp_path, Limits(files=3))
    assert caught.value.code == "TOO_MANY_FILES"


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "sub/a.csv", False),
        ("sub/*.csv", "sub/a.csv", True),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "x/y/a.csv", True),
        ("**/*.csv", "x/y/a.json", False),
        ("x/**", "x/y/a.json", True),
        ("x/**", "z/a.json", False),
        ("a?.csv", "ab.csv", True),
        ("a?.csv", "abc.csv", False),
        ("a.csv", "A.csv", False),
        ("a+b.csv", "a+b.csv", True),
    ],
)
def test_pattern__of_a_path__stays_in_its_folders(pattern, name, fits):
    assert matches(pattern, name) is fits


def test_pattern__made_to_be_slow__still_answers():
    assert not matches("*a" * 40 + "b", "a" * 250)
    assert not matches("/".join(["**", "*a*a*"] * 15), "/".join(["a" * 20] * 30) + "/b")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x.csv", "a/../../x.csv", "a//b.csv", "./a.csv", "a\\b", "a\n"]
)
def test_path__that_leads_out__is_refused(path):
    for config in ({"path": path}, {"tables": {"t": {"path": path}}}):
        with pytest.raises(Invalid) as caught:
            parse_document(FileConfig, config)
        assert caught.value.code == "VALIDATION_ERROR"
        assert caught.value.errors[0].field.endswith("path")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"encoding": "zlib"}, "encoding"),
        ({"encoding": "no-such"}, "encoding"),
        ({"encoding": "unicode_escape"}, "encoding"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"delimiter": ",,"}, "delimiter"),
        ({"format": "excel"}, "format"),
        ({"skip": -1}, "skip"),
        ({"quote": "x"}, "quote"),
    ],
)
def test_option__that_cannot_be__is_refused_with_its_path(options, field):
    with pytest.raises(Invalid) as caught:
        parse_document(FileConfig, {"tables": {"t": options}})
    assert caught.value.errors[0].field == f"tables.t.{field}"


def test_option__unknown__is_refused():
    with pytest.raises(Invalid) as caught:
        parse_document(FileConfig, {"tables": {"t": {"headers": True}}})
    assert caught.value.code == "UNKNOWN_FIELD"
    assert caught.value.errors[0].field == "tables.t.headers"
