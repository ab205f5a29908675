"""Workspaces."""

import sys
from typing import Annotated

import typer

from datalinx.cli.command import Limit, Yes, command, group
from datalinx.cli.output import Column
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session

app = group("Rooms of work, each with its own data.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The workspace's name.")]


def list_(session: Session, *, limit: Limit = 0) -> None:
    """List the workspaces that are open to you."""
    used = session.options.workspace or session.default_workspace

    def mark(row: dict[str, object]) -> str:
        return "*" if row.get("name") == used else ""

    session.out.listing(
        session.client.workspaces.list(),
        Column("", mark),
        "name",
        "id",
        "config.description",
        "created_at",
        limit=limit,
    )


def create(
    session: Session,
    *,
    name: Name,
    description: Annotated[str | None, typer.Option("--description", "-d", help="What it is for.")] = None,
) -> None:
    """Make a workspace."""
    config = {"description": description} if description else None
    made = session.client.workspaces.create(name, config=config)
    session.out.done(made, f"Made the workspace {made.name} ({made.id}).")


def use(session: Session, *, name: Name) -> None:
    """Work in this workspace from now on: commands need no --workspace any more."""
    found = session.client.workspaces.get(name)
    session.profiles.change(session.profile_name, url=session.url, workspace=found.name)
    session.out.done(found, f"Working in {found.name}.")


def delete(session: Session, *, name: Name, yes: Yes = False) -> None:
    """Delete a workspace and everything in it."""
    found = session.client.workspaces.get(name)
    if not yes:
        if not sys.stdin.isatty():
            raise Refusal("Deleting a workspace deletes everything in it; say --yes to mean it.")
        typed = typer.prompt(f"Everything in {found.name} will be deleted. Type its name to go on", err=True)
        if typed != found.name:
            raise Refusal("That is another name; nothing was deleted.")
    gone = session.client.workspaces.delete(found.id, confirm=found.name)
    if session.profile.get("workspace") == found.name:
        session.profiles.change(session.profile_name, workspace=None)
    session.out.done(gone, f"Deleted the workspace {found.name}.")


command(app, "list")(list_)
command(app, "create")(create)
command(app, "use")(use)
command(app, "delete")(delete)
