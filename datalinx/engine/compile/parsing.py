"""From a user's text to a raw syntax tree, within bounds: nothing here is trusted or meant to run."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import cast

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parsers.duckdb import DuckDBParser
from sqlglot.tokenizer_core import Token, TokenType

from datalinx import errors

MAX_CHARACTERS = 10_000
# sqlglot's parser spends about fifteen frames on a level of parentheses; Python has a thousand.
MAX_NESTING = 25
MAX_PREFIXES = 8
MAX_TOKENS = 4_000

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_PREFIXES = {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE}


class _UserParser(DuckDBParser):
    """DuckDB's grammar without knowledge of functions: each call stays a name with arguments.

    So a function means what our own table says and nothing that sqlglot guesses.
    """

    FUNCTIONS = {}
    FUNCTION_PARSERS = {name: DuckDBParser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST", "EXTRACT")}
    NO_PAREN_FUNCTIONS = {}
    NO_PAREN_FUNCTION_PARSERS = {"CASE": DuckDBParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}


class UserDialect(DuckDB):
    """DuckDB's dialect, in which every call is a name with arguments."""

    Parser = _UserParser


def parse_one(text: str) -> exp.Expression:
    """Parse one expression or one query, or raise `Invalid`: `EXPRESSION_INVALID` with line and column."""
    if len(text) > MAX_CHARACTERS:
        raise not_allowed(
            f"An expression has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}."
        )
    try:
        tokens = UserDialect().tokenize(text)
        _check_bounds(tokens)
        trees = UserDialect().parser().parse(tokens, text)
    except RecursionError:
        raise not_allowed("The expression is nested too deeply; move a part of it into a CTE.") from None
    except ParseError as error:
        raise _parse_error(error) from None
    except SqlglotError as error:
        # The tokenizer's only faults are a quote or a comment that is never closed.
        raise errors.Invalid("EXPRESSION_INVALID", "A quote or a comment is not closed.") from error
    found = [tree for tree in trees if tree is not None]
    if not found:
        raise errors.Invalid("EXPRESSION_INVALID", "The expression is empty.")
    if len(found) > 1:
        raise not_allowed("Only one expression may stand here; there is a `;` in the text.")
    return cast("exp.Expression", found[0])


def not_allowed(message: str, node: exp.Expr | None = None, text: str = "") -> errors.Invalid:
    """The refusal `EXPRESSION_NOT_ALLOWED`, with the place of `node` in `text` when it is known."""
    return refused("EXPRESSION_NOT_ALLOWED", message, node, text)


def refused(code: str, message: str, node: exp.Expr | None, text: str) -> errors.Invalid:
    """An `Invalid` whose sentence and details say where in `text` the node stands."""
    place = _place(node, text)
    if place is None:
        return errors.Invalid(code, message)
    line, column = place
    where = f"Column {column}" if "\n" not in text else f"Line {line}, column {column}"
    return errors.Invalid(code, f"{where}: {message}", details={"line": line, "column": column})


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A sentence that names the nearest known name, or an empty text."""
    by_lower = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return f" Did you mean `{by_lower[near[0]]}`?" if near else ""


def _check_bounds(tokens: Sequence[Token]) -> None:
    if tokens and tokens[-1].token_type == TokenType.ALIAS:
        # The parser would pass over it.
        raise errors.Invalid("EXPRESSION_INVALID", "After AS there is nothing.")
    if len(tokens) > MAX_TOKENS:
        raise not_allowed("The expression is too long; move a part of it into a CTE.")
    nesting = prefixes = 0
    for token in tokens:
        nesting += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        prefixes = prefixes + 1 if token.token_type in _PREFIXES else 0
        if nesting > MAX_NESTING or prefixes > MAX_PREFIXES:
            message = (
                f"The expression is nested more than {MAX_NESTING} levels deep; move a part of it into a CTE."
            )
            raise not_allowed(message)


def _parse_error(error: ParseError) -> errors.Invalid:
    first = error.errors[0] if error.errors else {}
    line, column = first.get("line"), first.get("col")
    near = str(first.get("highlight") or "")[:40]
    message = "This is not an SQL expression"
    if line is not None and column is not None:
        message += f": see line {line}, column {column}" + (f", near `{near}`" if near.strip() else "")
    return errors.Invalid("EXPRESSION_INVALID", message + ".", details={"line": line, "column": column})


def _place(node: exp.Expr | None, text: str) -> tuple[int, int] | None:
    """Line and column, from 1, of the node's first character that the parser knows of."""
    if node is None:
        return None
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    if not starts:
        return None
    before = text[: min(starts)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
