"""Documents that users write: JSON or YAML, from a file or from stdin (`-`)."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from datalinx.cli.refusal import Refusal

# Far more than any document; a data file given by mistake is refused before it fills the memory.
_LARGEST = 20_000_000


def read_text(path: str) -> str:
    """Return the text of a file, or of stdin for `-`. Raises Refusal."""
    try:
        content = sys.stdin.buffer.read(_LARGEST + 1) if path == "-" else _read_file(Path(path))
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror or error}.") from error
    if len(content) > _LARGEST:
        raise Refusal(f"{path} is larger than {_LARGEST // 1_000_000} MB: is it a document?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not UTF-8 text (byte {error.start}).") from error


def read_documents(paths: Iterable[str]) -> list[dict[str, Any]]:
    """Return every document of these files; a file may hold one, or a list of them. Raises Refusal."""
    documents: list[dict[str, Any]] = []
    for path in paths:
        for document in _parse(path, read_text(path)):
            if not isinstance(document, dict):
                raise Refusal(
                    f"{path} holds {type(document).__name__} where a document, an object, should stand."
                )
            documents.append(document)
    return documents


def read_document(path: str) -> dict[str, Any]:
    """Return the one document of a file. Raises Refusal."""
    documents = read_documents([path])
    if len(documents) != 1:
        raise Refusal(f"{path} holds {len(documents)} documents where one should stand.")
    return documents[0]


def read_object(name: str, value: str) -> dict[str, Any]:
    """Return the object that an option gives as JSON, as `@file` or as `-` for stdin. Raises Refusal."""
    if value == "-" or value.startswith("@"):
        return read_document(value.removeprefix("@"))
    try:
        found = json.loads(value)
    except ValueError as error:
        raise Refusal(
            f'{name} is not JSON ({error}); give an object such as \'{{"path": "a.csv"}}\' or @file.'
        ) from error
    if not isinstance(found, dict):
        raise Refusal(f"{name} must be a JSON object.")
    return found


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST + 1)


def _parse(path: str, text: str) -> Sequence[Any]:
    """Return the documents of a text. JSON is YAML, so that stdin, whose name says nothing, may be either."""
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        return _as_list(_parse_json(path, text))
    if suffix in {".yaml", ".yml"}:
        return _parse_yaml(path, text)
    return _as_list(_parse_json(path, text)) if text.lstrip()[:1] in {"{", "["} else _parse_yaml(path, text)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parse_json(path: str, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique(path), parse_constant=_refuse_constant)
    except ValueError as error:
        raise Refusal(f"{path} is not JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _unique(path: str) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise Refusal(f"{path} gives the key {key!r} twice in one object.")
            found[key] = value
        return found

    return build


def _parse_yaml(path: str, text: str) -> list[Any]:
    yaml = yaml_module(path)
    try:
        loaded = list(yaml.load_all(text, Loader=_yaml_loader()))  # a SafeLoader, with fewer types
    except yaml.YAMLError as error:
        raise Refusal(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return [document for value in loaded for document in _as_list(value)]


def yaml_module(path: str) -> Any:
    """Return PyYAML, which the client alone does not bring. Raises Refusal where it is not installed."""
    try:
        import yaml
    except ImportError as error:
        raise Refusal(f"{path} is YAML, which needs PyYAML: pip install pyyaml, or write JSON.") from error
    return yaml


def yaml_resolvers() -> Iterator[tuple[str, re.Pattern[str], list[str]]]:
    """Yield the types that a plain word of YAML may have: tag, pattern, and what it begins with."""
    digits = r"-?(?:0|[1-9][0-9]*)"
    for tag, pattern, first in (
        ("null", r"null|~|", ["n", "~", ""]),
        ("bool", r"true|false", ["t", "f"]),
        ("int", digits, list("-0123456789")),
        ("float", digits + r"(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
        ("merge", r"<<", ["<"]),
    ):
        yield f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), first


def _yaml_loader() -> Any:
    """Return a loader that knows JSON's types alone.

    YAML 1.1 takes NO for false, 12:30 for a number and 2026-01-02 for a date; in a document these are a country,
    a time and a text. Keys that stand twice are refused.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(keys) != len(set(keys)):
                twice = next(key for key in keys if keys.count(key) > 1)
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {twice!r} stands twice", node.start_mark
                )
            return super().construct_mapping(node, deep=deep)

    for tag, pattern, first in yaml_resolvers():
        Loader.add_implicit_resolver(tag, pattern, first)
    return Loader
