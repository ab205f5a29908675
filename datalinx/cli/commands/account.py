"""Who one is: login, logout, whoami."""

import sys
from typing import Annotated, Any

import typer

from datalinx.cli.command import command
from datalinx.cli.output import Column
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import MAX_RETRIES, Session


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "login")(login)
    command(app, "logout")(logout)
    command(app, "whoami")(whoami)


def login(
    session: Session,
    *,
    email: Annotated[
        str | None, typer.Option("--email", "-e", help="Your e-mail address.", show_default=False)
    ] = None,
    api_key: Annotated[bool, typer.Option("--api-key", help="Keep the key of a service account.")] = False,
) -> None:
    """Sign in to a server and remember it in the profile.

    The password, or the key, is asked for; where stdin is not a terminal it is read from there.

    Example: datalinx login --url https://data.example.com --email ada@example.com
    """
    from datalinx.client.sdk import api_address

    url = api_address(session.url).removesuffix("/api")
    # A profile speaks of one server: its workspace means nothing on another.
    forgotten = {} if session.profile.get("url") == url else {"workspace": None}
    if api_key:
        who, kept = _with_key(url)
    else:
        who, kept = _with_password(url, email or _ask("E-mail", hidden=False))
    session.profiles.change(session.profile_name, **forgotten, url=url, **kept)
    organization = (who.get("organization") or {}).get("name")
    name = who.get("email") or who.get("name")
    session.out.done(who, f"Signed in to {url} as {name}" + (f" of {organization}." if organization else "."))
    if not session.profiles.read(session.profile_name).get("workspace"):
        session.out.note("Next: `datalinx workspaces use NAME` chooses the workspace to work in.")


def logout(session: Session) -> None:
    """Sign out: end the session, and forget its tokens or the key."""
    from datalinx.client import APIError

    profile = session.profile
    if not profile.get("tokens") and not profile.get("api_key"):
        session.out.done({"signed_out": False}, "You were not signed in.")
        return
    try:
        if profile.get("tokens"):
            _client_of_profile(session)
    except APIError as error:
        # Here the session is over in any case; the server ends it by itself in the end.
        session.out.note(f"The server could not be told: {error}")
    session.profiles.change(session.profile_name, tokens=None, api_key=None)
    session.out.done({"signed_out": True}, f"Signed out of {profile.get('url')}.")


def whoami(session: Session) -> None:
    """Show who you are and which workspaces are open to you."""
    me = session.client.auth.me()
    workspaces = [str(workspace.get("name")) for workspace in me.get("workspaces") or []]
    session.out.fields(
        {**me, "server": session.url, "open": workspaces, "workspace": session.default_workspace}
        if not session.out.as_json
        else me,
        Column("name", lambda row: str(row.get("email") or row.get("name") or row.get("id"))),
        Column("organization", "organization.name"),
        "role",
        "server",
        Column("workspaces", "open"),
        Column("in use", "workspace"),
    )


def _client_of_profile(session: Session) -> None:
    """End the profile's own session, whatever key the environment holds."""
    from datalinx.cli.config import ProfileTokens
    from datalinx.client import Datalinx

    store = ProfileTokens(session.profiles, session.profile_name)
    with Datalinx(token_store=store, base_url=session.profile.get("url"), max_retries=1) as client:
        client.auth.log_out()


def _with_key(url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    from datalinx.client import Datalinx

    key = _ask("API key", hidden=True)
    with Datalinx(key, base_url=url, max_retries=MAX_RETRIES) as client:
        return client.auth.me(), {"api_key": key, "tokens": None, "email": None}


def _with_password(url: str, email: str) -> tuple[dict[str, Any], dict[str, Any]]:
    from datalinx.cli.config import token_values
    from datalinx.client import AuthenticationError, Datalinx
    from datalinx.client.credentials import MemoryStore

    password = _ask("Password", hidden=True)
    code: str | None = None
    while True:
        store = MemoryStore()
        person: dict[str, Any] = {"email": email, "password": password, "mfa_code": code}
        with Datalinx(token_store=store, base_url=url, max_retries=MAX_RETRIES, **person) as client:
            try:
                me = client.auth.me()
            except AuthenticationError as error:
                if error.code != "MFA_REQUIRED" or code is not None or not sys.stdin.isatty():
                    raise
                code = _ask("Code of your second factor", hidden=False)
                continue
        tokens = store.load()
        return me, {"email": email, "api_key": None, "tokens": tokens and token_values(tokens)}


def _ask(what: str, *, hidden: bool) -> str:
    """Return what a person types, or a line of stdin where nobody types. Raises Refusal for nothing."""
    if sys.stdin.isatty():
        answer = typer.prompt(what, hide_input=hidden, err=True)
    else:
        answer = sys.stdin.readline().rstrip("\r\n")
    if not answer:
        raise Refusal(f"{what} is missing: give it in a terminal, or on stdin.")
    return str(answer)
