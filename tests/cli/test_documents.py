"""Documents from files and stdin, JSON and YAML."""

import builtins
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.cli.document_files import as_yaml
from datalinx.cli.documents import read_document, read_documents, read_object
from datalinx.cli.refusal import Refusal

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=15,
)


def written(path: Path, text: str | bytes) -> str:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_document__in_yaml__has_the_values_that_are_written_there(tmp_path: Path) -> None:
    path = written(
        tmp_path / "m.yaml",
        "table_name: customers\ncountry: NO\nswitch: on\nat: 12:30\nsince: 2026-01-02\nzip: 01234\n"
        "rows: 10\nshare: 0.05\nbig: 1e3\nnothing:\nnull_too: null\nlive: true\ntext: '10'\nhex: 0x10\n",
    )
    assert read_document(path) == {
        "table_name": "customers",
        "country": "NO",
        "switch": "on",
        "at": "12:30",
        "since": "2026-01-02",
        "zip": "01234",
        "rows": 10,
        "share": 0.05,
        "big": 1000.0,
        "nothing": None,
        "null_too": None,
        "live": True,
        "text": "10",
        "hex": "0x10",
    }


def test_documents__of_several_files__come_in_their_order(tmp_path: Path) -> None:
    one = written(tmp_path / "a.json", '[{"name": "a"}, {"name": "b"}]')
    two = written(tmp_path / "b.yml", "name: c\n---\nname: d\n")
    assert [document["name"] for document in read_documents([one, two])] == ["a", "b", "c", "d"]


def test_document__with_a_byte_order_mark__is_read(tmp_path: Path) -> None:
    assert read_document(written(tmp_path / "a.json", b'\xef\xbb\xbf{"name": "a"}')) == {"name": "a"}


@given(value=st.dictionaries(st.text(), JSON))
def test_document__of_any_json__is_that_json(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any]
) -> None:
    import json

    path = written(tmp_path_factory.mktemp("d") / "a.json", json.dumps(value))
    assert read_document(path) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", '{"name": ', "is not JSON"),
        ("a.json", '{"share": NaN}', "NaN"),
        ("a.json", '{"name": "a", "name": "b"}', "'name' twice"),
        ("a.json", '"text"', "holds str"),
        ("a.json", "[1]", "holds int"),
        ("a.json", b"\xff\xfe", "not UTF-8"),
        ("a.yaml", "a: [1", "is not YAML"),
        ("a.yaml", "a: 1\na: 2\n", "'a' stands twice"),
        ("a.yaml", "a: !!python/object:os.system {}\n", "is not YAML"),
        ("a.yaml", "", "holds 0 documents"),
        ("a.json", "[{}, {}]", "holds 2 documents"),
    ],
)
def test_document__that_is_none__is_refused_by_name(
    tmp_path: Path, name: str, text: str | bytes, words: str
) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        read_document(written(tmp_path / name, text))
    assert name in str(caught.value)
    assert caught.value.exit_code == 2


def test_document__that_is_not_there__is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="No such file"):
        read_document(str(tmp_path / "missing.json"))
    with pytest.raises(Refusal, match="directory"):
        read_document(str(tmp_path))


def test_document__in_yaml_without_pyyaml__says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Refusal, match="pip install pyyaml"):
        read_document(written(tmp_path / "a.yaml", "name: a\n"))


def test_option__with_an_object__takes_json_or_a_file(tmp_path: Path) -> None:
    assert read_object("--config", '{"path": "a.csv"}') == {"path": "a.csv"}
    path = written(tmp_path / "config.json", '{"path": "b.csv"}')
    assert read_object("--config", f"@{path}") == {"path": "b.csv"}
    for wrong in ("path=a.csv", "[1]"):
        with pytest.raises(Refusal, match="--config"):
            read_object("--config", wrong)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(), JSON | st.text("a \n#:'-1e~<", max_size=8), max_size=4))
def test_document__written_as_yaml__is_read_as_it_was(document: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        path = written(Path(folder) / "m.yaml", as_yaml(document))
        assert repr(sorted(read_document(path).items())) == repr(sorted(_sorted(document).items()))


def _sorted(value: Any) -> Any:
    """The value with its keys in the order in which files have them."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value
