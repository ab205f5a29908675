"""Which files make which table: those that the configuration names, and every other file one of its own."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from datalinx.engine.connectors.base import Problem
from datalinx.engine.connectors.file.area import AreaFile, matches
from datalinx.engine.connectors.file.config import FileConfig, TableOptions
from datalinx.engine.connectors.file.recognise import stem_of


@dataclass(frozen=True)
class TableFiles:
    """A table: its files, how they are written, and why it cannot be read, if it cannot."""

    name: str
    files: tuple[AreaFile, ...]
    options: TableOptions
    problem: Problem | None = None


def assign_files(config: FileConfig, files: Sequence[AreaFile]) -> dict[str, TableFiles]:
    """Return the tables by name. A file that a named table takes makes no table of its own."""
    tables: dict[str, TableFiles] = {}
    claimed: set[str] = set()
    for name, options in config.tables.items():
        found = tuple(file for file in files if _belongs(file, name, options))
        claimed |= {file.name for file in found}
        problem = None if found else Problem("FILE_NOT_FOUND", _nothing_found(name, options))
        tables[name] = TableFiles(name, found, options, problem)
    by_stem: dict[str, list[AreaFile]] = defaultdict(list)
    for file in files:
        if file.name not in claimed and (config.path is None or matches(config.path, file.name)):
            by_stem[stem_of(file.name)].append(file)
    for stem, found_files in by_stem.items():
        if stem not in tables:
            tables[stem] = _own_table(stem, found_files, config)
    return dict(sorted(tables.items()))


def _belongs(file: AreaFile, name: str, options: TableOptions) -> bool:
    return matches(options.path, file.name) if options.path else stem_of(file.name) == name


def _nothing_found(name: str, options: TableOptions) -> str:
    wanted = options.path or f"{name}.*"
    return f"No file fits {wanted!r} for the table {name!r}. Upload one, or change its `path`."


def _own_table(stem: str, files: Sequence[AreaFile], config: FileConfig) -> TableFiles:
    problem = None
    if len(files) > 1:
        names = ", ".join(file.name for file in files[:3])
        problem = Problem(
            "TABLE_NAME_CLASH",
            f"{names} would all be the table {stem!r}. Rename them, or name tables for them in `tables`.",
        )
    return TableFiles(stem, tuple(files), TableOptions(format=config.format), problem)
