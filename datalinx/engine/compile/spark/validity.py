"""JSON texts: whether a text is JSON, by a test that no parser's leniency decides."""

from sqlglot import exp

from datalinx.engine.compile.spark.form import form

# A string of RFC 8259; half of a pair of surrogates alone is none.
_UNIT = (
    r"u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_STRING = rf'"(?:[^"\\\x00-\x1F]++|\\(?:["\\/bfnrt]|{_UNIT}))*+"'
_NOT_FINITE = r"-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)"
# The first part keeps a comma that has nothing before it, which is a fault wherever a bracket closes.
_TRAILING_COMMA = r"([\[{:,][\x09\x0A\x0D ]*,)|,([\x09\x0A\x0D ]*[\]}])"
_SIGNS = r'\A[-+0-9.eE\[\]{}:,"a-z\x09\x0A\x0D ]*\z'
_BAD_NUMBER = r"(?<![0-9.eE+-])-?0[0-9]|[0-9]\.(?![0-9])|(?<![0-9])\.|\+(?<![eE]\+)"


def is_json(tree: exp.Expr) -> exp.Expr:
    """Whether the text is JSON as DuckDB's reader takes it: NaN, Infinity and a comma before a bracket count.

    Strings are taken out first, so that what is left is short and plain. Spark's reader stops behind the first
    value; in a list and in an object around the text a bracket too many cannot close both.
    """
    return form(
        "(CASE WHEN :v IS NULL THEN NULL ELSE coalesce(:bare RLIKE :signs AND NOT (:bare RLIKE :number) AND "
        "json_array_length(concat('[', :bare, ']')) = 1 AND "
        "get_json_object(concat('{\"v\":', :bare, '}'), '$') IS NOT NULL, FALSE) END)",
        v=tree,
        bare=without_strings(tree),
        signs=_SIGNS,
        number=_BAD_NUMBER,
    )


def without_strings(tree: exp.Expr) -> exp.Expr:
    """The text with empty strings for its own, and without what DuckDB reads besides JSON."""
    return form(
        "regexp_replace(regexp_replace(regexp_replace(:v, :string, :empty), :special, '0'), :comma, '$1$2')",
        v=tree,
        string=_STRING,
        empty='""',
        special=_NOT_FINITE,
        comma=_TRAILING_COMMA,
    )
