"""A file that several look at for the first time at once, as tables of one run that read the same source do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

READERS = 6
RECORDS = 4_000


def text(ending: str) -> str:
    return "id;name;note\n" + "".join(
        f'{number};"Zo{chr(0xEB)} {number}";"two\nlines"{ending if number % 50 else ";too;long"}\n'
        for number in range(RECORDS)
    )


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("round_", range(3))
def test_scan__by_several_threads_at_once__gives_each_all_rows(
    make_source: Callable[..., Any], encoding: str, round_: int
) -> None:
    world = make_source({"t.csv": text("").encode(encoding)})
    together = Barrier(READERS)

    def read(_: int) -> tuple[int, int, list[Any]]:
        together.wait()
        scan = world.scan()
        ((rows, names),) = world.run(f"SELECT count(*), count(DISTINCT name) FROM ({scan.sql})", scan)
        return rows, names, world.malformed()

    with ThreadPoolExecutor(READERS) as pool:
        answers = list(pool.map(read, range(READERS)))
    refused = len(range(0, RECORDS, 50))
    for rows, names, malformed in answers:
        assert (rows, names, len(malformed)) == (RECORDS - refused, RECORDS - refused, refused)
    left = [path.name for path in Path(world.area).rglob("*.partial")]
    assert left == []
