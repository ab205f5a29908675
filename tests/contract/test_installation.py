"""What is installed is pinned, what make offers is described, and the client needs no server."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
TARGETS = ("setup", "demo", "up", "test", "check", "bench", "lint", "format", "docs", "clean")


def pins(file: str) -> dict[str, str]:
    """Return the version that a file pins of each package."""
    text = (ROOT / file).read_text()
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+) \\$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_requirements__every_line__is_one_exact_version_with_hashes(file: str) -> None:
    lines = [
        line for line in (ROOT / file).read_text().splitlines() if line and not line.lstrip().startswith("#")
    ]
    other = [
        line
        for line in lines
        if not re.fullmatch(r"[\w.-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line)
    ]
    assert other == []


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_requirements__of_any_machine__name_neither_its_folders_nor_its_index(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not re.search(
        r"https?://|file://|--index|--find-links|--trusted|/(home|root|tmp|work|usr|opt)/", text
    )


@pytest.mark.parametrize(
    ("file", "extras"), [("requirements.txt", ["server"]), ("requirements-dev.txt", ["server", "dev"])]
)
def test_requirements__of_what_the_project_asks_for__hold_a_version_that_fits(
    file: str, extras: list[str]
) -> None:
    pinned = pins(file)
    asked = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    for requirement in map(Requirement, asked):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {file}: run `make requirements`."
        assert requirement.specifier.contains(version), (
            f"{requirement} is pinned to {version}: run `make requirements`."
        )


def test_requirements__of_servers_and_developers__agree() -> None:
    server, developers = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: developers.get(name) for name in server} == server


def test_make_help__every_target_of_the_readers__has_its_line() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    described = dict(re.findall(r"^  make (\S+) +(\S.*)$", said, re.MULTILINE))
    assert set(TARGETS) <= set(described)
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets == set(described), "A target without a word on what it does."


def test_ci_run__the_script__is_executable_and_runs_all_checks() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make check" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("script", sorted((ROOT / ".ci").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_of_ci__by_a_plain_shell__can_be_read(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_find_python__without_one_that_is_new_enough__says_what_is_needed(tmp_path: Path) -> None:
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        # As managers of versions do it: a command that only tells that there is none.
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    found = subprocess.run(
        ["sh", ".ci/find_python.sh"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith("Python 3.11 or newer is needed")


def test_find_python__with_one_given__takes_it() -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    found = subprocess.run(
        ["sh", ".ci/find_python.sh"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == sys.executable


def test_client__its_code__imports_nothing_of_the_server() -> None:
    known = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    ours = {"client", "cli", "version", "errors", "ids", "env", "up"}
    for path in [*(ROOT / "datalinx" / "client").rglob("*.py"), *(ROOT / "datalinx" / "cli").rglob("*.py")]:
        for name in _imported(path):
            first, _, rest = name.partition(".")
            if first == "datalinx":
                assert not rest or rest.split(".")[0] in {*ours, "Datalinx", "__version__"}, f"{path}: {name}"
            else:
                allowed = (
                    first in sys.stdlib_module_names or canonicalize_name(first) in known or first == "yaml"
                )
                assert allowed, f"{path}: {name}"


def _imported(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module)
    return names


@pytest.mark.slow
def test_wheel__built_from_here__has_every_file_that_the_platform_reads(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path / "wheel"),
    ]
    # From a copy: a build leaves its folders where it runs.
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "src" / name)
    subprocess.run([*command, str(tmp_path / "src")], check=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    read = {
        name
        for name in names
        if name.startswith(("datalinx/", "apps/", "templates/")) and (ROOT / name).is_file()
    }
    assert read - packed == set()
