"""What a command works with: its options, a signed-in client, the workspace, and the output."""

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from datalinx.cli.config import DEFAULT_PROFILE, Profiles, ProfileTokens
from datalinx.cli.output import Output
from datalinx.cli.refusal import DENIED, NO_WORKSPACE, USAGE, Refusal

if TYPE_CHECKING:
    from datalinx.client import Datalinx, WorkspaceClient

# Fewer than the SDK's own: somebody waits, and a server that is not there should be told of soon.
MAX_RETRIES = 3


@dataclass(frozen=True)
class Options:
    """The options that all commands share. What was not given is None or False."""

    workspace: str | None = None
    profile: str | None = None
    url: str | None = None
    json: bool = False
    verbose: bool = False

    def over(self, other: "Options") -> "Options":
        """Return these options, and where one was not given that of the other."""
        return Options(
            workspace=self.workspace or other.workspace,
            profile=self.profile or other.profile,
            url=self.url or other.url,
            json=self.json or other.json,
            verbose=self.verbose or other.verbose,
        )


class Session:
    """One command's surroundings. A flag goes before the environment, and that before the profile."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.out = Output(as_json=options.json)
        self.profiles = Profiles()
        if options.verbose:
            _log_calls()

    @property
    def profile_name(self) -> str:
        """The profile that is used."""
        return self.options.profile or os.environ.get("DATALINX_PROFILE") or DEFAULT_PROFILE

    @cached_property
    def profile(self) -> dict[str, Any]:
        """The values of the profile."""
        return self.profiles.read(self.profile_name)

    @property
    def url(self) -> str:
        """The address of the server."""
        from datalinx.client.sdk import DEFAULT_URL

        return self.options.url or os.environ.get("DATALINX_URL") or self.profile.get("url") or DEFAULT_URL

    @property
    def default_workspace(self) -> str | None:
        """The workspace of the environment or of the profile."""
        return os.environ.get("DATALINX_WORKSPACE") or self.profile.get("workspace")

    @cached_property
    def client(self) -> "Datalinx":
        """The signed-in client. Raises Refusal when there is nothing to sign in with."""
        from datalinx.client import Datalinx

        common: dict[str, Any] = {
            "base_url": self.url,
            "workspace": self.default_workspace,
            "max_retries": MAX_RETRIES,
        }
        if key := os.environ.get("DATALINX_API_KEY"):
            return Datalinx(key, **common)
        # What was given to one server is not shown to another.
        if self.profile.get("url") == self.url:
            if key := self.profile.get("api_key"):
                return Datalinx(key, **common)
            if self.profile.get("tokens"):
                return Datalinx(token_store=ProfileTokens(self.profiles, self.profile_name), **common)
        raise Refusal(
            f"You are not signed in to {self.url}; run `datalinx login`, or set DATALINX_API_KEY.", DENIED
        )

    @cached_property
    def view(self) -> "WorkspaceClient":
        """The client of the workspace: bound to the one that `--workspace` names, else of the default one."""
        return self.client.workspace(self.options.workspace) if self.options.workspace else self.client

    @property
    def workspace_name(self) -> str:
        """The name of the workspace. Raises Refusal when none is named."""
        name = self.options.workspace or self.default_workspace
        if not name:
            raise Refusal(NO_WORKSPACE, USAGE)
        return name

    def close(self) -> None:
        """Close the connections, if any were made."""
        if "client" in self.__dict__:
            self.client.close()


def _log_calls() -> None:
    import logging

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("datalinx.client")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
