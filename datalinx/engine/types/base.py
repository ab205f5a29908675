"""The base types: what a stored column can be, with its DuckDB type and its Iceberg type."""

from dataclasses import dataclass
from typing import Literal, get_args

from datalinx import errors

BaseName = Literal[
    "string",
    "text",
    "integer",
    "bigint",
    "float",
    "double",
    "decimal",
    "boolean",
    "date",
    "datetime",
    "timestamp",
    "time",
    "json",
    "uuid",
    "binary",
]
"""The names of the base types, in the order in which people are shown them."""

PiiClass = Literal["none", "contact", "identity", "demographic", "location", "online_identifier"]
"""What a value says about a person; it travels with the column and decides masking at every exit."""

PII_CLASSES: tuple[str, ...] = get_args(PiiClass)

DEFAULT_PRECISION = 38
DEFAULT_SCALE = 9
MAX_PRECISION = 38


@dataclass(frozen=True)
class ResolvedType:
    """A column's type with everything decided: what to cast to, and what the lake stores.

    `name` is the type as declared (`email`, `decimal`), `base` the base type under it. `duckdb` and
    `iceberg` are the types' texts in those systems, such as `DECIMAL(18,2)` and `decimal(18, 2)`.
    """

    name: str
    base: BaseName
    duckdb: str
    iceberg: str
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True)
class BaseType:
    """A base type and the facts about it that documents, forms and the lake need."""

    name: BaseName
    description: str
    duckdb: str
    iceberg: str
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]

    def resolve(
        self, *, precision: int | None = None, scale: int | None = None, name: str | None = None
    ) -> ResolvedType:
        """Return this type for one column; `name` is the semantic type that stands on it, if any.

        Raise `Invalid` with `PRECISION_NOT_ALLOWED` or `INVALID_PRECISION` when the figures make no sense.
        """
        declared = name or self.name
        if self.name != "decimal":
            if precision is not None or scale is not None:
                raise errors.Invalid(
                    "PRECISION_NOT_ALLOWED",
                    f"The type {declared} takes neither precision nor scale; only decimal does.",
                )
            return ResolvedType(declared, self.name, self.duckdb, self.iceberg)
        precision, scale = _decimal_figures(precision, scale)
        return ResolvedType(
            declared,
            self.name,
            f"DECIMAL({precision},{scale})",
            f"decimal({precision}, {scale})",
            precision,
            scale,
        )


def _decimal_figures(precision: int | None, scale: int | None) -> tuple[int, int]:
    """Fill in what was left out: nothing given is (38, 9), a precision alone has scale 0 as in SQL."""
    if scale is None:
        scale = DEFAULT_SCALE if precision is None else 0
    if precision is None:
        precision = DEFAULT_PRECISION
    if not 1 <= precision <= MAX_PRECISION or not 0 <= scale <= precision:
        raise errors.Invalid(
            "INVALID_PRECISION",
            f"decimal({precision}, {scale}) is not possible: precision goes from 1 to {MAX_PRECISION} "
            "and scale from 0 to the precision.",
        )
    return precision, scale


BASE_TYPES: dict[str, BaseType] = {
    kind.name: kind
    for kind in (
        BaseType("string", "Text of any length, usually short.", "VARCHAR", "string", ("Ada", ""), ()),
        BaseType("text", "Text of any length, usually long.", "VARCHAR", "string", ("A long story.",), ()),
        BaseType(
            "integer",
            "A whole number of 32 bits.",
            "INTEGER",
            "int",
            ("0", "-12", "+7", "007", "12.0", " 12 "),
            ("12.5", "1e5", "1,000", "2147483648", "0x1F", "1_000", "", "twelve"),
        ),
        BaseType(
            "bigint",
            "A whole number of 64 bits.",
            "BIGINT",
            "long",
            ("9223372036854775807", "-1"),
            ("9223372036854775808", "0.5", "1e5"),
        ),
        BaseType(
            "float",
            "A binary floating-point number of 32 bits.",
            "FLOAT",
            "float",
            ("0.5", "1e5", "-.25"),
            ("1e39", "nan", "1,5"),
        ),
        BaseType(
            "double",
            "A binary floating-point number of 64 bits.",
            "DOUBLE",
            "double",
            ("0.1", "6.02e23", "-1"),
            ("1e400", "inf", "NaN", "0x10"),
        ),
        BaseType(
            "decimal",
            "An exact decimal number; precision 38 and scale 9 unless given.",
            f"DECIMAL({DEFAULT_PRECISION},{DEFAULT_SCALE})",
            f"decimal({DEFAULT_PRECISION}, {DEFAULT_SCALE})",
            ("19.99", "-0.000000001", "5.", ".5", "1.50000000000"),
            ("0.0000000001", "1e2", "NaN", "Infinity", "$5"),
        ),
        BaseType(
            "boolean",
            "True or false.",
            "BOOLEAN",
            "boolean",
            ("true", "F", "yes", "N", "1", "0", "off"),
            ("2", "maybe", ""),
        ),
        BaseType(
            "date",
            "A day of the calendar, ISO 8601, from year 1 to 9999.",
            "DATE",
            "date",
            ("2024-02-29", "0001-01-01", "2024-01-05 00:00:00"),
            ("2023-02-29", "05/01/2024", "2024-1-5", "0000-01-01", "20240105", "2024-01-05 10:00"),
        ),
        BaseType(
            "datetime",
            "A date with a time of day and no zone, to the microsecond.",
            "TIMESTAMP",
            "timestamp",
            ("2024-01-05T10:00:00", "2024-01-05 10:00", "2024-01-05"),
            ("2024-01-05T24:00:00", "2024-01-05 10", "noon"),
        ),
        BaseType(
            "timestamp",
            "An instant, kept in UTC, to the microsecond.",
            "TIMESTAMP WITH TIME ZONE",
            "timestamptz",
            ("2024-01-05T10:00:00Z", "2024-01-05 10:00:00+02:00", "2024-01-05T10:00:00.123456"),
            ("2024-01-05T10:00:00+25:00", "2024-01-05T10:00:00 Europe/Paris"),
        ),
        BaseType(
            "time",
            "A time of day without date or zone, to the microsecond.",
            "TIME",
            "time",
            ("23:59", "23:59:59.5"),
            ("24:00:00", "9:00", "23:59:60"),
        ),
        BaseType(
            "json",
            "Any JSON value, kept as written; stored as text, as Iceberg has no JSON type.",
            "VARCHAR",
            "string",
            ('{"a": [1]}', "12"),
            ("{a: 1}", "[1,]", "NaN", ""),
        ),
        BaseType(
            "uuid",
            "A universally unique identifier (RFC 9562).",
            "UUID",
            "uuid",
            ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
            ("3f2504e0-4f89-11d3-9a0c-0305e82c330", "not-a-uuid"),
        ),
        BaseType("binary", "Bytes; text becomes its UTF-8 bytes.", "BLOB", "binary", ("bytes",), ()),
    )
}
