"""The profiles: which server, who, and which workspace, in one file that only its owner can read."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalinx.cli.refusal import Refusal

if TYPE_CHECKING:
    from datalinx.client.credentials import Tokens

DEFAULT_PROFILE = "default"


def config_path() -> Path:
    """Return the path of the file: in platformdirs' folder for this user."""
    from platformdirs import user_config_path

    return user_config_path("datalinx") / "config.json"


class Profiles:
    """The file of profiles. It is written whole and put in place at once; a lock keeps writers apart."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_path()

    def read(self, name: str) -> dict[str, Any]:
        """Return a profile; an empty one if there is none of this name. Raises Refusal for a broken file."""
        profile = self._all().get(name)
        return dict(profile) if isinstance(profile, Mapping) else {}

    def change(self, name: str, **values: Any) -> None:
        """Set these values of a profile; None removes one. A profile without values is removed."""
        with self.locked():
            self.change_locked(name, **values)

    def change_locked(self, name: str, **values: Any) -> None:
        """Do as `change`, for a caller who holds the lock."""
        profiles = self._all()
        merged = {**self.read(name), **values}
        profiles[name] = {key: value for key, value in merged.items() if value is not None}
        if not profiles[name]:
            del profiles[name]
        self._write({"profiles": profiles})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing for a while. Not re-entrant."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            if sys.platform != "win32":
                import fcntl

                # Closing the file gives the lock back.
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _all(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_bytes())
            profiles = content.get("profiles", {})
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            raise Refusal(
                f"{self.path} cannot be read ({error}); mend it, or remove it and log in again."
            ) from error
        return dict(profiles) if isinstance(profiles, Mapping) else {}

    def _write(self, content: Mapping[str, Any]) -> None:
        # A temporary file is made with mode 0600, and takes the place of the old one in one step.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".config-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


class ProfileTokens:
    """The tokens of a profile, as a `TokenStore` of the SDK."""

    def __init__(self, profiles: Profiles, name: str) -> None:
        self._profiles = profiles
        self._name = name

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self._profiles.locked():
            yield

    def load(self) -> "Tokens | None":
        from datalinx.client.credentials import Tokens

        tokens = self._profiles.read(self._name).get("tokens")
        if not isinstance(tokens, Mapping) or not tokens.get("access_token"):
            return None
        return Tokens(tokens["access_token"], tokens.get("refresh_token"), tokens.get("expires_at"))

    def save(self, tokens: "Tokens | None") -> None:
        self._profiles.change_locked(self._name, tokens=tokens and token_values(tokens))


def token_values(tokens: "Tokens") -> dict[str, Any]:
    """Return tokens as they stand in the file."""
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_at": tokens.expires_at,
    }
