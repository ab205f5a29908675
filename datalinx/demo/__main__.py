"""`python -m datalinx.demo`: the whole journey, once, for real."""

import argparse
import sys
import time
from pathlib import Path

from datalinx.client import Datalinx
from datalinx.demo import data, show
from datalinx.demo.checks import Checks, NumberWrong
from datalinx.demo.platform import platform
from datalinx.demo.receiver import receiver
from datalinx.demo.story import Story


def main() -> int:
    """Tell the story; return 0 only when every number was right."""
    parser = argparse.ArgumentParser(prog="python -m datalinx.demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="the platform's folder, made anew")
    parser.add_argument(
        "--data", type=Path, default=Path(".cache/completejourney"), help="where the data is kept"
    )
    given = parser.parse_args()
    started = time.monotonic()
    show.say("[bold]Datalinx[/bold]: a real grocery retailer's year, from files to answers and audiences.")
    folder = data.install(given.data.resolve())
    checks = Checks()
    with platform(given.home.resolve()) as place, receiver() as hooks:
        show.say(f"The platform is up at {place.url}; everything below happens over its API.")
        with Datalinx(base_url=place.url, email=place.email, password=place.password) as client:
            try:
                for part in Story(client, folder, checks).chapters(hooks):
                    part()
            except NumberWrong as error:
                show.say(f"[red]Wrong number.[/red] {error}")
                return 1
    seconds = time.monotonic() - started
    show.say(
        f"\nDone in {seconds:.0f} s; {checks.count} numbers and lists compared with plain DuckDB, all equal.\n"
        f"Look around with [bold]make up[/bold]: the console at http://127.0.0.1:8000/, the API's documentation at "
        f"http://127.0.0.1:8000/api/docs. Sign in as {place.email} with the password in {given.home}/login.txt."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
