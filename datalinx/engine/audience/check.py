"""What can be known about an audience when it is saved: names, operators, values, patterns."""

from collections.abc import Mapping
from datetime import datetime

from datalinx.engine.audience.rules import compile_audience
from datalinx.engine.query.patterns import pattern_fault
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.audience import AudienceDocument, FieldRule, walk
from datalinx.engine.spec.base import refusal
from datalinx.errors import FieldError


def check_audience(
    document: AudienceDocument,
    *,
    tables: Mapping[str, TableFiles],
    audiences: Mapping[str, TableFiles],
    now: datetime,
) -> None:
    """Raise `Invalid` with every fault that is known without data; see `compile_audience` for their codes.

    Tables and audiences need only their columns here, no files. Cycles between audiences are the caller's to
    find: `referenced_audiences` gives the edges.
    """
    compile_audience(document, tables=tables, audiences=audiences, now=now)
    if faults := [
        FieldError(f"{path}.value", "invalid_value", fault)
        for path, rule, _ in walk(document.rule)
        if isinstance(rule, FieldRule) and rule.op == "matches" and (fault := pattern_fault(str(rule.value)))
    ]:
        raise refusal(faults)
