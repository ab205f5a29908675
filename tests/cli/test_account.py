"""login, logout, whoami, and the file of profiles."""

import json
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from datalinx.cli.config import Profiles, ProfileTokens
from datalinx.client import Tokens

from .conftest import Run, Server, answer, refusal

ME = {
    "id": "usr_1",
    "email": "ada@example.org",
    "role": "organization_admin",
    "organization": {"name": "Acme"},
    "workspaces": [{"name": "production"}, {"name": "staging"}],
}


def tokens(number: int = 1) -> Any:
    from werkzeug import Response

    body = {
        "access_token": f"a{number}",
        "token_type": "bearer",
        "expires_in": 3600,
        "refresh_token": f"r{number}",
    }
    return Response(json.dumps(body), 200, content_type="application/json")


def signed_in(config_file: Path, url: str, **more: Any) -> None:
    values = {"access_token": "a1", "refresh_token": "r1", "expires_at": time.time() + 3600}
    Profiles(config_file).change("default", url=url, tokens=values, **more)


def test_login__with_a_password__keeps_tokens_that_only_the_owner_reads(
    server: Server, anonymous: Run, config_file: Path
) -> None:
    server.on("POST auth/login", tokens())
    server.on("GET auth/me", answer(ME))
    result = anonymous("login", "--url", server.url, "--email", "ada@example.org", given="correct horse\n")
    assert result.exit_code == 0
    assert result.stdout == f"Signed in to {server.url} as ada@example.org of Acme.\n"
    assert "workspaces use" in result.stderr
    assert server.sent("POST auth/login") == {"email": "ada@example.org", "password": "correct horse"}
    profile = json.loads(config_file.read_text())["profiles"]["default"]
    assert profile["url"] == server.url
    assert (profile["tokens"]["access_token"], profile["tokens"]["refresh_token"]) == ("a1", "r1")
    assert "correct horse" not in config_file.read_text()
    assert stat.S_IMODE(config_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(config_file.parent.stat().st_mode) == 0o700


def test_login__with_a_wrong_password__ends_with_3_and_keeps_nothing(
    server: Server, anonymous: Run, config_file: Path
) -> None:
    server.on("POST auth/login", refusal(401, "INVALID_CREDENTIALS", "The e-mail or the password is wrong."))
    result = anonymous("login", "--url", server.url, "--email", "ada@example.org", given="wrong\n")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "The e-mail or the password is wrong. [INVALID_CREDENTIALS, request req_0001]" in result.stderr
    assert not config_file.exists()


def test_login__without_a_password__says_what_is_missing(server: Server, anonymous: Run) -> None:
    result = anonymous("login", "--url", server.url, "--email", "ada@example.org", given="")
    assert (result.exit_code, server.requests) == (2, [])
    assert "Password is missing" in result.stderr


def test_login__with_a_key__checks_and_keeps_it(server: Server, anonymous: Run, config_file: Path) -> None:
    server.on("GET auth/me", answer({"id": "sa_1", "name": "ci", "organization": {"name": "Acme"}}))
    result = anonymous("login", "--url", server.url, "--api-key", given="dlx_sk_live_abc\n")
    assert result.exit_code == 0
    assert server.headers("GET auth/me")["X-Api-Key"] == "dlx_sk_live_abc"
    assert json.loads(config_file.read_text())["profiles"]["default"]["api_key"] == "dlx_sk_live_abc"


def test_login__to_another_server__forgets_the_workspace_of_the_first(
    server: Server, anonymous: Run, config_file: Path
) -> None:
    Profiles(config_file).change("default", url="https://old.example", workspace="production", api_key="k")
    server.on("POST auth/login", tokens())
    server.on("GET auth/me", answer(ME))
    anonymous("login", "--url", server.url, "--email", "ada@example.org", given="x\n")
    profile = Profiles(config_file).read("default")
    assert "workspace" not in profile
    assert "api_key" not in profile


def test_command__after_a_login__uses_its_tokens_and_keeps_the_renewed_ones(
    server: Server, anonymous: Run, config_file: Path
) -> None:
    signed_in(config_file, server.url, workspace="staging")
    server.on("GET auth/me", refusal(401, "TOKEN_EXPIRED"), answer(ME))
    server.on("POST auth/refresh", tokens(2))
    assert anonymous("whoami", "--json").exit_code == 0
    kept = Profiles(config_file).read("default")
    assert (kept["tokens"]["refresh_token"], kept["workspace"]) == ("r2", "staging")


def test_command__for_another_server_than_the_profiles__does_not_show_it_the_tokens(
    server: Server, anonymous: Run, config_file: Path
) -> None:
    signed_in(config_file, "https://data.example")
    result = anonymous("whoami", "--url", server.url)
    assert result.exit_code == 3
    assert "datalinx login" in result.stderr
    assert server.requests == []


def test_command__signed_in_nowhere__ends_with_3(server: Server, anonymous: Run) -> None:
    result = anonymous("workspaces", "list", "--url", server.url)
    assert (result.exit_code, result.stdout) == (3, "")


def test_whoami__for_a_person__shows_who_and_where(server: Server, cli: Run) -> None:
    server.on("GET auth/me", answer(ME))
    result = cli("whoami")
    for words in ("ada@example.org", "Acme", "organization_admin", server.url, "production, staging"):
        assert words in result.stdout
    assert json.loads(cli("whoami", "--json").stdout) == ME


def test_logout__ends_the_session_on_both_sides(server: Server, anonymous: Run, config_file: Path) -> None:
    signed_in(config_file, server.url, workspace="staging")
    server.on("POST auth/logout", answer({"id": "usr_1", "deleted": True}))
    result = anonymous("logout")
    assert result.exit_code == 0
    assert server.headers("POST auth/logout")["Authorization"] == "Bearer a1"
    assert Profiles(config_file).read("default") == {"url": server.url, "workspace": "staging"}
    assert "not signed in" in anonymous("logout").stdout


def test_logout__with_the_server_away__still_forgets_the_tokens(anonymous: Run, config_file: Path) -> None:
    signed_in(config_file, "http://127.0.0.1:9")
    result = anonymous("logout")
    assert result.exit_code == 0
    assert "could not be told" in result.stderr
    assert "tokens" not in Profiles(config_file).read("default")


def test_setting__by_flag_environment_and_profile__is_taken_in_this_order(
    server: Server, anonymous: Run, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Profiles(config_file).change("default", url=server.url, api_key="k_default", workspace="from_profile")
    Profiles(config_file).change("other", url=server.url, api_key="k_other", workspace="from_other")
    server.on("GET sources", answer([]))

    def used(*arguments: str) -> tuple[str | None, str | None]:
        assert anonymous("sources", "list", *arguments).exit_code == 0
        headers = server.headers("GET sources")
        return headers.get("X-Workspace"), headers.get("X-Api-Key")

    assert used() == ("from_profile", "k_default")
    assert used("--profile", "other") == ("from_other", "k_other")
    monkeypatch.setenv("DATALINX_PROFILE", "other")
    assert used() == ("from_other", "k_other")
    monkeypatch.setenv("DATALINX_WORKSPACE", "from_environment")
    monkeypatch.setenv("DATALINX_API_KEY", "k_environment")
    assert used("--profile", "default") == ("from_environment", "k_environment")
    assert used("-w", "from_flag") == ("from_flag", "k_environment")


def test_options__before_the_command__hold_for_it(server: Server, cli: Run) -> None:
    server.on("GET sources", answer([]))
    assert cli("--json", "-w", "staging", "sources", "list").stdout == "[]\n"
    assert server.headers("GET sources")["X-Workspace"] == "staging"


@pytest.mark.parametrize("content", ["{broken", "[]", '"text"'])
def test_profiles__in_a_broken_file__are_refused_with_a_way_out(
    anonymous: Run, config_file: Path, content: str
) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(content)
    result = anonymous("whoami")
    assert result.exit_code == 2
    assert str(config_file) in result.stderr
    assert "log in again" in result.stderr


def test_profiles__written_by_many_processes_at_once__lose_nothing(config_file: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from datalinx.cli.config import Profiles\n"
        "for n in range(10): Profiles(Path(sys.argv[1])).change(f'p{sys.argv[2]}_{n}', url='u')"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(config_file), str(n)]) for n in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert len(json.loads(config_file.read_text())["profiles"]) == 40
    assert sorted(path.name for path in config_file.parent.iterdir()) == ["config.json", "config.lock"]


def test_profile_tokens__as_a_store_of_the_sdk__come_back_as_they_were(config_file: Path) -> None:
    store = ProfileTokens(Profiles(config_file), "work")
    assert store.load() is None
    with store.locked():
        store.save(Tokens("a", "r", 12.5))
    assert store.load() == Tokens("a", "r", 12.5)
    with store.locked():
        store.save(None)
    assert store.load() is None
    assert json.loads(config_file.read_text()) == {"profiles": {}}
