"""The commands of object types: shown, applied in any order, deleted, drafted."""

import json
from typing import Any

from tests.cli.conftest import Run, Server, answer, refusal

CUSTOMERS: dict[str, Any] = {
    "id": "obj_1",
    "name": "Customers",
    "table": "customers",
    "key": "customer_id",
    "attributes": [{"name": "mail", "column": "email"}, {"name": "mood", "type": "string"}],
    "relationships": [
        {
            "name": "tags",
            "to": "Tags",
            "cardinality": "many_to_many",
            "columns": ["customer_id"],
            "to_columns": ["tag_id"],
            "through": {"table": "tagged", "columns": ["customer_id"], "to_columns": ["tag_id"]},
        }
    ],
    "resolved": {
        "attributes": [
            {"name": "mail", "type": "email", "column": "email"},
            {"name": "mood", "type": "string", "column": None},
        ]
    },
    "source_mappings": [
        {
            "source": "crm",
            "table": "contacts",
            "columns": [
                {"column": "mail", "attribute": "mail", "kind": "decorated"},
                {"column": "joined", "attribute": None, "kind": "filter"},
            ],
        }
    ],
    "faults": [{"field": "key", "code": "unknown_column", "message": "It is gone."}],
    "version": 3,
}
TAGS: dict[str, Any] = {"id": "obj_2", "name": "Tags", "table": "tags", "key": "tag_id"}


def test_object_types__listed_and_shown__tell_relationships_sources_and_faults(
    server: Server, cli: Run
) -> None:
    server.on("GET object-types", answer([CUSTOMERS]))
    server.on("GET object-types/obj_1", answer(CUSTOMERS))
    listed = cli("object-types", "list").stdout.splitlines()
    assert listed[1] == "Customers\tcustomers\tcustomer_id\t2\tTags\t1\t3\tobj_1"
    found = cli("object-types", "show", "Customers")
    assert found.stdout.splitlines() == [
        "name\ttype\tcolumn\tfrom",
        "mail\temail\temail\tcrm.contacts.mail",
        "mood\tstring\t\t",
        "name\tcardinality\tto\tby\tequal to\tthrough",
        "tags\tmany_to_many\tTags\tcustomer_id\ttag_id\ttagged",
    ]
    assert "key: It is gone." in found.stderr
    assert json.loads(cli("object-types", "show", "Customers", "--json").stdout) == CUSTOMERS


def test_object_types__that_relate_to_each_other__are_made_first_and_related_then(
    server: Server, cli: Run
) -> None:
    pair = {"cardinality": "one_to_one", "columns": ["a"], "to_columns": ["a"]}
    first = {"name": "A", "table": "a", "key": "a", "relationships": [{"name": "b", "to": "B", **pair}]}
    second = {"name": "B", "table": "b", "key": "a", "relationships": [{"name": "a", "to": "A", **pair}]}
    old = {"name": "Tags", "table": "tags", "key": "tag_id"}
    plain = {"name": "C", "table": "c", "key": "a"}
    server.on("GET object-types", answer([TAGS]))
    server.on(
        "POST object-types",
        *(answer({"id": f"obj_{name}", "name": name.upper()}, status=201) for name in ("a", "b", "c")),
    )
    for name in ("a", "b", "c"):
        server.on(f"PATCH object-types/obj_{name}", answer({"id": f"obj_{name}"}))
    server.on("PATCH object-types/obj_2", answer(TAGS))

    done = cli("object-types", "apply", "-", given=json.dumps([first, second, old, plain]))

    assert done.stdout == "Applied 4 object types.\n"
    assert "Tags: changed (obj_2)" in done.stderr
    assert [call for call in server.calls if not call.startswith("GET")] == [
        "POST object-types",
        "POST object-types",
        "POST object-types",
        "PATCH object-types/obj_a",
        "PATCH object-types/obj_b",
        "PATCH object-types/obj_2",
    ]
    assert server.sent("PATCH object-types/obj_a") == first
    posted = [body for call, _, _, body in server.requests if call == "POST object-types"]
    assert posted == [{**first, "relationships": []}, {**second, "relationships": []}, plain]


def test_object_types__without_a_name_or_in_use__are_refused(server: Server, cli: Run) -> None:
    assert "has no name" in cli("object-types", "apply", "-", given='{"table": "a"}').stderr
    assert server.calls == []
    server.on("GET object-types", answer([TAGS]))
    server.on("DELETE object-types/obj_2", refusal(422, "OBJECT_TYPE_IN_USE", "'Customers' relates to it."))
    refused = cli("object-types", "delete", "Tags")
    assert (refused.exit_code, "'Customers' relates to it." in refused.stderr) == (5, True)
    server.on("DELETE object-types/obj_2", answer({"id": "obj_2", "deleted": True}))
    assert cli("object-types", "delete", "Tags").stdout == "Deleted the object type Tags.\n"


def test_object_types__drafted__are_shown_and_kept_only_when_asked(server: Server, cli: Run) -> None:
    proposal = {**TAGS, "attributes": [{}], "relationships": [{"to": "Customers"}]}
    left_out = [{"table": "log", "relationship": None, "reason": "It has no key."}]
    server.on("GET object-types/draft", answer({"object_types": [proposal], "left_out": left_out}))
    server.on("POST object-types/draft", answer({"object_types": [proposal], "left_out": []}, status=201))
    shown = cli("object-types", "draft")
    assert shown.stdout.splitlines()[1] == "Tags\ttags\ttag_id\t1\tCustomers"
    assert "log: It has no key." in shown.stderr
    assert "named for --save" in cli("object-types", "draft", "tags").stderr
    assert server.calls == ["GET object-types/draft"]
    assert "Tags" in cli("object-types", "draft", "tags", "--save").stdout
    assert server.sent("POST object-types/draft") == {"tables": ["tags"]}
