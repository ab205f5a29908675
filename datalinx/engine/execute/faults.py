"""The faults of a row as flags: what makes it invalid, which values become NULL, and what a rejection says."""

from collections.abc import Iterator
from dataclasses import dataclass

from datalinx.engine.compile.plan import CompiledField
from datalinx.engine.execute.text import any_of, duckdb_sql, literal, quoted

NULL_NOT_ALLOWED = "null_not_allowed"
SHOWN_CHARACTERS = 1_000


@dataclass(frozen=True)
class Flag:
    """One way for a row to be rejected: the flag's column and what the rejection says."""

    column: str
    field: str
    reason: str
    message: str
    shown: str

    def entry(self) -> str:
        """The rejection's struct, NULL where the flag is not set."""
        parts = {
            "field": literal(self.field),
            "reason": literal(self.reason),
            "message": literal(self.message),
            "value": f"left({self.shown}, {SHOWN_CHARACTERS})",
        }
        struct = ", ".join(f"'{name}': CAST({part} AS VARCHAR)" for name, part in parts.items())
        return f"CASE WHEN {self.column} THEN {{{struct}}} END"


class FieldFlags:
    """The flags of one field, in three layers, each over the one before: own faults, value, missing value."""

    def __init__(self, position: int, field: CompiledField) -> None:
        self.field = field
        self.value = quoted(f"=v{position}")
        self.nulled = quoted(f"=n{position}")
        self._missing = quoted(f"=m{position}")
        self._own = [quoted(f"=f{position}.{number}") for number in range(len(field.faults))]

    @property
    def nulls(self) -> bool:
        """Whether an invalid value becomes NULL instead of making the row invalid."""
        return self.field.on_invalid == "null" and bool(self._own)

    def own_faults(self) -> Iterator[str]:
        """The first layer: a column for each fault of the field."""
        for column, fault in zip(self._own, self.field.faults, strict=True):
            yield f"coalesce({duckdb_sql(fault.when)}, FALSE) AS {column}"

    def values(self) -> Iterator[str]:
        """The second layer: the value as it will be stored, and whether it was made NULL for that."""
        value = f"CAST({duckdb_sql(self.field.value)} AS {self.field.type.duckdb})"
        if self.nulls:
            faulty = any_of(self._own)
            yield f"({faulty}) AS {self.nulled}"
            value = f"CASE WHEN {faulty} THEN NULL ELSE {value} END"
        yield f"{value} AS {self.value}"

    def missing(self) -> Iterator[str]:
        """The third layer: whether the value is missing where it may not; an invalid value is not missing."""
        if self.field.nullable:
            return
        is_null = f"{self.value} IS NULL"
        if self._own and not self.nulls:
            is_null += f" AND NOT ({any_of(self._own)})"
        yield f"({is_null}) AS {self._missing}"

    def flags(self) -> Iterator[Flag]:
        """What rejects a row, in order."""
        if not self.nulls:
            for column, fault in zip(self._own, self.field.faults, strict=True):
                shown = f"CAST({duckdb_sql(fault.shown)} AS VARCHAR)"
                yield Flag(column, self.field.name, fault.reason, fault.message, shown)
        if not self.field.nullable:
            message = f"`{self.field.name}` may not be empty."
            yield Flag(self._missing, self.field.name, NULL_NOT_ALLOWED, message, "NULL")
