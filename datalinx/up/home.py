"""The home folder of an embedded instance: made, locked and given its keys."""

import fcntl
import os
from pathlib import Path

from datalinx import env, keys
from datalinx.up.refusal import Refusal

_FOLDERS = ("logs", "run", "secrets", "storage")


class Home:
    """A home folder that this process alone uses for as long as the object is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made_keys: list[Path] = []
        try:
            self._make_folder()
            self._lock = self._take_lock()
            for name in _FOLDERS:
                (path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Refusal(
                f"The home folder {path} cannot be written to ({error.strerror}); name another one with --home."
            ) from error

    @property
    def is_new(self) -> bool:
        """Whether no database has been made here yet."""
        return not (self.path / "datalinx.sqlite3").exists()

    def ensure_keys(self) -> None:
        """Make the keys that neither the environment nor the home has.

        Only for a home without data: new keys beside old data would make its secrets unreadable and look well.
        """
        for name, setting in ((keys.SIGNING, env.SECRET_KEY), (keys.SEALING, env.ENCRYPTION_KEYS)):
            if setting.read() or keys.read(self.path, name):
                continue
            if not self.is_new:
                raise Refusal(
                    f"The key {keys.path_of(self.path, name)} is missing, but there is data that needs it: "
                    f"put it back from a backup or set {setting.name}."
                )
            self._made_keys.append(keys.make(self.path, name))

    def withdraw_keys(self) -> None:
        """Take the keys of this start away again, when the database turned out to have data of other keys."""
        for path in self._made_keys:
            path.unlink(missing_ok=True)

    @property
    def has_new_keys(self) -> bool:
        return bool(self._made_keys)

    def write_address(self, address: str) -> None:
        """Leave this process's id and address in the lock file, for the message to whoever comes second."""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"process {os.getpid()}, {address}".encode(), 0)

    def _make_folder(self) -> None:
        empty = not self.path.exists() or not any(self.path.iterdir())
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if empty:
            # A folder with other files may be open to others for a reason; what is made in it is not.
            self.path.chmod(0o700)

    def _take_lock(self) -> int:
        descriptor = os.open(self.path / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
            os.close(descriptor)
            raise Refusal(
                f"The home folder {self.path} is in use by another `datalinx up` ({holder}); stop that one first."
            ) from None
        return descriptor
