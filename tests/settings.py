"""Django's settings for tests: a home of their own, cheap hashes, keys that are made for the run."""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

_home = Path(tempfile.mkdtemp(prefix="datalinx-tests-"))
if "PYTEST_XDIST_WORKER" in os.environ:
    # One that the first process has set would be everybody's: what one test clears or sweeps is another's then.
    os.environ["DATALINX_HOME"] = str(_home)
os.environ.setdefault("DATALINX_HOME", str(_home))
os.environ.setdefault("DATALINX_SECRET_KEY", "tests-" + "x" * 60)
os.environ.setdefault("DATALINX_ENCRYPTION_KEYS", Fernet.generate_key().decode())
if os.environ.get("DATALINX_CACHE_URL") and (_worker := os.environ.get("PYTEST_XDIST_WORKER", "")):
    # Tests empty their cache; each process of them has a database of its own there.
    _server, _, _ = os.environ["DATALINX_CACHE_URL"].rpartition("/")
    os.environ["DATALINX_CACHE_URL"] = f"{_server}/{int(_worker.removeprefix('gw')) + 1}"

from datalinx.settings import *  # noqa: E402, F403  # the environment must stand before the settings are read

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Only tests of the limit itself should meet it.
LOGIN_RATE = "100000/m"
# Each test's client would look for all static files anew.
WHITENOISE_AUTOREFRESH = True
if "sqlite3" in DATABASES["default"]["ENGINE"]:  # noqa: F405
    # A file, as in an installation: in memory, threads meet locks of tables that a file does not have.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(os.environ["DATALINX_HOME"]) / "tests.sqlite3")}  # noqa: F405
    # What tests write need not reach a disk.
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"  # noqa: F405
