"""What one reading of a whole file tells about it, kept beside it so that it is read so only once."""

import hashlib
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from datalinx.engine.connectors.base import SourceContext
from datalinx.engine.connectors.file.area import AreaFile, area_of
from datalinx.engine.connectors.file.compression import Compression
from datalinx.engine.connectors.file.config import TableOptions
from datalinx.errors import Unavailable

# Part of every key: facts written by another version of this code are not taken for its own.
VERSION = 1
CACHE_FOLDER = ".facts"

Layout = Literal["delimited", "newline_delimited", "array", "unstructured", "parquet"]


@dataclass(frozen=True)
class FileColumn:
    """A column: its `key` in the file, its `name` for the engine, the type read and the type it looks like."""

    key: str
    name: str
    type: str
    detected: str | None = None


@dataclass(frozen=True)
class FileFacts:
    """What is known of one file. `rows` are the records that parse, `malformed` those that do not.

    `clean` and `rejects` are names in the cache: a copy in UTF-8 of the records that parse, each with its number
    before it, which is read in place of a file that has others; and a Parquet file of those others.
    """

    layout: Layout
    compression: Compression
    columns: tuple[FileColumn, ...]
    rows: int
    digest: str = ""
    malformed: int = 0
    clean: str | None = None
    rejects: str | None = None
    delimiter: str = ""
    quote: str = ""
    header: bool = False
    skip: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cache:
    """The folder of the facts of one file, and the stem that all names of this version of the file begin with."""

    folder: Path
    stem: str

    def path(self, ending: str) -> Path:
        """Return where what belongs to this version of the file lies, such as its `.json`."""
        return self.folder / f"{self.stem}{ending}"


def facts_of(
    context: SourceContext,
    file: AreaFile,
    options: TableOptions,
    inspect: Callable[[AreaFile, TableOptions, Cache], FileFacts],
) -> tuple[FileFacts, Cache]:
    """Return the facts of the file as it is now, from the cache or by `inspect`, and where they are kept.

    Raises what `inspect` raises, and `Unavailable` `FILE_CHANGING` when the file changed meanwhile.
    """
    before = _version_of(file.path)
    cache = _cache(context, file, options, before)
    known = _read(cache)
    if known is not None:
        return known, cache
    cache.folder.mkdir(parents=True, exist_ok=True)
    facts = replace(inspect(file, options, cache), digest=_digest(file.path))
    if _version_of(file.path) != before:
        raise Unavailable("FILE_CHANGING", f"{file.name} changed while it was read; try again in a moment.")
    publish(cache.path(".json"), orjson.dumps(asdict(facts)))
    _forget_older(cache)
    return facts, cache


def publish(path: Path, content: bytes) -> None:
    """Write a small file of the cache so that no reader ever sees half of it."""
    partial = partial_of(path)
    partial.write_bytes(content)
    partial.replace(path)


def partial_of(path: Path) -> Path:
    """Return where a file is written before it takes its place: another each time, for whoever does the same now.

    Other processes may look at the file of a source, and other threads: tables of one run read it beside each other.
    """
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")


def _version_of(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise Unavailable("FILE_CHANGING", f"{path.name} is gone; it may be being replaced.") from error
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def _cache(context: SourceContext, file: AreaFile, options: TableOptions, version: str) -> Cache:
    folder = context.cache or area_of(context.area) / CACHE_FOLDER
    # The same file read with other options is another table; its versions replace each other.
    limits = context.limits
    bounds = (limits.record_bytes, limits.columns, limits.sample_bytes, limits.decompressed_bytes)
    which = f"{VERSION}\n{file.name}\n{options.model_dump_json()}\n{bounds}"
    return Cache(folder, f"{_short(which)}-{_short(version)}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(cache: Cache) -> FileFacts | None:
    try:
        data: dict[str, Any] = orjson.loads(cache.path(".json").read_bytes())
        columns = tuple(FileColumn(**column) for column in data.pop("columns"))
        facts = FileFacts(**{**data, "columns": columns, "notices": tuple(data["notices"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    kept = [name for name in (facts.clean, facts.rejects) if name]
    return facts if all((cache.folder / name).is_file() for name in kept) else None


def _forget_older(cache: Cache) -> None:
    """Delete what is kept of versions before the last one: a run that began on that may still read it."""
    which = cache.stem.split("-")[0]
    stems = {}
    for path in cache.folder.glob(f"{which}-*.json"):
        # Another may forget it in this moment.
        with suppress(FileNotFoundError):
            stems[path.name.split(".")[0]] = path.stat().st_mtime_ns
    for stem in sorted(stems, key=lambda stem: stems[stem], reverse=True)[2:]:
        for path in cache.folder.glob(f"{stem}.*"):
            path.unlink(missing_ok=True)
