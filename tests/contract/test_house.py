"""The rules of the house, read from the whole project: what imports what, what is scoped, what is listed."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver
from openapi_spec_validator import validate

from datalinx.api.viewsets import ApiView, WorkspaceViewSet

ROOT = Path(__file__).parents[2]
# Left imports nothing from right.
APPS = ("accounts", "workspaces", "sources", "mappings", "pipelines", "analytics", "monitoring")
LIMIT = 500


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_engine__imported_whole__loads_no_web_framework_and_no_app() -> None:
    script = """
import importlib, pkgutil, sys
import datalinx.engine
for found in pkgutil.walk_packages(datalinx.engine.__path__, "datalinx.engine."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
heads = {name.partition(".")[0] for name in sys.modules}
print(sorted(heads & {"django", "rest_framework", "celery", "apps"}))
print(sorted(name for name in ("datalinx.settings", "datalinx.api", "datalinx.client") if name in sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["[]", "[]"]


def test_client__imported_whole__loads_neither_server_nor_engine() -> None:
    script = """
import importlib, pkgutil, sys
import datalinx, datalinx.client
assert not {"django", "celery", "datalinx.client.sdk"} & set(sys.modules) or "datalinx.client.sdk" in sys.modules
for found in pkgutil.walk_packages(datalinx.client.__path__, "datalinx.client."):
    importlib.import_module(found.name)
heads = {name.partition(".")[0] for name in sys.modules}
print(sorted(heads & {"django", "rest_framework", "celery", "apps", "duckdb", "pyarrow"}))
print(sorted(name for name in sys.modules if name.startswith("datalinx.engine")))
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["[]", "[]"]


@pytest.mark.parametrize("app", APPS)
def test_app__imports__point_left_only(app: str) -> None:
    right = {f"apps.{other}" for other in APPS[APPS.index(app) + 1 :]}
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files(f"apps/{app}")
        for name in imports_of(path)
        if any(name == other or name.startswith(f"{other}.") for other in right)
    }
    assert not wrong


def test_apps__of_the_folder__are_those_of_the_house() -> None:
    assert {path.parent.name for path in (ROOT / "apps").glob("*/apps.py")} == set(APPS)


def test_datalinx__imports__never_reach_the_apps() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files("datalinx")
        for name in imports_of(path)
        if name.partition(".")[0] == "apps"
    }
    assert not wrong


def test_models__of_a_workspace_or_organization__are_reached_through_the_verbs_that_scope() -> None:
    unscoped = []
    for model in apps.get_models():
        if not model.__module__.startswith("apps."):
            continue
        own = {field.name for field in model._meta.local_fields if field.is_relation}
        managers = {manager.name: manager for manager in model._meta.managers}
        # People have Django's own manager beside the one that scopes.
        rows = managers.get("rows", model._default_manager).all()
        for scope in ("workspace", "organization"):
            if scope in own and not hasattr(rows, f"for_{scope}"):
                unscoped.append(model.__name__)
    assert sorted(unscoped) == sorted(UNSCOPED)


# Why each of them may go without: a membership is read by who is in it, a record of idempotency by its key within
# the caller's organization, and roles are those of the organization beside the built-in ones, each in one place.
UNSCOPED = ("Membership", "IdempotencyRecord", "Role")


def views() -> Iterator[tuple[str, type[ApiView]]]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, type[ApiView]]]:
        for pattern in patterns:
            route = prefix + re.sub(r"<\w+:(\w+)>|\(\?P<(\w+)>[^)]*\)", r"{\1\2}", _plain(pattern))
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            else:
                view = getattr(pattern.callback, "cls", getattr(pattern.callback, "view_class", None))
                if isinstance(view, type) and issubclass(view, ApiView):
                    yield "/" + route, view

    return walk(get_resolver().url_patterns, "")


def _plain(pattern: URLPattern | URLResolver) -> str:
    return str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")


def test_views__of_rows__keep_the_scoped_queryset_of_their_base() -> None:
    for _, view in views():
        if issubclass(view, WorkspaceViewSet):
            assert "get_queryset" not in vars(view)
            assert hasattr(view.queryset, "for_workspace"), view


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    out = StringIO()
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out, stderr=out
    )
    text = out.getvalue()
    return dict(json.loads(text[text.index("{") :]))


def test_openapi__of_all_routes__validates_without_a_warning(document: dict[str, object]) -> None:
    assert str(document["openapi"]).startswith("3.1")
    validate(document)


def test_openapi__every_route_but_aliases__is_listed(document: dict[str, object]) -> None:
    aliases = ("/api/v1/", "/api/mapper/")
    routes = {route for route, _ in views() if not route.startswith(aliases)}
    listed = set(document["paths"])
    assert routes - listed == set()
    assert listed - routes == set()


def test_openapi__made_twice__is_the_same(document: dict[str, object]) -> None:
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out, stderr=StringIO())
    assert json.loads(out.getvalue()) == document


def test_openapi__every_answer_but_bare_ones__is_in_the_envelope(document: dict[str, object]) -> None:
    bare = {("/api/auth/login", "post"), ("/api/auth/refresh", "post")}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                schema = response.get("content", {}).get("application/json", {}).get("schema")
                if schema is None or (path, method) in bare:
                    continue
                if status.startswith("2"):
                    assert {"status", "data"} <= set(schema["properties"]), (path, method)
                else:
                    assert schema == {"$ref": "#/components/schemas/Error"}


def test_openapi__every_answer_that_is_a_list__has_pages(document: dict[str, object]) -> None:
    for path, operations in document["paths"].items():
        operation = operations.get("get")
        schema = (operation or {}).get("responses", {}).get("200", {}).get("content", {})
        schema = schema.get("application/json", {}).get("schema", {})
        if schema.get("properties", {}).get("data", {}).get("type") == "array":
            assert "pagination" in schema["properties"], path
            assert {"page", "page_size"} <= {each["name"] for each in operation["parameters"]}, path


def test_files__of_python__stay_within_their_budget() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in python_files("datalinx", "apps", "tests")
        if (count := len(path.read_text().splitlines())) > LIMIT
    }
    assert not long


def test_files__that_are_kept__name_no_path_of_a_machine() -> None:
    ran = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    machine = re.compile(rb"(?<![\w.])/(home/\w+/|Users/\w+/|root/\w|work/\w)")
    allowed = {"tests/contract/test_house.py"}
    wrong = []
    for name in ran.stdout.splitlines():
        path = ROOT / name
        if name not in allowed and path.is_file() and machine.search(path.read_bytes()):
            wrong.append(name)
    assert not wrong


@pytest.mark.django_db
def test_migrations__of_all_models__are_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())
