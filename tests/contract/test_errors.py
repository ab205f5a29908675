"""Every error code that the code can give stands in the page of errors, and the page names no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

from datalinx import errors
from datalinx.api.viewsets import ResourceViewSet

ROOT = Path(__file__).parents[2]
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.DatalinxError)
}
CODE = re.compile(r"[A-Z]{2,}(_[A-Z0-9]+)+")
# Where codes are chosen by a table or a condition before they are raised; all that looks like one counts there.
CHOSEN = (
    "datalinx/api/errors.py",
    "datalinx/engine/spec/base.py",
    "datalinx/engine/execute/session.py",
    "datalinx/engine/storage/folder.py",
    "datalinx/engine/compile/calls.py",
    "apps/accounts/services/people.py",
    "apps/mappings/services/schemas.py",
    "apps/pipelines/services/dispatching.py",
)


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("datalinx", "apps"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"client", "cli", "demo", "console", "up"} & set(path.relative_to(ROOT).parts):
                yield path, ast.parse(path.read_text())


def codes_in_code() -> dict[str, str]:
    """Return every code that is raised or chosen, with where."""
    found: dict[str, str] = {}
    for path, tree in modules():
        place = str(path.relative_to(ROOT))
        given = (text for node in ast.walk(tree) for text in _given(node))
        for text in _texts(tree) if place in CHOSEN else given:
            if CODE.fullmatch(text):
                found.setdefault(text, place)
    return found


def _given(node: ast.AST) -> Iterator[str]:
    """Yield the texts that may be the code of an error or of a field's fault that speaks for itself."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        arguments = node.args[:1] if name in KINDS else node.args[1:2] if name == "FieldError" else []
        if name.startswith("_"):
            # A function of the module or the constructor of a kind's own kind: it hands the code on.
            arguments = node.args
        for argument in arguments:
            yield from _texts(argument)


def _texts(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def codes_of_resources() -> set[str]:
    """Return the codes of what is not found, one for each resource."""

    def walk(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
                continue
            view = getattr(pattern.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, ResourceViewSet):
                yield f"{view.resource.upper()}_NOT_FOUND"

    return set(walk(get_resolver().url_patterns))


def codes_in_page() -> list[str]:
    return re.findall(r"^\| `([A-Z_0-9]+)` \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)


def test_error_codes__of_the_code__stand_in_the_page() -> None:
    raised = codes_in_code()
    missing = {code: place for code, place in raised.items() if code not in codes_in_page()}
    assert not missing, f"add a row to docs/errors.md for each of these: {missing}"
    assert codes_of_resources() <= set(codes_in_page())


def test_error_codes__of_the_page__stand_there_once() -> None:
    page = codes_in_page()
    assert len(page) == len(set(page))


def test_error_codes__of_the_page__are_still_in_the_code() -> None:
    texts = {text for _, tree in modules() for text in _texts(tree)}
    gone = set(codes_in_page()) - texts - codes_of_resources()
    assert not gone, f"nothing gives these codes any more; take them out of docs/errors.md: {gone}"


def test_error_kinds__each__has_a_status() -> None:
    from datalinx.api.errors import status_of

    kinds = [getattr(errors, name) for name in KINDS - {"DatalinxError"}]
    assert all(status_of(kind("CODE", "A sentence.")) < 600 for kind in kinds)
    assert [kind.__name__ for kind in kinds if status_of(kind("CODE", "A sentence.")) == 500] == []
