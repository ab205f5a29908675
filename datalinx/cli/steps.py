"""The steps of a connection test, shown."""

from typing import Any

import typer

from datalinx.cli.output import Column
from datalinx.cli.refusal import FAILED
from datalinx.cli.session import Session


def show_test(session: Session, result: Any) -> None:
    """Show each step of a test; ends with 1 if one failed."""
    steps = result.get("steps") or []
    passed = result.get("passed", all(_passed(step) for step in steps))
    if session.out.as_json:
        session.out.json(result)
    else:
        verdict = Column("", lambda step: "passed" if _passed(step) else "failed")
        session.out.table(steps, "name", verdict, "message")
    if not passed:
        raise typer.Exit(FAILED)


def _passed(step: dict[str, Any]) -> bool:
    return bool(step.get("passed", step.get("status") == "passed"))
