"""The ledger: every row that was read is counted once, where it leaves, and the counts have to close."""

from dataclasses import asdict, dataclass, fields

from datalinx import errors


@dataclass(frozen=True)
class Counts:
    """The counts of one step, in rows; `values_nulled` counts values.

    `read` are the rows of the first input, `joined_in` those that joins added, `joined_out` those of the first
    input that no join kept, `grouped` those folded away into groups. `deleted` and `values_nulled` stand
    outside of the equation.
    """

    read: int = 0
    joined_in: int = 0
    joined_out: int = 0
    grouped: int = 0
    filtered: int = 0
    deduplicated: int = 0
    rejected: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    values_nulled: int = 0

    @property
    def written(self) -> int:
        """The rows that came into the table or changed in it."""
        return self.inserted + self.updated

    @property
    def difference(self) -> int:
        """Rows that came in minus rows that left: 0 when the ledger closes."""
        left = self.joined_out + self.grouped + self.filtered + self.deduplicated + self.rejected
        return self.read + self.joined_in - left - self.inserted - self.updated - self.unchanged

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )

    def as_dict(self) -> dict[str, int]:
        """The counts by name, `written` among them."""
        return {**asdict(self), "written": self.written}


def require_balance(table: str, counts: Counts) -> None:
    """Raise `Failed` with `LEDGER_UNBALANCED` unless the equation holds to the row."""
    if counts.difference:
        direction = "did not leave anywhere" if counts.difference > 0 else "left without having come"
        raise unbalanced(table, f"{abs(counts.difference)} rows {direction}", counts)


def unbalanced(table: str, what: str, counts: Counts) -> errors.Failed:
    """The error for a step whose figures contradict each other; `what` says which, without a full stop."""
    message = (
        f"The ledger of `{table}` does not close: {what}. Nothing was published. Run it again; if this stays, "
        "an input changes while it is read, or this is a fault of the platform: report it with the counts."
    )
    return errors.Failed("LEDGER_UNBALANCED", message, details={"table": table, "counts": counts.as_dict()})
