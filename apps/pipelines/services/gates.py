"""The tests of a table's columns as a run asks them: those of its own documents, on the tables stored now."""

from typing import Literal

from apps.mappings.services.compile import Documents, target_table
from apps.pipelines.services.reading import stored_scan
from apps.pipelines.services.tables import find_stored_table
from apps.workspaces.models import Workspace
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.gate import TableTests, require_passed
from datalinx.engine.execute.results import TableResult
from datalinx.engine.execute.stopped import Findings, Stopped
from datalinx.engine.spec.schema import RelationshipTest
from datalinx.errors import Failed


def table_tests(
    workspace: Workspace, documents: Documents, table: str, *, mode: Literal["gate", "warn", "off"]
) -> TableTests | None:
    """Return the tests of a table, None when it has none or they are off."""
    if mode == "off":
        return None
    columns = {column.name: column.tests for column in target_table(documents, table).columns if column.tests}
    if not columns:
        return None
    named = {
        test.table
        for tests in columns.values()
        for test in tests
        if isinstance(test, RelationshipTest) and test.table != table
    }
    return TableTests(table, columns, {name: _scan(workspace, name) for name in named}, mode)


def require_gate(tests: TableTests | None, result: TableResult) -> None:
    """Raise the failure of a gate with all that was found out, for a table that was made and is not published."""
    if tests is None:
        return
    try:
        require_passed(tests, result.tests)
    except Failed as error:
        findings = Findings(
            counts=result.counts,
            rejected_by_reason=result.rejected_by_reason,
            values_nulled=result.values_nulled,
            rejected_path=result.rejected_path,
            inputs=result.inputs,
            tests=result.tests,
        )
        raise Stopped(error, findings) from error


def _scan(workspace: Workspace, name: str) -> Scan | None:
    stored = find_stored_table(workspace.pk, name)
    return stored_scan(stored, None) if stored is not None else None
