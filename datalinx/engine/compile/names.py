"""SQL references such as `c."Home Town"`, and what they mean among the inputs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import InputShape, SourceColumn

_PART = r'("(?:[^"]|"")+"|[^\W\d]\w*)'
_REFERENCE = re.compile(rf"\s*{_PART}\s*\.\s*{_PART}\s*")


@dataclass(frozen=True)
class Reference:
    """A column of an input, found."""

    alias: str
    column: SourceColumn

    @property
    def pair(self) -> tuple[str, str]:
        """Alias and column name."""
        return self.alias, self.column.name

    @property
    def expression(self) -> exp.Column:
        """The column in the plan's form, always quoted."""
        return exp.column(self.column.name, table=self.alias, quoted=True)


@dataclass(frozen=True)
class Scope:
    """The inputs that expressions may refer to, in order."""

    inputs: Mapping[str, InputShape]

    def find(self, text: str) -> Reference:
        """Resolve a written reference; raise `Invalid` when it is none or names nothing."""
        alias, name = split_reference(text)
        return self.resolve(alias, name)

    def resolve(self, alias: str, name: str) -> Reference:
        """Find a column: exactly, else without case if only one fits."""
        found = match(alias, self.inputs)
        if found is None:
            known = ", ".join(f"`{other}`" for other in self.inputs)
            raise errors.Invalid("UNKNOWN_INPUT", f"There is no input `{alias}`; the inputs are {known}.")
        return Reference(found, self.column(found, name))

    def column(self, alias: str, name: str) -> SourceColumn:
        """Find a column of one input by its plain name."""
        columns = {column.name: column for column in self.inputs[alias].columns}
        found = match(name, columns)
        if found is not None:
            return columns[found]
        alike = [other for other in columns if other.lower() == name.lower()]
        if alike:
            choices = ", ".join(f'{alias}."{other}"' for other in alike)
            message = f"`{alias}.{name}` fits more than one column: write {choices} exactly."
            raise errors.Invalid("AMBIGUOUS_COLUMN", message)
        hint = did_you_mean(name, list(columns))
        raise errors.Invalid("UNKNOWN_COLUMN", f"The input `{alias}` has no column `{name}`.{hint}")


def match(name: str, known: Iterable[str]) -> str | None:
    """The known name that is equal, else the only one that is equal without case, else None."""
    names = list(known)
    if name in names:
        return name
    alike = [other for other in names if other.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def split_reference(text: str) -> tuple[str, str]:
    """`c."Home Town"` as (`c`, `Home Town`); raise `Invalid` when the text is no reference."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        shown = text if len(text) <= 80 else text[:80] + "…"
        message = f'`{shown}` is no reference; write `alias.name`, or `alias."Any Name"` for other names.'
        raise errors.Invalid("INVALID_REFERENCE", message)
    alias, name = (_unquote(part) for part in found.groups())
    return alias, name


def quote(alias: str, name: str) -> str:
    """The reference as people write it: quoted only where it must be."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
    return f"{alias}.{name}" if plain else f'{alias}."{name.replace(chr(34), chr(34) * 2)}"'


def _unquote(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
