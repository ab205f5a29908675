"""The files of a source's area, found without ever leaving it."""

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from datalinx.engine.connectors.base import Limits
from datalinx.errors import Failed, Invalid


@dataclass(frozen=True)
class AreaFile:
    """A file of the area: its name from the area's top, with `/` between folders, and where it lies."""

    name: str
    path: Path


def list_files(area: Path, limits: Limits) -> list[AreaFile]:
    """Return the files of the area, sorted by name; none that is hidden, and nothing that is a symbolic link.

    A link may lead anywhere, so none is followed, not even one that stays inside.
    """
    found: list[AreaFile] = []
    for folder, folders, names in os.walk(area, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(folder) / name
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            found.append(AreaFile(path.relative_to(area).as_posix(), path))
            if len(found) > limits.files:
                raise Failed(
                    "TOO_MANY_FILES", f"The source holds more than {limits.files:,} files; delete some."
                )
    return sorted(found, key=lambda file: file.name)


def matches(pattern: str, name: str) -> bool:
    """Whether a file's name fits the pattern: `*` and `?` stay in one folder, `**` stands for any folders."""
    segments = pattern.split("/")
    # The places in the pattern that the name, read folder by folder, can have come to.
    places = _with_skipped(segments, {0})
    for part in name.split("/"):
        reached = set()
        for place in places:
            if place < len(segments) and segments[place] == "**":
                reached.add(place)
            elif place < len(segments) and fnmatchcase(part, segments[place]):
                reached.add(place + 1)
        places = _with_skipped(segments, reached)
    return len(segments) in places


def _with_skipped(segments: list[str], places: set[int]) -> set[int]:
    for place in range(len(segments)):
        if place in places and segments[place] == "**":
            places.add(place + 1)
    return places


def area_of(area: Path | None) -> Path:
    """Return the area; raise `Invalid` when the source has none."""
    if area is None:
        raise Invalid("SOURCE_WITHOUT_AREA", "This source has no upload area yet; save it first.")
    return area
