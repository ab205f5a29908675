"""`datalinx up`: the whole platform on one machine, as processes that this one watches.

This process loads neither Django nor Celery: it is small, it has one thread, and nothing of theirs can fail in it.
"""

import http.client
import json
import os
import sys
from pathlib import Path

from datalinx import env
from datalinx.up import address, programs
from datalinx.up.home import Home
from datalinx.up.output import show
from datalinx.up.programs import Program
from datalinx.up.refusal import OtherKeys, Refusal
from datalinx.up.supervisor import Readiness, Supervisor


def up(*, host: str, port: int, home: Path | None) -> int:
    """Run the platform until it is told to end. Return the exit code: 0, or 1 with one sentence on why not."""
    try:
        _Platform(host=host, port=port, home=home).run()
    except Refusal as refusal:
        show(f"datalinx: {refusal}")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


class _Platform:
    """One start of the platform: its home, its address, its processes."""

    def __init__(self, *, host: str, port: int, home: Path | None) -> None:
        # What is made from here on, by this process and its children, is for its owner alone.
        os.umask(0o077)
        _read_environment(home)
        self._home = Home(env.HOME.read())
        self._listener = address.listen(host, port)
        self._url = address.url_of(self._listener)
        os.environ.setdefault("DATALINX_PUBLIC_URL", self._url)
        self._home.write_address(self._url)
        self._home.ensure_keys()
        self._report = self._home.path / "run" / "prepared.json"
        self._setup_link = ""

    def run(self) -> None:
        """Prepare the database, then keep everything running."""
        descriptor = self._listener.fileno()
        kept = (
            programs.web(bind=f"fd://{descriptor}", home=self._home.path, descriptors=(descriptor,)),
            *programs.workers(),
            programs.scheduler(),
        )
        readiness = Readiness(what_is_missing=self._what_is_missing, announce=self._announce)
        self._report.unlink(missing_ok=True)
        Supervisor(kept, self._home.path / "logs", readiness).run(self._preparation(), self._take_report)

    def _preparation(self) -> Program:
        flags = ["--new-keys"] if self._home.has_new_keys else []
        command = (sys.executable, "-m", "datalinx.up.prepare", "--report", os.fspath(self._report), *flags)
        return Program("prepare", command)

    def _take_report(self, code: int) -> None:
        try:
            report: dict[str, str] = json.loads(self._report.read_text())
        except (OSError, ValueError):
            log = self._home.path / "logs" / "prepare.log"
            report = {"refusal": f"The database could not be prepared (exit code {code}); see {log}."}
        # It may hold the token of the one-time link, of which nothing stays but a hash.
        self._report.unlink(missing_ok=True)
        if report.get("refusal"):
            if report.get("kind") == OtherKeys.__name__:
                self._home.withdraw_keys()
            raise Refusal(report["refusal"])
        if token := report.get("setup_token"):
            self._setup_link = f"{os.environ['DATALINX_PUBLIC_URL'].rstrip('/')}/setup/{token}"

    def _what_is_missing(self) -> str:
        connection = http.client.HTTPConnection(*address.local_address(self._listener), timeout=0.5)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            if answer.status == 200:
                return ""
            checks: dict[str, str] = json.loads(answer.read())["checks"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return "The web server does not answer."
        finally:
            connection.close()
        return " ".join(state for state in checks.values() if state != "ok")

    def _announce(self) -> None:
        if self._setup_link:
            _say(f"Make the first organization, once and within a day, at {self._setup_link}")
        _say(f"Datalinx is ready at {self._url}")


def _read_environment(home: Path | None) -> None:
    if home is not None:
        os.environ["DATALINX_HOME"] = os.fspath(home)
    try:
        env.check_all()
    except env.EnvironmentInvalid as error:
        raise Refusal(str(error)) from error
    # The children may have another working folder than this process, one day.
    os.environ["DATALINX_HOME"] = os.fspath(env.HOME.read())


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        # Nobody listens; the platform runs all the same.
        return
