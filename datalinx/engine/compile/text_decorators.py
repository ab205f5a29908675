"""The decorators that work on text."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.chain import Chain
from datalinx.engine.compile.decorator_kinds import decorator
from datalinx.engine.compile.functions import MAX_PATTERN, MAX_REPLACEMENT
from datalinx.engine.compile.operators import MAX_GROWTH
from datalinx.engine.spec.base import Part, Scalar, Text
from datalinx.engine.types.sql import sql, trimmed

Short = Annotated[Text, Field(max_length=MAX_REPLACEMENT)]
Pattern = Annotated[Text, Field(min_length=1, max_length=MAX_PATTERN)]

# Runs of white space: ASCII's, the no-break and the ideographic space, and those of Unicode's punctuation block.
_SPACES = r"[\s\x{00A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}]+"

_SINGLE_SPACES = " ?[!-~]+(?: [!-~]+)* ?"


@decorator("trim", "Removes white space from both ends.")
def _trim(chain: Chain, parameters: Part) -> None:
    value = chain.bind_text()
    chain.to(trimmed(value))
    chain.untrimmed = value


@decorator("collapse_whitespace", "Makes every run of white space one space.")
def _collapse_whitespace(chain: Chain, parameters: Part) -> None:
    # Replacing costs several times what it costs to see that there is nothing to replace.
    chain.to(
        sql(
            "CASE WHEN regexp_full_match(:value, :plain) THEN :value "
            "ELSE regexp_replace(:value, :spaces, ' ', 'g') END",
            value=chain.bind_text(),
            plain=_SINGLE_SPACES,
            spaces=_SPACES,
        )
    )


@decorator("lower", "Makes all letters small.")
def _lower(chain: Chain, parameters: Part) -> None:
    chain.to(sql("lower(:value)", value=chain.text()))


@decorator("upper", "Makes all letters capital.")
def _upper(chain: Chain, parameters: Part) -> None:
    chain.to(sql("upper(:value)", value=chain.text()))


@decorator("title", "Makes the first letter of each word capital and the others small.")
def _title(chain: Chain, parameters: Part) -> None:
    words = "list_transform(string_split(lower(:value), ' '), lambda w: upper(left(w, 1)) || substring(w, 2))"
    chain.to(sql(f"array_to_string({words}, ' ')", value=chain.text()))


class EmptyToNull(Part):
    """Besides the empty text, what else stands for nothing, such as `N/A`."""

    values: Annotated[tuple[Short, ...], Field(max_length=50)] = ()


@decorator("empty_to_null", "Makes a text that is empty, or one of `values`, a missing value.", EmptyToNull)
def _empty_to_null(chain: Chain, parameters: EmptyToNull) -> None:
    value = chain.bind_text()
    empty = exp.In(this=value, expressions=[exp.Literal.string(entry) for entry in ("", *parameters.values)])
    chain.to(exp.Case().when(exp.not_(empty), value.copy()))


class Default(Part):
    """What stands for a missing value."""

    value: Annotated[Scalar, Field()]

    @model_validator(mode="after")
    def _is_something(self) -> "Default":
        if self.value is None:
            raise ValueError("must not be null")
        return self


@decorator("default", "Puts `value` where there is none.", Default)
def _default(chain: Chain, parameters: Default) -> None:
    text = _as_text(parameters.value)
    chain.to(sql("coalesce(:value, :default)", value=chain.text(), default=text))


class Replace(Part):
    """Every `find` becomes `replace`."""

    find: Annotated[Short, Field(min_length=1)]
    replace: Short = ""


@decorator("replace", "Replaces every `find` by `replace`.", Replace)
def _replace(chain: Chain, parameters: Replace) -> None:
    chain.growth *= max(1.0, len(parameters.replace) / len(parameters.find))
    if chain.growth > MAX_GROWTH:
        message = f"These replacements could make a text more than {MAX_GROWTH:,} times as long."
        raise errors.Invalid("INVALID_PARAMETER", message)
    chain.to(
        sql("replace(:value, :find, :new)", value=chain.text(), find=parameters.find, new=parameters.replace)
    )


class RegexExtract(Part):
    """An RE2 pattern; `group` 0 is the whole match."""

    pattern: Pattern
    group: Annotated[int, Field(ge=0, le=9)] = 0


@decorator("regex_extract", "Keeps what matches `pattern`; nothing where it does not match.", RegexExtract)
def _regex_extract(chain: Chain, parameters: RegexExtract) -> None:
    value = chain.bind_text()
    chain.to_inferred(
        sql(
            "CASE WHEN regexp_matches(:value, :pattern) THEN regexp_extract(:value, :pattern, :group) END",
            value=value,
            pattern=parameters.pattern,
            group=parameters.group,
        )
    )


class SplitPart(Part):
    """`index` counts from 1; from the end with -1."""

    separator: Annotated[Short, Field(min_length=1)]
    index: Annotated[int, Field(ge=-1_000, le=1_000)]

    @model_validator(mode="after")
    def _counts_from_one(self) -> "SplitPart":
        if self.index == 0:
            raise ValueError("index counts from 1, or from the end with -1")
        return self


@decorator(
    "split_part", "Keeps one part of a text split at `separator`; nothing where it is missing.", SplitPart
)
def _split_part(chain: Chain, parameters: SplitPart) -> None:
    part = sql(
        "nullif(split_part(:value, :separator, :index), '')",
        value=chain.text(),
        separator=parameters.separator,
        index=parameters.index,
    )
    chain.to(part)


class MapValues(Part):
    """What each value becomes; `otherwise` says what happens to the others."""

    values: Annotated[dict[Short, Short | None], Field(min_length=1, max_length=500)]
    otherwise: Literal["keep", "null", "invalid"] = "keep"


@decorator(
    "map_values", "Replaces whole values as the table `values` says; use a lookup for many.", MapValues
)
def _map_values(chain: Chain, parameters: MapValues) -> None:
    value = chain.bind_text()
    case = exp.Case(this=value.copy())
    for old, new in parameters.values.items():
        case = case.when(exp.Literal.string(old), exp.null() if new is None else exp.Literal.string(new))
    if parameters.otherwise == "keep":
        case = case.else_(value.copy())
    if parameters.otherwise == "invalid":
        known = exp.In(this=value.copy(), expressions=[exp.Literal.string(old) for old in parameters.values])
        unknown = exp.Is(this=exp.paren(known), expression=exp.false())
        chain.fault(unknown, "value_not_mapped", "The value is not in the table of values.")
    chain.to(case)


class Truncate(Part):
    """The most characters that stay."""

    length: Annotated[int, Field(ge=1, le=100_000)]


@decorator("truncate", "Keeps the first `length` characters.", Truncate)
def _truncate(chain: Chain, parameters: Truncate) -> None:
    chain.to(sql("left(:value, :length)", value=chain.text(), length=parameters.length))


class Hash(Part):
    """`salt` is put before the value."""

    algorithm: Literal["sha256", "md5"] = "sha256"
    salt: Short = ""


@decorator("hash", "Replaces the value by its hash, in hexadecimal digits.", Hash)
def _hash(chain: Chain, parameters: Hash) -> None:
    salted = (
        sql(":salt || :value", salt=parameters.salt, value=chain.text()) if parameters.salt else chain.text()
    )
    chain.to(exp.Anonymous(this=parameters.algorithm, expressions=[salted]))


class Mask(Part):
    """How many characters stay readable at the ends. A semantic type's own mask is used when none is given."""

    keep_first: Annotated[int, Field(ge=0, le=100)] = 0
    keep_last: Annotated[int, Field(ge=0, le=100)] = 0
    character: Annotated[str, Field(min_length=1, max_length=1)] = "*"


@decorator(
    "mask", "Hides the value behind a character; a value of a known semantic type in its own way.", Mask
)
def _mask(chain: Chain, parameters: Mask) -> None:
    semantic = chain.types.semantic(chain.semantic) if chain.semantic else None
    if semantic is not None and not parameters.model_fields_set:
        chain.to(semantic.mask(chain.bind()))
        return
    value = chain.bind_text()
    kept = parameters.keep_first + parameters.keep_last
    # A value too short to keep anything of is hidden as a whole.
    chain.to(
        sql(
            "CASE WHEN length(:v) > :kept THEN left(:v, :first) || repeat(:c, length(:v) - :kept) || "
            "CASE WHEN :last > 0 THEN right(:v, :last) ELSE '' END ELSE repeat(:c, length(:v)) END",
            v=value,
            kept=kept,
            first=parameters.keep_first,
            last=parameters.keep_last,
            c=parameters.character,
        )
    )


def _as_text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
