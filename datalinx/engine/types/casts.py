"""Casts: from any type of a source to a base type, NULL where the value does not fit."""

from sqlglot import exp

from datalinx.engine.types.base import ResolvedType


def cast_from(value: exp.Expression, from_duckdb_type: str, to: ResolvedType) -> exp.Expression:
    """Return `value` as the type `to`: NULL when it is NULL or does not fit, never an error."""
    raise NotImplementedError


def can_cross(from_duckdb_type: str, to: ResolvedType) -> bool:
    """Tell whether any value of the source's type could ever fit the target (boolean to date: none)."""
    raise NotImplementedError
