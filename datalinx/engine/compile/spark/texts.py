"""The functions of text, patterns excepted."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.form import bound, call, closed, form, is_large, typed
from datalinx.engine.compile.spark.letters import composed, lowered, lowered_once, uppered, without_accents
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, function
from datalinx.engine.compile.spark.refusal import cannot

Text = Callable[..., exp.Expr]


def of_texts(
    *names: str, kinds: Sequence[str], gives: str = "VARCHAR", once: Text | None = None
) -> Callable[[Text], Text]:
    """Register a function that never raises; its arguments are cast to `kinds`, the last of which goes on.

    `once` is the same with the first argument written once: what is named instead is interpreted, row by row.
    """

    def register(made: Text) -> Text:
        def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
            wanted = [kinds[min(place, len(kinds) - 1)] for place in range(len(arguments))]
            values = [cast_to(to, value, kind) for value, kind in zip(arguments, wanted, strict=True)]
            trees = [value.tree for value in values]
            way = once if once is not None and is_large(trees[0]) else made
            return to.made(_applied(way, trees), gives, *values)

        function(*names)(lower)
        return made

    return register


def _applied(made: Text, trees: list[exp.Expr]) -> exp.Expr:
    """The function of these arguments; the first, which is the largest as a rule, is named where it stands often."""
    return bound(trees[0], lambda first: made(first, *trees[1:]))


_T, _N = "VARCHAR", "BIGINT"


@of_texts("lower", "lcase", kinds=(_T,), once=lowered_once)
def _lower(value: exp.Expr) -> exp.Expr:
    return lowered(value)


@of_texts("upper", "ucase", kinds=(_T,))
def _upper(value: exp.Expr) -> exp.Expr:
    return uppered(value)


@of_texts("strip_accents", kinds=(_T,))
def _strip_accents(value: exp.Expr) -> exp.Expr:
    return without_accents(value)


@of_texts("nfc_normalize", kinds=(_T,))
def _nfc_normalize(value: exp.Expr) -> exp.Expr:
    return composed(value)


@of_texts("md5", kinds=(_T,))
def _md5(value: exp.Expr) -> exp.Expr:
    return call("md5", value)


@of_texts("sha256", kinds=(_T,))
def _sha256(value: exp.Expr) -> exp.Expr:
    return call("sha2", value, 256)


@function("reverse")
def _reverse(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """DuckDB keeps what people see as one letter together; where code points do not tell, there is no equal."""
    value = cast_to(to, arguments[0], "VARCHAR")
    clusters = form(
        "CASE WHEN octet_length(:v) = char_length(:v) THEN reverse(:v) "
        r"ELSE array_join(reverse(regexp_extract_all(:v, :cluster, 0)), '') END",
        v=value.tree,
        cluster=r"\X",
    )
    return to.made(clusters, "VARCHAR", value)


@of_texts("trim", kinds=(_T,))
def _trim(value: exp.Expr, signs: exp.Expr | None = None) -> exp.Expr:
    return _trimmed(value, signs, "btrim")


@of_texts("ltrim", kinds=(_T,))
def _ltrim(value: exp.Expr, signs: exp.Expr | None = None) -> exp.Expr:
    return _trimmed(value, signs, "ltrim")


@of_texts("rtrim", kinds=(_T,))
def _rtrim(value: exp.Expr, signs: exp.Expr | None = None) -> exp.Expr:
    return _trimmed(value, signs, "rtrim")


# The blanks of Unicode (category Zs), which are what DuckDB trims.
_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def _trimmed(value: exp.Expr, signs: exp.Expr | None, name: str) -> exp.Expr:
    if signs is None:
        signs = exp.Literal.string(_SPACES)
    if name == "btrim":
        return call(name, value, signs)
    # Spark's one-sided functions name the signs first.
    return call(name, signs, value)


@function("concat")
def _concat(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """NULLs are passed over."""
    if any(each.type.endswith("]") for each in arguments):
        raise cannot("concat of lists", "Only texts can be joined on this engine.")
    values = [cast_to(to, each, "VARCHAR") for each in arguments]
    return to.made(call("concat_ws", "", *(value.tree for value in values)), "VARCHAR", *values)


@of_texts("concat_ws", kinds=(_T,))
def _concat_ws(separator: exp.Expr, *values: exp.Expr) -> exp.Expr:
    return call("concat_ws", separator, *values)


@of_texts("substring", "substr", kinds=(_T, _N, _N))
def _substring(value: exp.Expr, start: exp.Expr, length: exp.Expr | None = None) -> exp.Expr:
    """Positions count from 1, before the first there is nothing; a negative length reaches to the left."""
    if (
        _number(start) is not None
        and (_number(start) or 0) > 0
        and (length is None or (_number(length) or -1) >= 0)
    ):
        return call("substring", value, _int(start), *([_int(length)] if length is not None else []))
    size = form("char_length(:v)", v=value)
    first = form(
        "(CASE WHEN :s > 0 THEN :s WHEN :s < 0 THEN :n + :s + 1 ELSE 0 END)",
        s=start,
        n=size,
    )
    if length is None:
        begin = form("greatest(:f, CAST(1 AS BIGINT))", f=first)
        return form("substring(:v, CAST(least(:b, CAST(2147483647 AS BIGINT)) AS INTEGER))", v=value, b=begin)
    low = form("(CASE WHEN :l < 0 THEN :f + :l ELSE :f END)", f=first, l=length)
    high = form("(CASE WHEN :l < 0 THEN :f ELSE :f + :l END)", f=first, l=length)
    begin = form("greatest(:low, CAST(1 AS BIGINT))", low=low)
    return form(
        "substring(:v, CAST(least(:b, CAST(2147483647 AS BIGINT)) AS INTEGER), "
        "CAST(greatest(least(:high, CAST(2147483647 AS BIGINT)) - :b, CAST(0 AS BIGINT)) AS INTEGER))",
        v=value,
        b=begin,
        high=high,
    )


def _number(tree: exp.Expr) -> int | None:
    """The whole number that a literal is."""
    while isinstance(tree, exp.Cast | exp.Paren):
        tree = tree.this
    if isinstance(tree, exp.Neg):
        inner = _number(tree.this)
        return -inner if inner is not None else None
    if isinstance(tree, exp.Literal) and not tree.is_string and tree.name.isdecimal():
        return int(tree.name)
    return None


def _int(tree: exp.Expr) -> exp.Expr:
    number = _number(tree)
    return (
        exp.Literal.number(min(number, 2**31 - 1))
        if number is not None and number >= 0
        else typed(tree, "INT")
    )


@of_texts("left", kinds=(_T, _N))
def _left(value: exp.Expr, count: exp.Expr) -> exp.Expr:
    """A negative count leaves out so many at the other end."""
    number = _number(count)
    if number is not None and number >= 0:
        return call("substring", value, 1, _int(count))
    return form(
        "substring(:v, 1, CAST(greatest(least(CASE WHEN :c < 0 THEN char_length(:v) + :c ELSE :c END, "
        "CAST(2147483647 AS BIGINT)), CAST(0 AS BIGINT)) AS INTEGER))",
        v=value,
        c=count,
    )


@of_texts("right", kinds=(_T, _N))
def _right(value: exp.Expr, count: exp.Expr) -> exp.Expr:
    return form(
        "substring(:v, CAST(char_length(:v) - least(greatest(CASE WHEN :c < 0 THEN char_length(:v) + :c ELSE :c END, "
        "CAST(0 AS BIGINT)), CAST(char_length(:v) AS BIGINT)) + 1 AS INTEGER))",
        v=value,
        c=count,
    )


@of_texts("replace", kinds=(_T,))
def _replace(value: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    return call("replace", value, old, new)


@of_texts("translate", kinds=(_T,))
def _translate(value: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    return call("translate", value, old, new)


@of_texts("split_part", kinds=(_T, _T, _N))
def _split_part(value: exp.Expr, separator: exp.Expr, place: exp.Expr) -> exp.Expr:
    number = _number(place)
    if number == 0:
        return form("CASE WHEN :v IS NOT NULL AND :s IS NOT NULL THEN '' END", v=value, s=separator)
    # An empty separator stands between all letters.
    parts = call("split_part", value, separator, _index(place))
    if isinstance(separator, exp.Literal):
        return parts if separator.name else _letter(value, place)
    return form(
        "CASE WHEN :s = '' THEN :letter WHEN :n = 0 THEN '' ELSE :parts END",
        s=separator,
        letter=_letter(value, place),
        n=place,
        parts=parts,
    )


def _index(place: exp.Expr) -> exp.Expr:
    number = _number(place)
    return exp.Literal.number(number) if number is not None and number > 0 else typed(place, "INT")


def _letter(value: exp.Expr, place: exp.Expr) -> exp.Expr:
    return form(
        "CASE WHEN :n > 0 THEN substring(:v, :n, 1) WHEN char_length(:v) + :n >= 0 "
        "THEN substring(:v, char_length(:v) + :n + 1, 1) WHEN :v IS NOT NULL THEN '' END",
        v=value,
        n=_index(place),
    )


def _padding(name: str) -> None:
    @function(name)
    def pad(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        """Where nothing is given to fill with and the text is too short, DuckDB raises."""
        value, size, filling = (
            cast_to(to, each, kind)
            for each, kind in zip(arguments, ("VARCHAR", "INTEGER", "VARCHAR"), strict=True)
        )
        tree = call(name, value.tree, closed(size.tree), filling.tree)
        if filling.literal is not None and filling.text:
            return to.made(tree, "VARCHAR", value, size, filling)
        guarded = form(
            "CASE WHEN :f <> '' OR char_length(:v) >= :n THEN :tree END",
            f=filling.tree,
            v=value.tree,
            n=size.tree,
            tree=tree,
        )
        return to.strict(guarded, "VARCHAR", value, size, filling)


_padding("lpad")
_padding("rpad")


@of_texts("repeat", kinds=(_T, _N))
def _repeat(value: exp.Expr, count: exp.Expr) -> exp.Expr:
    return call("repeat", value, _int(count) if _number(count) is not None else typed(count, "INT"))


@of_texts("starts_with", "prefix", "^@", kinds=(_T,), gives="BOOLEAN")
def _starts_with(value: exp.Expr, part: exp.Expr) -> exp.Expr:
    return call("startswith", value, part)


@of_texts("ends_with", "suffix", kinds=(_T,), gives="BOOLEAN")
def _ends_with(value: exp.Expr, part: exp.Expr) -> exp.Expr:
    return call("endswith", value, part)


@of_texts("contains", kinds=(_T,), gives="BOOLEAN")
def _contains(value: exp.Expr, part: exp.Expr) -> exp.Expr:
    return call("contains", value, part)


@of_texts("strpos", "instr", "position", kinds=(_T,), gives="BIGINT")
def _strpos(value: exp.Expr, part: exp.Expr) -> exp.Expr:
    return form("CAST(instr(:v, :p) AS BIGINT)", v=value, p=part)


@function("length", "len", "char_length", "character_length")
def _length(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = arguments[0]
    if value.type.endswith("]"):
        # Of a list that is not there Spark would say -1.
        return to.made(
            form("CASE WHEN :v IS NOT NULL THEN CAST(size(:v) AS BIGINT) END", v=value.tree), "BIGINT", value
        )
    value = cast_to(to, value, "VARCHAR")
    return to.made(form("CAST(char_length(:v) AS BIGINT)", v=value.tree), "BIGINT", value)


@of_texts("strlen", kinds=(_T,), gives="BIGINT")
def _strlen(value: exp.Expr) -> exp.Expr:
    return form("CAST(octet_length(:v) AS BIGINT)", v=value)


@of_texts("ascii", "unicode", "ord", kinds=(_T,), gives="INTEGER")
def _ascii(value: exp.Expr) -> exp.Expr:
    """The code point of the first letter."""
    return form(
        "CASE WHEN octet_length(left(:v, 1)) < 2 THEN ascii(:v) ELSE "
        "CAST(conv(hex(encode(left(:v, 1), 'UTF-32')), 16, 10) AS INTEGER) END",
        v=value,
    )


@function("chr")
def _chr(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """The letter of a code point, made of its UTF-8."""
    if arguments[0].literal is not None and arguments[0].text.isdecimal():
        code = int(arguments[0].text)
        if code < 0x110000 and not 0xD800 <= code <= 0xDFFF:
            letter = exp.Literal.string(chr(code))
            return Lowered(letter, "VARCHAR", literal=letter.copy())
    value = cast_to(to, arguments[0], "INTEGER")
    tree = form(
        "CASE WHEN :c BETWEEN 0 AND 1114111 AND NOT (:c BETWEEN 55296 AND 57343) "
        "THEN decode(unhex(lpad(hex(:c), 8, '0')), 'UTF-32') END",
        c=value.tree,
    )
    return to.strict(tree, "VARCHAR", value)


@function("format")
def _format(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """What the types need of it: a whole number in hexadecimal digits."""
    if arguments[0].text != "{:x}" or len(arguments) != 2:
        raise cannot("format", "Join texts with ||.")
    value = cast_to(to, arguments[1], "BIGINT")
    return to.made(form("lower(hex(:v))", v=value.tree), "VARCHAR", value)


@function("encode")
def _encode(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "VARCHAR")
    return to.made(call("encode", value.tree, "UTF-8"), "BLOB", value)


@function("decode")
def _decode(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """Bytes as the UTF-8 that they hold; DuckDB raises where they are none."""
    value = arguments[0]
    tree = call("try_validate_utf8", form("CAST(:v AS VARCHAR)", v=value.tree))
    return to.strict(tree, "VARCHAR", value)


@function("domain_to_ascii")
def _domain_to_ascii(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """The executor puts a look-up in its place."""
    value = cast_to(to, arguments[0], "VARCHAR")
    return to.made(call("domain_to_ascii", value.tree), "VARCHAR", value)
