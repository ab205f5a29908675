"""Letters: the mappings between cases, without accents and composed, one code point at a time as DuckDB has them.

Spark maps some letters to several (`ß` to `SS`). What it would do so is put out of its reach first.
"""

import unicodedata
from functools import cache

import duckdb
from sqlglot import exp

from datalinx.engine.compile.spark.form import call, form

# Noncharacters' neighbours in a plane for private use: no text that means something has them.
_ASIDE = 0x10F000


def is_ascii(tree: exp.Expr) -> exp.Expr:
    """Whether a text has ASCII characters alone, told from two lengths."""
    return form("octet_length(:v) = char_length(:v)", v=tree)


def lowered(tree: exp.Expr) -> exp.Expr:
    """The text in small letters."""
    return form(
        "CASE WHEN :ascii THEN lower(:v) ELSE :any END", ascii=is_ascii(tree), v=tree, any=lowered_once(tree)
    )


def lowered_once(tree: exp.Expr) -> exp.Expr:
    """The text in small letters, without the short way for ASCII, which needs the text four times."""
    return form("lower(translate(:v, :many, :one))", v=tree, many="İΣ", one="iσ")


def uppered(tree: exp.Expr) -> exp.Expr:
    """The text in capitals."""
    special, capital = _capitals()
    aside = "".join(chr(_ASIDE + number) for number in range(len(special)))
    return form(
        "CASE WHEN :ascii THEN upper(:v) ELSE translate(upper(translate(:v, :special, :aside)), :aside, :capital) END",
        ascii=is_ascii(tree),
        v=tree,
        special=special,
        aside=aside,
        capital=capital,
    )


def without_accents(tree: exp.Expr) -> exp.Expr:
    """The text without accents."""
    letters, plain = _accents()
    return form(
        "CASE WHEN :ascii THEN :v ELSE translate(:v, :letters, :plain) END",
        ascii=is_ascii(tree),
        v=tree,
        letters=letters,
        plain=plain,
    )


def composed(tree: exp.Expr) -> exp.Expr:
    """The text with composed letters (Unicode NFC): of each letter with its marks the one letter that it is."""
    return form(
        "CASE WHEN :ascii OR NOT (:v RLIKE :marked) THEN :v ELSE array_join(transform(regexp_extract_all("
        ":v, :cluster, 0), lambda c: coalesce(try_element_at(:table, c), c)), '') END",
        ascii=is_ascii(tree),
        v=tree,
        marked=r"[\p{M}\x{1100}-\x{11FF}]|" + _alone(),
        cluster=r"(?s).[\p{M}\x{1161}-\x{11FF}]*",
        table=call("from_json", _compositions(), "MAP<STRING, STRING>"),
    )


@cache
def _capitals() -> tuple[str, str]:
    """The letters that Spark makes several of, and DuckDB's capital of each."""
    special = "".join(
        letter
        for code in range(0x110000)
        if len((letter := chr(code)).upper()) > 1 and not _is_surrogate(code)
    )
    return special, "".join(_by_duckdb("upper", special))


@cache
def _accents() -> tuple[str, str]:
    """The letters that lose an accent with what is left of each; those that vanish stand last."""
    candidates = [
        letter
        for code in range(0x80, 0x110000)
        if not _is_surrogate(code)
        and (
            unicodedata.decomposition(letter := chr(code))
            or unicodedata.combining(letter)
            or unicodedata.category(letter)[0] == "M"
        )
    ]
    pairs = [
        (letter, plain)
        for letter, plain in zip(candidates, _by_duckdb("strip_accents", candidates), strict=True)
        if plain != letter and len(plain) <= 1
    ]
    pairs.sort(key=lambda pair: (not pair[1], pair[0]))
    return "".join(letter for letter, _ in pairs), "".join(plain for _, plain in pairs)


@cache
def _decomposed() -> dict[str, str]:
    """The letters whose composed form is another than their decomposed one, with the latter."""
    found = {}
    for code in range(0xC0, 0x30000):
        letter = chr(code)
        if not _is_surrogate(code) and not 0xAC00 <= code <= 0xD7A3:
            apart = unicodedata.normalize("NFD", letter)
            if apart != letter:
                found[letter] = apart
    return found


@cache
def _compositions() -> str:
    """Clusters to their composed form, as JSON."""
    import orjson

    table = {}
    for letter, apart in _decomposed().items():
        whole = unicodedata.normalize("NFC", letter)
        # Of several marks the first ones may be composed already.
        for split in range(1, len(apart) + 1):
            cluster = unicodedata.normalize("NFC", apart[:split]) + apart[split:]
            if cluster != whole:
                table[cluster] = whole
    return orjson.dumps(table).decode()


@cache
def _alone() -> str:
    """The letters without marks that have another composed form, as a class."""
    letters = [letter for letter in _decomposed() if unicodedata.normalize("NFC", letter) != letter]
    return "[" + "".join(f"\\x{{{ord(letter):X}}}" for letter in letters) + "]"


def _by_duckdb(name: str, letters: str | list[str]) -> list[str]:
    with duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": "false"}) as database:
        made = exp.Anonymous(this=name, expressions=[exp.column("letter")]).sql(dialect="duckdb")
        query = f"SELECT {made} FROM (SELECT unnest(?) AS letter)"
        return [str(row[0]) for row in database.execute(query, [list(letters)]).fetchall()]


def _is_surrogate(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF
