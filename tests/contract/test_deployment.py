"""Django's own checks for a deployment, with the settings that a production instance has."""

import os
import subprocess
import sys
from pathlib import Path

from datalinx import keys

ROOT = Path(__file__).parents[2]


def test_deployment_checks__with_production_settings__find_nothing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATALINX_")} | {
        "DJANGO_SETTINGS_MODULE": "datalinx.settings",
        "DATALINX_HOME": str(tmp_path),
        "DATALINX_ENV": "production",
        "DATALINX_PUBLIC_URL": "https://datalinx.example",
        "DATALINX_SECRET_KEY": keys.path_of(tmp_path, "x").as_posix()
        + "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
        "DATALINX_ENCRYPTION_KEYS": keys.new_encryption_key(),
    }
    ran = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
