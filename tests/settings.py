"""Django's settings for tests: a home of their own, cheap hashes, keys that are made for the run."""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

_home = Path(tempfile.mkdtemp(prefix="datalinx-tests-"))
os.environ.setdefault("DATALINX_HOME", str(_home))
os.environ.setdefault("DATALINX_SECRET_KEY", "tests-" + "x" * 60)
os.environ.setdefault("DATALINX_ENCRYPTION_KEYS", Fernet.generate_key().decode())

from datalinx.settings import *  # noqa: E402, F403  # the environment must stand before the settings are read

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Only tests of the limit itself should meet it.
LOGIN_RATE = "100000/m"
