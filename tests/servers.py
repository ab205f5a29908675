"""The servers that `make check` starts for the tests that are marked as needing them."""

import os

import pytest

VARIABLES = {
    "postgresql": "DATALINX_TEST_POSTGRESQL_URL",
    "redis": "DATALINX_TEST_REDIS_URL",
    "rabbitmq": "DATALINX_TEST_RABBITMQ_URL",
}


def server_url(name: str) -> str:
    """Return the address of a server that was started for the tests. Fails, never skips, where there is none.

    Tests that need a server carry its marker, by which they are left out where it is not to be had.
    """
    url = os.environ.get(VARIABLES[name], "")
    if not url:
        pytest.fail(f"{VARIABLES[name]} is not set; `make servers` starts the servers and sets it.")
    return url
