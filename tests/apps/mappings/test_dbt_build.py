"""The exported dbt project, built by dbt itself: its rows are those of the platform's own tables."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.apps.mappings.dbt_shop import DbtShop
from tests.journey import run
from tests.world import World

pytestmark = pytest.mark.dbt

HEADER = b'contact_id,mail,"First Name",phone,amount,joined,born,land,city,seen,note\n'
CONTACTS = (
    HEADER
    + b"""1, Ann@Example.org ,ann,+44 20 7946 0958,"$0,123.45",31/01/2024,1980-02-29,gb,rome,2024-01-01 10:00:00,{{ x }}
2,bob@example.org,bob,020 7946 0018,7,01/02/2024,1990-01-01,United Kingdom,oslo,2024-01-02 10:00:00,100%
3,not an address,cyd,,1,02/02/2024,,de,rome,2024-01-03 10:00:00,'quoted'
4,,dan,,3.25,03/02/2024,,fr,bern,2024-01-04 10:00:00,
5,eve@example.org,eve,,many,04/02/2024,,it,oslo,2024-01-05 10:00:00,x
6,fay@example.org,"  fay   lee ",,12,05/02/2024,2000-12-31,ie,rome,2024-01-06 10:00:00,"two
lines"
6,fay@example.org,fay,,13,06/02/2024,2000-12-31,ie,rome,2024-01-07 10:00:00,y
8,hal@example.org,hal,,1,06/02/2024,,gb,rome,,no cursor
"""
)
LATER = b"""2,bob@new.example.org,bob,,70,01/02/2024,1990-01-01,gb,oslo,2024-02-02 10:00:00,z
7,gil@example.org,gil,,5,07/02/2024,,es,bern,2024-02-03 10:00:00,z
9,ida@example.org,ida,,5,07/02/2024,,es,bern,,no cursor
"""
# Of each key that is stored with a cursor a row that is older, one by a day that the lookback reaches.
LAST = b"""2,late2@example.org,bob,,70,01/02/2024,1990-01-01,gb,oslo,,z
7,late7@example.org,gil,,5,07/02/2024,,es,bern,2024-02-02 20:00:00,z
9,ida@new.example.org,ida,,6,07/02/2024,,es,bern,2024-01-01 10:00:00,late
"""
ORDERS = b"order_id,contact_id,total,state\n10,1,5.50,paid\n11,1,4,paid\n12,2,3,open\n13,6,2.25,paid\n14,9,1,paid\n"
CITIES = b'{"name": "rome", "code": "IT"}\n{"name": "oslo", "code": "NO"}\n'

SCHEMA: dict[str, Any] = {
    "name": "shop",
    "tables": [
        {
            "name": "customers",
            "description": "One row for each person, {{ as people say }}",
            "primary_key": ["customer_id"],
            "columns": [
                {"name": "customer_id", "type": "integer", "nullable": False},
                {"name": "email", "type": "email", "tests": [{"test": "unique"}]},
                {"name": "Hashed", "type": "hashed_email"},
                {"name": "first_name", "type": "string"},
                {"name": "phone", "type": "phone_number"},
                {"name": "spent", "type": "decimal", "precision": 18, "scale": 2},
                {"name": "joined_on", "type": "date", "nullable": False},
                {"name": "born", "type": "date"},
                {"name": "country", "type": "country"},
                {"name": "city_code", "type": "string"},
                {"name": "place", "type": "string", "tests": [
                    {"test": "accepted_values", "values": ["R", "O", "elsewhere"]}]},
                {"name": "note", "type": "string"},
                {"name": "origin", "type": "string"},
                {"name": "paid", "type": "decimal", "precision": 18, "scale": 2},
                {"name": "seen_at", "type": "timestamp"},
            ],
        },
        {
            "name": "newest",
            "primary_key": ["id"],
            "columns": [
                {"name": "id", "type": "integer", "nullable": False},
                {"name": "email", "type": "string"},
                {"name": "seen", "type": "datetime"},
            ],
        },
        {
            "name": "log",
            "columns": [{"name": "id", "type": "integer"}, {"name": "seen", "type": "datetime"}],
        },
        {
            "name": "by_city",
            "columns": [
                {"name": "city", "type": "string"},
                {"name": "people", "type": "bigint"},
                {"name": "spent", "type": "double"},
            ],
        },
        {
            "name": "spenders",
            "primary_key": ["id"],
            "columns": [{"name": "id", "type": "integer", "nullable": False}, {"name": "twice", "type": "decimal"}],
            "relationships": [
                {"name": "person", "columns": ["id"],
                 "references": {"table": "customers", "columns": ["customer_id"]}}
            ],
        },
    ],
}  # fmt: skip
CONTACT = {"alias": "c", "source": 'the "crm" {{', "table": "contacts"}


def _decorated(source: str, *steps: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    entries = [{"name": step} if isinstance(step, str) else step for step in steps]
    return {"type": "decorated", "source": source, "decorators": entries, **more}


def _expression(text: str, kind: str = "expression") -> dict[str, str]:
    return {"type": kind, "expression": text}


MAPPINGS: list[dict[str, Any]] = [
    {
        "table_name": "customers",
        "inputs": [
            CONTACT,
            {"alias": "o", "cte": "paid_by_contact"},
            {"alias": "k", "source": 'the "crm" {{', "table": "cities"},
        ],
        "joins": [{"left": "c", "right": "o", "type": "left", "on": [["contact_id", "contact_id"]]}],
        "filter": "c.city <> 'nowhere'",
        "deduplicate": {"keys": ["customer_id"], "order_by": ["c.seen DESC"]},
        "fields": {
            "customer_id": {"type": "direct", "source": "c.contact_id"},
            "email": _decorated("c.mail", "trim", "email"),
            "Hashed": _decorated("c.mail", "hashed_email", on_invalid="null"),
            "first_name": _decorated('c."First Name"', "collapse_whitespace", "trim", "title", "empty_to_null"),
            "phone": _decorated("c.phone", {"name": "phone_number", "default_region": "GB"}, on_invalid="null"),
            "spent": _decorated("c.amount", "amount"),
            "joined_on": _decorated("c.joined", {"name": "parse_date", "formats": ["%d/%m/%Y"]}),
            "born": {"type": "direct", "source": "c.born"},
            "country": _decorated("c.land", "country", on_invalid="null"),
            "city_code": {"type": "lookup", "source": "c.city", "input": "k", "key": "name", "value": "code"},
            "place": {
                "type": "lookup", "source": "c.city", "values": {"rome": "R", "oslo": "O"}, "default": "elsewhere",
            },
            "note": {"type": "direct", "source": "c.note"},
            "origin": {"type": "constant", "value": "{{ config() }} 100%(x)s"},
            "paid": {"type": "direct", "source": "o.paid"},
            "seen_at": {"type": "direct", "source": "c.seen"},
        },
    },
    {
        "table_name": "newest",
        "inputs": [CONTACT],
        "deduplicate": {"keys": ["id"], "order_by": ["c.seen DESC"]},
        "load": {"mode": "merge", "keys": ["id"], "cursor": "c.seen", "lookback": "1 day"},
        "fields": {
            "id": {"type": "direct", "source": "c.contact_id"},
            "email": _expression("lower(trim(c.mail))"),
            "seen": {"type": "direct", "source": "c.seen"},
        },
    },
    {
        "table_name": "log",
        "inputs": [CONTACT],
        "load": {"mode": "append", "cursor": "c.seen"},
        "wildcard": {"input": "c", "rename": {"contact_id": "id"}},
    },
    {
        "table_name": "by_city",
        "inputs": [CONTACT],
        "group_by": ["c.city"],
        "fields": {
            "city": {"type": "direct", "source": "c.city"},
            "people": _expression("count(distinct c.contact_id)", "aggregate"),
            "spent": _expression("sum(try_cast(c.amount as double)) filter (where c.land <> 'de')", "aggregate"),
        },
    },
    {
        "table_name": "spenders",
        "inputs": [{"alias": "p", "target": "customers"}],
        "filter": "p.spent > 5",
        "fields": {"id": {"type": "direct", "source": "p.customer_id"}, "twice": _expression("p.spent * 2")},
    },
]  # fmt: skip
CTE = {
    "name": "paid_by_contact",
    "sql": 'select contact_id, sum(cast(total as decimal(18, 2))) as paid from "the ""crm"" {{".orders '
    "where state = 'paid' group by contact_id",
}


def make_shop(world: World, folder: Path) -> DbtShop:
    """Return a workspace with the mappings above, and the folder in which dbt builds its project."""
    shop = DbtShop(world, folder, CONTACT["source"])
    for name, content in (("contacts.csv", CONTACTS), ("orders.csv", ORDERS), ("cities.jsonl", CITIES)):
        shop.upload(name, content)
    shop.lay_out(SCHEMA, MAPPINGS, CTE)
    return shop


def test_dbt_project__built_again_around_new_rows__holds_the_rows_of_the_platform(
    world: World, tmp_path: Path
) -> None:
    assert shutil.which(os.environ.get("DATALINX_TEST_DBT", "")), "run this by `make dbt`"
    shop = make_shop(world, tmp_path)
    for content in (CONTACTS, CONTACTS + LATER, HEADER + LAST):
        shop.upload("contacts.csv", content)
        assert run(world, shop.pipeline)["status"] == "success"
        shop.build()
        for mapping in MAPPINGS:
            ours, theirs = shop.rows(mapping["table_name"])
            assert ours, mapping["table_name"]
            assert ours == theirs, mapping["table_name"]
