"""Destinations from the command line."""

from .conftest import Run, Server, answer

WAREHOUSE = {"id": "dst_1", "name": "dw", "connector": "postgresql", "status": "untested"}


def test_destinations_add__config_and_credentials__are_sent(server: Server, cli: Run) -> None:
    server.on("POST destinations", answer(WAREHOUSE, status=201))
    done = cli("destinations", "add", "dw", "--config", '{"host": "h"}', "--credentials", '{"user": "u"}')
    assert (done.exit_code, done.stdout) == (0, "Made the destination dw (dst_1).\n")
    assert server.sent("POST destinations") == {
        "name": "dw",
        "connector": "postgresql",
        "config": {"host": "h"},
        "credentials": {"user": "u"},
    }


def test_destinations_list__some__shows_them(server: Server, cli: Run) -> None:
    server.on("GET destinations", answer([WAREHOUSE]))
    told = cli("destinations", "list").stdout
    assert "dw" in told
    assert "dst_1" in told


def test_destinations_test__failed_step__is_told_and_ends_with_1(server: Server, cli: Run) -> None:
    steps = [
        {"name": "network", "passed": True, "message": "It answers."},
        {"name": "authentication", "passed": False, "message": "The server refused the login."},
    ]
    server.on("GET destinations", answer([WAREHOUSE]))
    server.on("POST destinations/dst_1/test", answer({"passed": False, "steps": steps}))
    done = cli("destinations", "test", "dw")
    assert done.exit_code == 1
    assert "failed" in done.stdout
    assert "refused the login" in done.stdout
