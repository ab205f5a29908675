"""Two hundred damaged files: each ends in rows that are all counted, or in one clear sentence."""

import gzip
import io
import json
import random

import duckdb
import pyarrow as pa
import pytest

from datalinx.engine.connectors.file.config import FormatName
from datalinx.errors import DatalinxError

CODES = {
    "FILE_EMPTY",
    "FILE_ENCODING_MISMATCH",
    "FILE_FORMAT_MISMATCH",
    "FILE_FORMAT_UNKNOWN",
    "FILE_HEADER_INVALID",
    "FILE_HEADER_MISMATCH",
    "FILE_TOO_LARGE",
    "FILE_TOO_WIDE",
    "FILE_UNREADABLE",
    "MEMORY_LIMIT_REACHED",
}
LIMITS = {"record_bytes": 100_000, "decompressed_bytes": 4_000_000, "sample_bytes": 50_000}


def whole_files(folder) -> dict[str, bytes]:
    """A healthy file of each format."""
    lines = [f'{n},"name {n}",{n * 1.5},2024-01-{n % 28 + 1:02}' for n in range(400)]
    csv = ("id,name,amount,day\n" + "\n".join(lines) + "\n").encode()
    records = [{"id": n, "name": f"é{n}", "nested": {"list": [n, None]}} for n in range(400)]
    path = folder / "whole.bin"
    duckdb.execute(
        f"COPY (SELECT i AS id, 'name ' || i AS name, [i] AS l FROM range(400) AS t(i)) TO '{path}' (FORMAT parquet)"
    )
    parquet = path.read_bytes()
    path.unlink()
    return {
        "csv": csv,
        "tsv": csv.replace(b",", b"\t"),
        "json": json.dumps(records, indent=1).encode(),
        "jsonl": "\n".join(json.dumps(record) for record in records).encode(),
        "parquet": parquet,
        "csv.gz": gzip.compress(csv, mtime=0),
        "jsonl.zst": pa.compress(json.dumps(records).encode(), "zstd", asbytes=True),
    }


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 20)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def splice(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.randrange(1, 400)) + data[at:]


def repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    return data[:end] + data[start:]


def recode(data: bytes, chance: random.Random) -> bytes:
    text = data.decode("latin-1")
    return text.encode(chance.choice(["utf-16", "utf-16-be", "utf-32", "utf-8-sig", "cp500"]))


def scatter(data: bytes, chance: random.Random) -> bytes:
    marks = [b'"', b"\r", b"\n", b"\x00", b",", b"\xff", b"{", b"]", b"\\", b"\t"]
    for _ in range(chance.randrange(1, 12)):
        at = chance.randrange(len(data))
        data = data[:at] + chance.choice(marks) + data[at:]
    return data


DAMAGES = (cut, flip, splice, repeat, recode, scatter)


def require_counted_or_told(source, name: str) -> str:
    """Return how the file ended: `rows`, or the code of its problem."""
    table = source.discover()[0]
    if table.problem is not None:
        assert table.problem.code in CODES, table.problem
        assert name in table.problem.message
        assert str(source.area) not in table.problem.message
        return table.problem.code
    scan = source.scan(table.name)
    try:
        numbered = source.run(scan.numbered_sql, scan)
    except duckdb.Error:
        # Pages of a Parquet file are only checked when they are read.
        assert name.endswith("parquet")
        with pytest.raises(DatalinxError) as caught:
            source.preview(table.name, limit=1_000)
        return caught.value.code
    assert len(numbered) == table.rows
    numbers = [row[-1] for row in numbered] + [row[1] for row in source.malformed(table.name)]
    assert sorted(numbers) == list(range(1, table.rows + table.malformed + 1))
    return "rows"


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])
@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet", "csv.gz", "jsonl.zst"])
def test_damaged_file__of_any_sort__is_counted_or_told(make_source, tmp_path_factory, damage, ending):
    whole = whole_files(tmp_path_factory.mktemp("whole"))[ending]
    for seed in range(5):
        chance = random.Random(f"{damage.__name__}-{ending}-{seed}")
        source = make_source({f"t.{ending}": damage(whole, chance)}, **LIMITS)
        assert require_counted_or_told(source, f"t.{ending}")


FORMATS: tuple[FormatName, ...] = ("csv", "tsv", "json", "jsonl", "parquet")


@pytest.mark.parametrize(
    "content",
    [
        b"\x00" * 10_000,
        b'"' * 10_001,
        b"," * 50_000,
        b"\n" * 10_000,
        b"\r" * 999,
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b"\xff\xfe",
        b"\xff\xfeA",
        b"\xfe\xff\xd8\x00\x00A",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"PAR1PAR1",
        b"PAR1" + b"\xff" * 400 + b"PAR1",
        b"a" * 1_000_000,
        b"a,b\n" + b"1," + b"x" * 2_000_000 + b"\n2,y\n",
        b"a,b\n" + b"1,2\n" * 10 + b",".join([b"x"] * 10_000) + b"\n",
        random.Random(1).randbytes(50_000),
        ("a,b\n" + '1,"\n' * 5_000).encode(),
    ],
    ids=lambda content: repr(content[:12]),
)
@pytest.mark.parametrize("said", FORMATS)
def test_hostile_file__said_to_be_any_format__is_counted_or_told(make_source, content, said):
    source = make_source({"t.dat": content}, {"format": said}, **LIMITS)
    assert require_counted_or_told(source, "t.dat")


def test_bomb__inside_any_text_format__is_stopped(make_source):
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb") as file:
        for _ in range(100):
            file.write(b'{"a":1}\n' * 10_000)
    source = make_source({"t.jsonl.gz": stream.getvalue()}, **LIMITS)
    assert require_counted_or_told(source, "t.jsonl.gz") == "FILE_TOO_LARGE"
