"""The door of the `datalinx` command: all groups, the options before them, the version.

The modules of the commands load no HTTP library and no table library until a command runs, so that help is quick.
"""

from typing import Annotated

import typer

from datalinx.cli.command import Json, Profile, Url, Verbose, Workspace
from datalinx.cli.commands import (
    account,
    audiences,
    backfill,
    ctes,
    data,
    dbt_sources,
    destinations,
    identity,
    lineage,
    mappings,
    object_types,
    pipeline,
    platform,
    runs,
    schedules,
    schema,
    sources,
    watching,
    webhooks,
    workspaces,
)
from datalinx.cli.session import Options
from datalinx.version import __version__


def build_app() -> typer.Typer:
    """Return the whole command."""
    app = typer.Typer(
        name="datalinx",
        help="Messy source data into clean customer tables, and those into answers and audiences.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_root)
    platform.register(app)
    dbt_sources.register(sources.app)
    account.register(app)
    for name, group in (
        ("workspaces", workspaces.app),
        ("sources", sources.app),
        ("destinations", destinations.app),
        ("schema", schema.app),
        ("object-types", object_types.app),
        ("mappings", mappings.app),
        ("ctes", ctes.app),
        ("pipeline", pipeline.app),
        ("backfill", backfill.app),
        ("schedules", schedules.app),
        ("runs", runs.app),
        ("tables", data.tables),
    ):
        app.add_typer(group, name=name)
    lineage.register(app)
    data.register(app)
    for name, group in (
        ("identity", identity.app),
        ("audiences", audiences.app),
        ("alerts", watching.alerts),
        ("webhooks", webhooks.webhooks),
        ("events", webhooks.events),
    ):
        app.add_typer(group, name=name)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"datalinx {__version__}")
        raise typer.Exit


def _root(
    ctx: typer.Context,
    *,
    workspace: Workspace = None,
    profile: Profile = None,
    url: Url = None,
    json: Json = False,
    verbose: Verbose = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    ctx.obj = Options(workspace=workspace, profile=profile, url=url, json=json, verbose=verbose)


def main() -> None:
    """Run the command line."""
    build_app()()
