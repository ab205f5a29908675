"""A run over real files: every record is counted, and what is rejected is named by its file and record."""

from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from datalinx.engine.compile.mapping import compile_mapping
from datalinx.engine.compile.plan import InputShape
from datalinx.engine.execute import Guards, Limits, run_table
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.mapping import Mapping
from datalinx.engine.spec.schema import TargetTable
from datalinx.engine.types.registry import TypeRegistry

TABLE = {
    "name": "customers",
    "primary_key": [],
    "columns": [{"name": "id", "type": "integer"}, {"name": "city", "type": "string"}],
}
COUNTRIES = "id,land\n" + "".join(f"{number},GB\n" for number in range(10))

FILES = {
    "p-1.csv": "id,city\n1,Rome\nx,Oslo\n\n2\n3,Bern\ny,Bonn\n",
    "p-2.csv": "id,city\nz,Zürich\n4,Malmö\n".encode("cp1252"),
    "p-3.jsonl": '{"id":"5","city":"Graz"}\nnope\n{"id":"q","city":null}\n',
    "p-4.csv": "id,city\n6,Kiel\nw,Lyon\n",
    "lands.csv": COUNTRIES,
}
REJECTED = [
    ("p-1.csv:2", "cast_failed"),
    ("p-1.csv:3", "malformed_record"),
    ("p-1.csv:5", "cast_failed"),
    ("p-2.csv:1", "cast_failed"),
    ("p-3.jsonl:2", "malformed_record"),
    ("p-3.jsonl:3", "cast_failed"),
    ("p-4.csv:2", "cast_failed"),
]


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("pattern", ["p-*", "p-1.csv", "p-2.csv", "p-3.jsonl", "p-4.csv"])
def test_run__over_files_of_every_sort__names_each_rejected_record(make_source, tmp_path, pattern, joined):
    source = make_source(FILES, {"tables": {"people": {"path": pattern}}})
    scans = {"p": source.scan("people"), "l": source.scan("lands")}
    inputs = [{"alias": "p", "source": "crm", "table": "people"}]
    document = {
        "table_name": "customers",
        "inputs": inputs,
        "fields": {
            "id": {"type": "direct", "source": "p.id"},
            "city": {"type": "direct", "source": "p.city"},
        },
    }
    if joined:
        inputs.append({"alias": "l", "source": "crm", "table": "lands"})
        document["joins"] = [{"left": "p", "right": "l", "type": "left", "on": [["id", "id"]]}]
    used = {entry["alias"]: scans[entry["alias"]] for entry in inputs}
    compiled = compile_mapping(
        parse_document(Mapping, document),
        table=parse_document(TargetTable, TABLE),
        inputs={alias: InputShape(scan.columns) for alias, scan in used.items()},
        types=TypeRegistry(),
        version=1,
    )
    result = run_table(
        compiled,
        scans=used,
        workdir=tmp_path / ".run",
        now=datetime(2026, 5, 1, tzinfo=UTC),
        limits=Limits(memory_bytes=512 * 1024**2, threads=2),
        guards=Guards(empty_source="allow", max_deleted_share=None),
    )
    wanted = [each for each in REJECTED if pattern in {"p-*", each[0].split(":")[0]}]
    rejected = pq.read_table(result.rejected_path).to_pylist()
    assert sorted((row["locator"], row["reason"]) for row in rejected) == wanted
    counts = result.counts.as_dict()
    assert counts["read"] == scans["p"].rows + (scans["p"].malformed.count if scans["p"].malformed else 0)
    assert counts["read"] == counts["inserted"] + counts["rejected"]
