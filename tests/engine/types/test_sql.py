"""The pieces of SQL that types are made of."""

from datalinx.engine.types.sql import trimmed
from tests.engine.types.evaluation import VALUE, Evaluate

_EDGES = " \t\n\r\u00a0\u200b\u202f\u3000\ufeff"


def test_trimmed__white_space_of_every_kind__leaves_the_ends_alone_of_it(evaluate: Evaluate) -> None:
    inner = (
        "",
        "x",
        "a b",
        "a  b",
        "a\tb",
        "é",
        "é x",
        "a\u00a0b",
        "a\u2009b",
        "\u2009",
        "\x0b",
        "日本",
        "\x00",
    )
    texts = [
        before + text + after
        for text in inner
        for before in ("", *_EDGES, " \t", "\u00a0 ")
        for after in ("", *_EDGES, "  ")
    ]
    assert evaluate(trimmed(VALUE), texts) == [text.strip(_EDGES) for text in texts]
    assert evaluate(trimmed(VALUE), [None]) == [None]
