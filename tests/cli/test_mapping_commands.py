"""The commands of mappings: applied, validated, shown, previewed, written as dbt."""

import json
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from .conftest import Run, Server, answer


def test_mappings_apply__of_files_and_stdin__puts_each_document(
    server: Server, cli: Run, tmp_path: Path
) -> None:
    def stored(request: Request) -> Response:
        return answer({**json.loads(request.data), "version": 1}, status=201)

    server.on("PUT mappings/customers", stored)
    server.on("PUT mappings/orders", stored)
    path = tmp_path / "m.json"
    path.write_text('[{"table_name": "customers", "inputs": []}]')
    result = cli("mappings", "apply", str(path), "-", given="table_name: orders\ninputs: []\n")
    assert result.exit_code == 0, result.stderr
    assert server.calls == ["PUT mappings/customers", "PUT mappings/orders"]
    assert "Applied 2 mappings." in result.stdout


def test_mappings_apply__with_a_broken_file__sends_none(server: Server, cli: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "a.json", tmp_path / "b.json"
    good.write_text('{"table_name": "customers"}')
    bad.write_text("{")
    assert cli("mappings", "apply", str(good), str(bad)).exit_code == 2
    bad.write_text('{"inputs": []}')
    assert cli("mappings", "apply", str(good), str(bad)).exit_code == 2
    assert server.requests == []


@pytest.mark.parametrize(
    ("result", "exit_code", "words"),
    [
        ({"valid": True, "errors": [], "unmapped": ["phone"]}, 0, "phone"),
        (
            {"valid": False, "errors": [{"field": "fields.a", "code": "unknown_column", "message": "m"}]},
            1,
            "fields.a",
        ),
    ],
)
def test_mappings_validate__says_whether_it_holds(
    server: Server, cli: Run, result: dict[str, Any], exit_code: int, words: str
) -> None:
    server.on("POST mappings/t/validate", answer(result))
    done = cli("mappings", "validate", "t", "-", given='{"table_name": "t"}')
    assert done.exit_code == exit_code
    assert words in done.stdout
    assert server.sent("POST mappings/t/validate") == {"table_name": "t"}


def test_mappings__shown_previewed_and_written_as_dbt(server: Server, cli: Run, tmp_path: Path) -> None:
    fields = {
        "email": {
            "type": "decorated",
            "source": "c.mail",
            "decorators": [{"name": "trim"}, {"name": "email"}],
        },
        "country": {"type": "constant", "value": "GB"},
    }
    document = {
        "table_name": "t",
        "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
        "fields": fields,
    }
    preview = {
        "columns": [{"name": "email"}],
        "rows": [{"email": "a@b.example"}],
        "rejected": [
            {"locator": "contacts.csv:3", "field": "email", "reason": "invalid_email", "value": "x"}
        ],
        "counts": {"read": 2, "rejected": 1, "filtered": 0},
        "readers": [
            {"effect": "breaks", "type": "query", "name": "totals", "columns": [], "message": "No column."},
            {"effect": "unaffected", "type": "audience", "name": "everybody", "columns": [], "message": None},
        ],
    }
    server.on("GET mappings", answer([document]))
    server.on("GET mappings/t", answer(document))
    server.on("POST mappings/t/preview", answer(preview))
    server.on("GET mappings/t/dbt-code", answer({"sql": "SELECT 1\n"}))
    server.on("GET mappings/t/field-dbt/email", answer({"sql": "lower(mail)"}))
    assert "t\tcrm.contacts\t2" in cli("mappings", "list").stdout
    assert cli("mappings", "show", "t").stdout.splitlines()[1:] == [
        "email\tdecorated\tc.mail | trim | email",
        "country\tconstant\tGB",
    ]
    shown = cli("mappings", "preview", "t", "-n", "5")
    assert shown.stdout.startswith("email\na@b.example\n")
    assert "contacts.csv:3\temail\tinvalid_email\tx" in shown.stdout
    assert "breaks\tquery\ttotals" in shown.stdout
    assert "everybody" not in shown.stdout
    assert shown.stderr == "2 read, 1 rejected\n"
    assert server.sent("POST mappings/t/preview") == {"limit": 5}
    assert cli("mappings", "dbt", "t").stdout == "SELECT 1\n"
    assert cli("mappings", "dbt", "t", "--field", "email").stdout == "lower(mail)\n"
    path = tmp_path / "t.sql"
    assert cli("mappings", "dbt", "t", "-o", str(path)).stdout == ""
    assert path.read_text() == "SELECT 1\n"
    assert cli("mappings", "dbt", "t", "-o", str(tmp_path / "no" / "t.sql")).exit_code == 2
