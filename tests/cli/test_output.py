"""What goes where: data on stdout, words on stderr, exit codes by kind of error, terminals and pipes."""

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from datalinx.cli.main import build_app
from datalinx.cli.text import as_json, plain, shown

from .conftest import Run, Server, answer, refusal

PROGRAM = "from datalinx.cli.main import main; main()"


def in_terminal(*arguments: str, typed: Mapping[str, str] | None = None, **environment: str) -> str:
    """Return what the command shows in a terminal of 100 columns; `typed` is what is answered to which question."""
    ours, theirs = pty.openpty()
    # In a session of its own it cannot ask the terminal that the tests themselves were started from.
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm-256color", **environment},
        start_new_session=True,
    )
    os.close(theirs)
    waiting = dict(typed or {})
    shown = b""
    with suppress(OSError):
        while select.select([ours], [], [], 30)[0] and (chunk := os.read(ours, 4096)):
            shown += chunk
            for question in [question for question in waiting if question.encode() in shown]:
                # Asking for a secret throws away what was typed before the question.
                os.write(ours, waiting.pop(question).encode() + b"\n")
    # One that still waits for an answer ends here, and what it showed tells why.
    os.close(ours)
    process.wait(timeout=30)
    return shown.decode()


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "WORKSPACE_REQUIRED", 2),
        (401, "INVALID_API_KEY", 3),
        (403, "WORKSPACE_ACCESS_DENIED", 3),
        (404, "RUN_NOT_FOUND", 4),
        (413, "REQUEST_TOO_LARGE", 5),
        (422, "RUN_ALREADY_FINISHED", 5),
        (429, "RATE_LIMITED", 6),
        (500, "INTERNAL_ERROR", 7),
        (503, "UNAVAILABLE", 7),
        (405, "METHOD_NOT_ALLOWED", 1),
    ],
)
def test_error__of_each_kind__has_its_exit_code_and_its_words_on_stderr(
    server: Server, cli: Run, status: int, code: str, exit_code: int
) -> None:
    server.on("POST runs/run_1/cancel", refusal(status, code, "A sentence."))
    for arguments in (("runs", "cancel", "run_1"), ("runs", "cancel", "run_1", "--json")):
        result = cli(*arguments)
        assert result.exit_code == exit_code
        assert result.stdout == ""
        assert f"Error: A sentence. [{code}, request req_0001]" in result.stderr


