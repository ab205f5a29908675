"""Documents written to files for version control, and applied from there."""

import json
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from .conftest import Run, Server, answer

METADATA = {
    "id": "map_1",
    "version": 7,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00Z",
    "created_by": "usr_1",
}
MAPPING: dict[str, Any] = {
    "inputs": [{"table": "contacts", "source": "crm", "alias": "c"}],
    "table_name": "customers",
    "filter": "c.land = 'NO'\nand c.at > '12:30'",
    "fields": {"b": {"value": "NO", "type": "constant"}, "a": {"value": "1e3", "type": "constant"}},
}
PIPELINE_ID = "pl_01hzx3y4k5m6n7p8q9r0s1t2v3"
PIPELINE = {"name": "nightly", "tables": ["customers"], "schedule": {"cron": "0 2 * * *"}}
KINDS: dict[str, tuple[list[str], str, dict[str, Any]]] = {
    "mapping": (["mappings", "show", "customers"], "GET mappings/customers", MAPPING),
    "schema": (["schema", "show"], "GET schemas/workspace", {"name": "shop", "tables": []}),
    "pipeline": (["pipeline", "show", "nightly"], f"GET pipelines/{PIPELINE_ID}", PIPELINE),
    "cte": (["ctes", "show", "paid"], "GET ctes/paid", {"name": "paid", "sql": "select 1\nfrom crm.o"}),
}
AGAIN = {
    "mapping": (["mappings", "apply"], "PUT mappings/customers"),
    "schema": (["schema", "apply"], "PUT schemas/workspace"),
    "pipeline": (["pipeline", "apply"], f"PUT pipelines/{PIPELINE_ID}"),
    "cte": (["ctes", "apply"], "PUT ctes/paid"),
}


def serve(server: Server, kind: str, document: dict[str, Any]) -> None:
    server.on("GET pipelines", answer([{"id": PIPELINE_ID, "name": "nightly"}]))
    server.on(KINDS[kind][1], answer({**METADATA, "next_run_at": None, **document}))


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
@pytest.mark.parametrize("kind", KINDS)
def test_show__to_a_file__is_what_apply_sends(
    server: Server, cli: Run, tmp_path: Path, kind: str, name: str
) -> None:
    def kept(request: Request) -> Response:
        return answer({**METADATA, **json.loads(request.data)})

    command, _, document = KINDS[kind]
    path = tmp_path / name
    serve(server, kind, document)
    shown = cli(*command, "-o", str(path))
    assert (shown.exit_code, path.name in shown.stdout) == (0, True), shown.output

    again, call = AGAIN[kind]
    server.on(call, kept)
    done = cli(*again, str(path))
    assert done.exit_code == 0, done.output
    assert server.sent(call) == document


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_show__to_a_file__is_the_same_whatever_the_order_of_keys(
    server: Server, cli: Run, tmp_path: Path, name: str
) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return value

    texts = set()
    for document in (MAPPING, turned(MAPPING)):
        serve(server, "mapping", document)
        assert cli("mappings", "show", "customers", "-o", str(tmp_path / name)).exit_code == 0
        texts.add((tmp_path / name).read_text())
    (text,) = texts
    assert text.index("table_name") < text.index("fields") < text.index("filter") < text.index("inputs")
    assert text.endswith("\n")
    # The order of a list means something.
    assert text.index("alias") < text.index("source") < text.index("contacts")


def test_show__to_a_yaml_file__reads_as_people_write_it(server: Server, cli: Run, tmp_path: Path) -> None:
    serve(server, "mapping", MAPPING)
    assert cli("mappings", "show", "customers", "-o", str(tmp_path / "m.yml")).exit_code == 0
    assert (tmp_path / "m.yml").read_text() == (
        "table_name: customers\n"
        "fields:\n"
        "  a:\n    type: constant\n    value: '1e3'\n"
        "  b:\n    type: constant\n    value: 'NO'\n"
        "filter: |-\n  c.land = 'NO'\n  and c.at > '12:30'\n"
        "inputs:\n- alias: c\n  source: crm\n  table: contacts\n"
    )


def test_show__with_metadata__keeps_what_the_server_adds(server: Server, cli: Run, tmp_path: Path) -> None:
    serve(server, "mapping", MAPPING)
    path = tmp_path / "m.json"
    done = cli("mappings", "show", "customers", "-o", str(path), "--metadata", "--json")
    assert json.loads(done.stdout) == {"path": str(path), "version": 7}
    assert json.loads(path.read_text()) == {**METADATA, "next_run_at": None, **MAPPING}


def test_show__to_a_place_that_is_not_there__is_refused(server: Server, cli: Run, tmp_path: Path) -> None:
    serve(server, "mapping", MAPPING)
    assert cli("mappings", "show", "customers", "-o", str(tmp_path / "no" / "m.json")).exit_code == 2
    assert cli("schema", "show", "customers", "-o", str(tmp_path / "s.json")).exit_code == 2


def test_pipeline_and_ctes__without_a_file__are_shown(server: Server, cli: Run) -> None:
    serve(server, "pipeline", PIPELINE)
    assert "schedule     0 2 * * *" in cli("pipeline", "show", "nightly").stdout
    serve(server, "cte", KINDS["cte"][2])
    assert cli("ctes", "show", "paid").stdout == "select 1\nfrom crm.o\n"
    assert json.loads(cli("ctes", "show", "paid", "--json").stdout)["sql"] == "select 1\nfrom crm.o"
    server.on("GET ctes", answer([{"name": "paid", "description": "d", "version": 2}]))
    assert "paid\td\t2" in cli("ctes", "list").stdout
    assert cli("ctes", "apply", "-", given="sql: select 1\n").exit_code == 2
