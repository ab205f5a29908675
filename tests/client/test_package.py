"""What importing the SDK costs and gives."""

import subprocess
import sys

import datalinx
from datalinx import client


def test_package__imported_whole__brings_neither_server_nor_engine() -> None:
    names = "', '".join(client.__all__)
    program = (
        f"import sys, datalinx.client as c; [getattr(c, name) for name in ['{names}']]; "
        "heavy = {'django', 'rest_framework', 'celery', 'duckdb', 'sqlglot', 'pyarrow', 'pydantic', 'apps'};"
        "found = sorted(n for n in sys.modules if n.split('.')[0] in heavy or n.startswith('datalinx.engine'));"
        "print(found)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_package__by_its_name_alone__loads_no_http_library() -> None:
    program = "import sys, datalinx, datalinx.client; print('httpx' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_package__public_names__are_all_there() -> None:
    assert all(getattr(client, name).__name__ == name for name in client.__all__)
    assert datalinx.Datalinx is client.Datalinx
