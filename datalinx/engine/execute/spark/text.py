"""Names, values and types as parts of Spark's SQL. Nothing of a user's comes into a statement but through here."""

from collections.abc import Callable

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.compile.spark import lower, spark_text
from datalinx.engine.execute.spark.answers import Answers, answered


def quoted(name: str) -> str:
    """The identifier that means exactly this name."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: str) -> str:
    """The literal that means exactly this text."""
    return spark_text(exp.Literal.string(value))


class Expressions:
    """The plan's expressions as Spark's SQL over joined rows, whose columns are named `alias.column`."""

    def __init__(self, compiled: CompiledMapping, answers: Answers) -> None:
        self._types = column_types(compiled)
        self._answers = answers

    def over_inputs(self, tree: exp.Expression) -> str:
        """An expression over columns of the inputs."""
        return spark_text(self._lowered(tree))

    def over_joined(self, tree: exp.Expression) -> str:
        """An expression over the joined rows and the steps."""

        def rename(node: exp.Expression) -> exp.Expression:
            if isinstance(node, exp.Column) and node.table:
                return exp.column(f"{node.table}.{node.name}", quoted=True)
            return node

        return spark_text(self._lowered(tree).transform(rename))

    def _lowered(self, tree: exp.Expression) -> exp.Expression:
        return answered(lower(tree, types=self._types), self._answers)


def column_types(compiled: CompiledMapping) -> Callable[[exp.Column], str]:
    """Return what tells the DuckDB type of a column of an input, of a lookup or of a step."""
    inputs = {
        (entry.alias, column.name): column.type for entry in compiled.inputs for column in entry.columns
    }
    steps = {step.name: step.type for step in compiled.steps}
    lookups = {
        column.table: step.type
        for step in compiled.steps
        for column in step.expression.find_all(exp.Column)
        if column.table.startswith("lookup:")
    }

    def type_of(column: exp.Column) -> str:
        if not column.table:
            return steps[column.name]
        # The columns of a lookup are its key, which is text, and its value, which is a step by itself.
        if (column.table, column.name) not in inputs:
            return "VARCHAR" if column.name == "key" else lookups[column.table]
        return inputs[column.table, column.name]

    return type_of
