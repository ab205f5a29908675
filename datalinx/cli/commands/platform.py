"""The platform itself: `datalinx up`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from datalinx.cli.refusal import FAILED, Refusal

# One library of each part that the extra brings.
_SERVER = ("django", "rest_framework", "celery", "duckdb", "pyiceberg", "gunicorn")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port to listen on.")] = 8000,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", metavar="DIR", help="The folder of the data (DATALINX_HOME).", show_default=False
        ),
    ] = None,
) -> None:
    """Start the whole platform on this machine; Ctrl-C ends it."""
    missing = [name for name in _SERVER if find_spec(name) is None]
    if missing:
        from datalinx.cli.failures import report

        listed = ", ".join(missing)
        report(
            Refusal(
                f"The server is not installed here ({listed} missing): pip install 'datalinx[server]'.",
                FAILED,
            )
        )
        raise typer.Exit(FAILED)
    from datalinx.up import up as start

    raise typer.Exit(start(host=host, port=port, home=home))
