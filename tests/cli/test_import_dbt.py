"""The command that takes over what a dbt project says of a source."""

import json
from pathlib import Path
from typing import Any

from .conftest import Run, Server, answer

SOURCE = {"id": "src_01hzx3y4k5m6n7p8q9r0s1t2v3", "name": "crm"}
CALL = f"POST sources/{SOURCE['id']}/import-dbt"
COLUMN = {"matched_by": "name", "candidates": [], "before": "", "after": ""}
ANSWER: dict[str, Any] = {
    "tables": [
        {
            "dbt_table": "people",
            "table": "contacts",
            "outcome": "taken",
            "candidates": [],
            "after": "Every\x1bbody",
            "columns": [
                {**COLUMN, "dbt_column": "id", "column": "id", "outcome": "unchanged", "after": "x"},
                {
                    **COLUMN,
                    "dbt_column": "Mail",
                    "column": None,
                    "outcome": "ambiguous",
                    "candidates": ["mail", "MAIL"],
                },
            ],
        }
    ],
    "tests_found": [
        {
            "path": "p",
            "test": "unique",
            "table": "contacts",
            "column": "id",
            "outcome": "no_place",
            "places": [{"table": "customers", "column": "key"}],
            "message": "m",
        }
    ],
    "unsupported": [{"path": "document.models", "message": "No place."}],
    "jinja": ["document.sources[0].description"],
}


def test_import_dbt__of_a_file__shows_what_became_of_each_part(
    server: Server, cli: Run, tmp_path: Path
) -> None:
    server.on("GET sources", answer([SOURCE]))
    server.on(CALL, answer(ANSWER))
    path = tmp_path / "sources.yml"
    path.write_text("version: 2\n")
    done = cli("sources", "import-dbt", "crm", str(path), "--preview", "-t", "people", "--source", "s")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "table\tcolumn\tis\toutcome\tdescription",
        "people\t\tcontacts\ttaken\tEvery\\x1bbody",
        "people\tid\tid\tunchanged\t",
        "people\tMail\t\tambiguous\tmail, MAIL",
        "test\tof\toutcome\ton\tbecause",
        "unique\tcontacts.id\tno place\tcustomers.key\tm",
        "place in the file\tnot taken as it is meant",
        "document.models\tNo place.",
        "document.sources[0].description\tJinja is text here; nothing evaluates it.",
    ]
    assert done.stderr == "Nothing was changed.\n"
    assert server.sent(CALL) == {
        "document": "version: 2\n",
        "source": "s",
        "tables": ["people"],
        "preview": True,
    }


def test_import_dbt__of_stdin__is_sent_as_it_is(server: Server, cli: Run) -> None:
    server.on("GET sources", answer([SOURCE]))
    server.on(CALL, answer(ANSWER))
    done = cli("sources", "import-dbt", "crm", "-", "--tests", "--json", given="sources: [{name: NO}]")
    assert json.loads(done.stdout) == ANSWER
    assert server.sent(CALL) == {"document": "sources: [{name: NO}]", "apply_tests_to_schema": True}
    assert cli("sources", "import-dbt", "crm", "nowhere.yml").exit_code == 2
