"""The column that the tests put into a type's functions, and the shape of what runs them."""

from collections.abc import Callable

from sqlglot import exp

VALUE = exp.column("value", table="t", quoted=True)

# evaluate(expression over VALUE, values, DuckDB type of the values) -> results in order
Evaluate = Callable[..., list[object]]
