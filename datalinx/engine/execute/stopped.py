"""A table that was read and is not published: why, and what is known of it all the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datalinx import errors
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.results import InputReport, TestResult


@dataclass(frozen=True)
class Findings:
    """What an execution had found out when it stopped; rows that would have been loaded are counted nowhere.

    `rejected_path` is a whole file of rejected rows, None when they were not written, or none were rejected.
    """

    counts: Counts
    rejected_by_reason: Mapping[str, int] = field(default_factory=dict)
    values_nulled: Mapping[str, int] = field(default_factory=dict)
    rejected_path: Path | None = None
    inputs: Mapping[str, InputReport] = field(default_factory=dict)
    tests: tuple[TestResult, ...] = ()


class Stopped(errors.Failed):
    """The failure of an execution, with its findings: people have to see why nothing was published."""

    def __init__(self, why: errors.Failed, findings: Findings) -> None:
        super().__init__(why.code, why.message, details=why.details, errors=why.errors)
        self.findings = findings
