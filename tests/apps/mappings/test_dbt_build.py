"""The exported dbt project, built by dbt itself: its rows are those of the platform's own tables."""

import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.pipelines.models import StoredTable
from apps.pipelines.services.tables import table_files
from datalinx.engine.query.tables import table_select
from tests.journey import run
from tests.resources import assert_success
from tests.world import World

pytestmark = pytest.mark.dbt

CONTACTS = b"""contact_id,mail,"First Name",phone,amount,joined,born,land,city,seen,note
1, Ann@Example.org ,ann,+44 20 7946 0958,"$0,123.45",31/01/2024,1980-02-29,gb,rome,2024-01-01 10:00:00,{{ x }}
2,bob@example.org,bob,020 7946 0018,7,01/02/2024,1990-01-01,United Kingdom,oslo,2024-01-02 10:00:00,100%
3,not an address,cyd,,1,02/02/2024,,de,rome,2024-01-03 10:00:00,'quoted'
4,,dan,,3.25,03/02/2024,,fr,bern,2024-01-04 10:00:00,
5,eve@example.org,eve,,many,04/02/2024,,it,oslo,2024-01-05 10:00:00,x
6,fay@example.org,"  fay   lee ",,12,05/02/2024,2000-12-31,ie,rome,2024-01-06 10:00:00,"two
lines"
6,fay@example.org,fay,,13,06/02/2024,2000-12-31,ie,rome,2024-01-07 10:00:00,y
"""
LATER = b"""2,bob@new.example.org,bob,,70,01/02/2024,1990-01-01,gb,oslo,2024-02-02 10:00:00,z
7,gil@example.org,gil,,5,07/02/2024,,es,bern,2024-02-03 10:00:00,z
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


class Shop:
    """A workspace with the mappings above, and the folder in which dbt builds its project."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.client = world.ed.client()
        body = {"name": CONTACT["source"], "connector": "file"}
        self.source = assert_success(self.client.post("/api/sources", body, format="json"), 201)["id"]
        self.upload("contacts.csv", CONTACTS)
        self.upload("orders.csv", ORDERS)
        self.upload("cities.jsonl", CITIES)
        assert_success(self.client.put("/api/schemas/workspace", SCHEMA, format="json"), 201)
        assert_success(self.client.post("/api/ctes", CTE, format="json"), 201)
        for mapping in MAPPINGS:
            assert_success(self.client.post("/api/mappings", mapping, format="json"), 201)
        names = [mapping["table_name"] for mapping in MAPPINGS]
        made = self.client.post("/api/pipelines", {"name": "all", "tables": names}, format="json")
        self.pipeline = assert_success(made, 201)

    def upload(self, name: str, content: bytes) -> None:
        """Put a file into the source, and where dbt finds it; what is no CSV as Parquet too."""
        body = {"file": SimpleUploadedFile(name, content)}
        url = f"/api/sources/{self.source}/upload"
        assert_success(self.client.post(url, body, format="multipart"), 201)
        place = self.folder / "data" / 'the "crm" __'
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
        if name.endswith(".jsonl"):
            with duckdb.connect() as connection:
                rows = f"SELECT * FROM read_json('{place / name}')"
                connection.execute(f"COPY ({rows}) TO '{place / Path(name).stem}.parquet'")

    def build(self) -> None:
        """Download the project and let dbt build it."""
        response = self.client.get("/api/mappings/dbt-project")
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            archive.extractall(self.folder)
        done = subprocess.run(
            [os.environ["DATALINX_TEST_DBT"], "--no-use-colors", "build", "--profiles-dir", "."],
            cwd=self.folder,
            env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

    def rows(self, table: str) -> tuple[list[Any], list[Any]]:
        """The rows of a table, sorted: those of the platform, and those that dbt built."""
        files = table_files(StoredTable.objects.get(name=table))
        order = "ORDER BY ALL"
        copies = [self.folder / f"{side}.parquet" for side in ("ours", "theirs")]
        with duckdb.connect(str(self.folder / "warehouse.duckdb")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            selects = (table_select(files), f'SELECT * FROM "{table}"')
            for copy, select in zip(copies, selects, strict=True):
                connection.execute(f"COPY (SELECT * FROM ({select}) {order}) TO '{copy}'")
        ours, theirs = (pq.read_table(copy) for copy in copies)
        assert ours.schema.names == theirs.schema.names
        assert [str(kind) for kind in ours.schema.types] == [str(kind) for kind in theirs.schema.types]
        return ours.to_pylist(), theirs.to_pylist()


def test_dbt_project__built_twice_around_new_rows__holds_the_rows_of_the_platform(
    world: World, tmp_path: Path
) -> None:
    assert shutil.which(os.environ.get("DATALINX_TEST_DBT", "")), "run this by `make dbt`"
    shop = Shop(world, tmp_path)
    for content in (CONTACTS, CONTACTS + LATER):
        shop.upload("contacts.csv", content)
        assert run(world, shop.pipeline)["status"] == "success"
        shop.build()
        for mapping in MAPPINGS:
            ours, theirs = shop.rows(mapping["table_name"])
            assert ours, mapping["table_name"]
            assert ours == theirs, mapping["table_name"]
