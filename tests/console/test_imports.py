"""The console is a client of the API, like any other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "datalinx" / "console"


def test_console__imports__no_app_and_no_model() -> None:
    found = set()
    for path in CONSOLE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {
                f"{path.name}: {name}"
                for name in names
                if name.split(".")[0] == "apps" or name.startswith(("django.db", "datalinx.engine"))
            }
    assert found == set()


def test_console__drawings__know_nothing_of_requests() -> None:
    text = "".join(path.read_text() for path in (CONSOLE / "drawing").glob("*.py"))
    assert "import django" not in text
    assert "from django" not in text


def test_templates__have__no_inline_style_script_or_foreign_asset() -> None:
    for path in [*(ROOT / "templates").rglob("*.html")]:
        text = path.read_text()
        assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:|https?://", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert "|safe" not in text, path
        assert "autoescape off" not in text, path