def test_error__of_the_connection__ends_with_7(cli: Run) -> None:
    result = cli("runs", "show", "run_1", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 7
    assert "http://127.0.0.1:9" in result.stderr


def test_error__of_fields__lists_each(server: Server, cli: Run, tmp_path: Path) -> None:
    fault = {
        "field": "fields.email.decorators[0].name",
        "code": "unknown_decorator",
        "message": "No such decorator.",
    }
    server.on("PUT mappings/customers", refusal(422, "VALIDATION_ERROR", "It breaks a rule.", errors=[fault]))
    path = tmp_path / "m.json"
    path.write_text('{"table_name": "customers"}')
    result = cli("mappings", "apply", str(path))
    assert result.exit_code == 5
    assert "  fields.email.decorators[0].name: No such decorator. [unknown_decorator]" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["sources", "list", "--nonsense"], ["sources", "preview", "a"]]
)
def test_usage__that_is_wrong__ends_with_2(cli: Run, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")


def test_interrupt__in_a_command__ends_with_130(
    server: Server, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("datalinx.client.endpoints.runs.Runs.get", interrupted)
    assert cli("runs", "show", "run_1").exit_code == 130


def test_list__in_a_pipe__is_lines_with_tabs(server: Server, cli: Run) -> None:
    rows = [
        {"name": "crm", "connector": "file", "id": "src_1"},
        {"name": "a\tb\nc", "connector": "file", "id": "s2"},
    ]
    server.on("GET sources", answer(rows))
    lines = cli("sources", "list").stdout.splitlines()
    assert lines[0] == "name\tconnector\tstatus\tdiscovered at\tid"
    assert lines[1] == "crm\tfile\t\t\tsrc_1"
    assert lines[2].startswith("a\\tb\\nc\t")


def test_list__as_json__is_an_array_and_nothing_else(server: Server, cli: Run) -> None:
    rows = [{"id": "src_1", "name": "crm", "config": {"a": [1, {}]}}, {"id": "src_2", "name": "x"}]
    server.on("GET sources", answer(rows))
    result = cli("sources", "list", "--json")
    assert json.loads(result.stdout) == rows
    assert result.stderr == ""
    server.on("GET sources", answer([]))
    assert cli("sources", "list", "--json").stdout == "[]\n"


def test_list__that_is_cut__says_how_much_there_is(server: Server, cli: Run) -> None:
    server.on("GET sources", answer([{"id": str(n), "name": str(n)} for n in range(5)], total=1234))
    result = cli("sources", "list", "--limit", "3")
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr == "3 of 1,234; --limit 0 shows all.\n"


def test_list__in_a_terminal__is_a_table_with_colours_only_if_wanted(server: Server, cli: Run) -> None:
    server.on("GET sources", answer([{"name": "crm", "connector": "file", "id": "src_1"}]))
    table = in_terminal("sources", "list")
    assert "crm" in table
    assert "\t" not in table
    assert "\x1b[" in table
    assert "\x1b[3" not in in_terminal("sources", "list", NO_COLOR="1")
    server.on("GET tables", answer([]))
    assert "Nothing." in in_terminal("tables", "list")


def test_run__followed_in_a_terminal__shows_a_bar_and_then_its_ledger(server: Server, cli: Run) -> None:
    step = {
        "table": "customers",
        "status": "success",
        "counts": {"read": 10_000, "inserted": 9763},
        "seconds": 0.8,
    }
    running = {"id": "run_1", "status": "running", "progress": 0.5, "totals": {"read": 4711}}
    running["steps"] = [{"table": "customers", "status": "running"}]
    server.on("POST pipelines/run", answer({**running, "status": "queued", "progress": 0.0}, status=201))
    server.on("GET runs/run_1", answer(running), answer({**running, "status": "success", "steps": [step]}))
    text = in_terminal("pipeline", "run")
    for words in ("50%", "4,711 rows", "run_1: success", "10,000", "9,763"):
        assert words in text


def test_login__in_a_terminal__asks_and_does_not_show_the_password(server: Server, anonymous: Run) -> None:
    server.on("POST auth/login", refusal(401, "INVALID_CREDENTIALS", "That is not right."))
    answers = {"E-mail: ": "ada@example.org", "Password: ": "correct horse"}
    text = in_terminal("login", "--url", server.url, typed=answers)
    assert "correct horse" not in text
    assert "That is not right." in text
    assert server.sent("POST auth/login") == {"email": "ada@example.org", "password": "correct horse"}


def test_value__with_terminal_commands__is_shown_and_not_done(server: Server, cli: Run) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J[red]bold\x9b31m"
    server.on("GET sources", answer([{"name": evil, "connector": "file", "id": "src_1"}]))
    for text in (cli("sources", "list").stdout, in_terminal("sources", "list", NO_COLOR="1")):
        assert "\x1b]0" not in text
        assert "\x1b[2J" not in text
        assert "\x9b" not in text
        assert "[red]bold" in text
    printed = cli("sources", "list", "--json").stdout
    assert "\x1b" not in printed
    assert "\x9b" not in printed
    assert json.loads(printed)[0]["name"] == evil


@given(st.text())
def test_plain__of_any_text__is_one_safe_line(text: str) -> None:
    assert all(ord(char) >= 32 and not 127 <= ord(char) < 160 for char in plain(text))
    assert json.loads(as_json(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (3, "3"),
        (["a", "b"], "a, b"),
        ({"a": 1}, '{"a": 1}'),
        ([1, 2], "[1, 2]"),
        ({"value": "x"}, "x"),
    ],
)
def test_shown__for_each_kind_of_value__is_short(value: object, text: str) -> None:
    assert shown(value) == text


def test_help__of_everything__loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['datalinx', '--help']\n"
        "from datalinx.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'httpx', 'rich', 'django', 'celery', 'duckdb', 'yaml', 'platformdirs', 'asyncio'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    assert "pipeline" in result.stdout


def test_command__every_one__has_help_and_takes_the_shared_options() -> None:
    names = []

    def visit(node: object, path: str) -> None:
        children = getattr(node, "commands", None)
        if children:
            for name, child in children.items():
                visit(child, f"{path} {name}".strip())
        elif path != "up":
            parameters = node.params  # type: ignore[attr-defined]  # of a click command
            options = {option for parameter in parameters for option in parameter.opts}
            assert {"--json", "--workspace", "-w", "--profile", "--url"} <= options, path
            first = (node.help or "").partition("\n\n")[0]  # type: ignore[attr-defined]
            assert first.endswith("."), path
            names.append(path)

    visit(get_command(build_app()), "")
    assert len(names) > 40


def test_version__is_the_packages(cli: Run) -> None:
    from datalinx import __version__

    assert cli("--version").stdout == f"datalinx {__version__}\n"


def test_verbose__shows_calls_without_secrets(server: Server, cli: Run) -> None:
    server.on("GET runs/run_1", answer({"id": "run_1", "status": "success"}))
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "-v", "runs", "show", "run_1", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "GET /runs/run_1: 200" in result.stderr
    assert "dlx_sk" not in result.stderr
    assert json.loads(result.stdout)["id"] == "run_1"
