"""Documents into files that are kept in version control: the same document is the same text, byte for byte."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from datalinx.cli.documents import yaml_module, yaml_resolvers
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session

# What the server adds to a document. It changes without anybody changing the document.
METADATA = frozenset({"id", "version", "created_at", "updated_at", "created_by", "next_run_at"})
# What a thing is called stands first, all else in the order of the alphabet.
_FIRST = ("table_name", "name", "alias", "type", "source", "table")

OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write the document to a file, YAML if it ends so, for `apply` to take."
    ),
]
Metadata = Annotated[
    bool,
    typer.Option("--metadata", help="With --output: write what the server adds too; `apply` ignores it."),
]


def save_document(
    session: Session, document: Mapping[str, Any], output: Path, *, noun: str, metadata: bool
) -> None:
    """Write a document to a file and say so. Raises Refusal."""
    kept = {key: value for key, value in document.items() if metadata or key not in METADATA}
    text = as_yaml(kept) if output.suffix.lower() in {".yaml", ".yml"} else _as_json(kept)
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"{output}: {error.strerror or error}.") from error
    session.out.done({"path": str(output), "version": document.get("version")}, f"Wrote {noun} to {output}.")


def _as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(_ordered(document), ensure_ascii=False, indent=2) + "\n"


def as_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML that `documents` reads as what it is. Raises Refusal without PyYAML."""
    yaml: Any = yaml_module("The file")

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]  # of a module that is loaded late
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=_style(value))

    # A text that the reader would take for something else is put in quotes.
    for tag, pattern, first in yaml_resolvers():
        Dumper.add_implicit_resolver(tag, pattern, first)
    Dumper.add_representer(str, text)
    return str(yaml.dump(_ordered(document), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=4096))


def _style(text: str) -> str | None:
    """Several lines stand below each other; what cannot be seen is written out; the rest is as YAML has it."""
    lines = text.split("\n")
    if not all(line.isprintable() for line in lines):
        return '"'
    return "|" if len(lines) > 1 and not text[0].isspace() else None


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value, key=_rank)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def _rank(key: str) -> tuple[int, str]:
    return (_FIRST.index(key) if key in _FIRST else len(_FIRST), key)
