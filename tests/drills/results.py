"""What the drills found: how many rounds held, and the worst time, as a table and as a file."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = Path(__file__).parent / "results.json"


@dataclass
class Result:
    """One drill on one variant. `worst` is in seconds, of what the drill measures; None when it measures none."""

    drill: str
    variant: str
    rounds: int = 0
    held: int = 0
    worst: float | None = None


class Results:
    """All that was found in this session."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Result] = {}

    def begin(self, drill: str, variant: str) -> Result:
        """Count a round that begins; `hold` counts it as held. What never held is a failure."""
        row = self.rows.setdefault((drill, variant), Result(drill, variant))
        row.rounds += 1
        return row

    @staticmethod
    def hold(row: Result, seconds: float | None = None) -> None:
        """Count the round that was begun as held."""
        row.held += 1
        if seconds is not None:
            row.worst = round(max(seconds, row.worst or 0.0), 1)

    def table(self) -> list[str]:
        """Return the lines of the table."""
        lines = [f"{'drill':<44} {'variant':<10} {'rounds':>6} {'held':>6} {'failed':>6} {'worst s':>8}"]
        for row in sorted(self.rows.values(), key=lambda each: (each.drill, each.variant)):
            worst = "" if row.worst is None else f"{row.worst:.1f}"
            failed = row.rounds - row.held
            lines.append(
                f"{row.drill:<44} {row.variant:<10} {row.rounds:>6} {row.held:>6} {failed:>6} {worst:>8}"
            )
        return lines

    def write(self) -> None:
        """Put the results into the file, beside those of drills that were not run now."""
        if not os.environ.get("DRILL_RESULTS"):
            return
        FILE.touch()
        with FILE.open("r+") as file:
            # The variants are drilled at the same time.
            fcntl.flock(file, fcntl.LOCK_EX)
            known = json.loads(file.read() or "[]")
            kept = {(each["drill"], each["variant"]): each for each in known}
            kept |= {key: asdict(row) for key, row in self.rows.items()}
            file.seek(0)
            file.truncate()
            file.write(json.dumps([kept[key] for key in sorted(kept)], indent=1) + "\n")


RESULTS = Results()
