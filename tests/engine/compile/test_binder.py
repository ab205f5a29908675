"""The binder's sessions: many in one database, none of which sees or harms another."""

import multiprocessing
from multiprocessing.connection import Connection

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile import binder as binders
from datalinx.engine.compile.binder import Binder
from tests.engine.compile.kit import CONTACTS, shape


def typed(binder: Binder, text: str) -> str:
    tree = sqlglot.parse_one(text, dialect="duckdb")
    assert isinstance(tree, exp.Expr)
    return binder.type_of(tree)


def test_session__beside_another__has_tables_of_its_own_under_the_same_name() -> None:
    with Binder() as one, Binder() as other:
        one.add("c", shape({"x": "BIGINT"}))
        other.add("c", shape({"x": "DATE"}))
        assert (typed(one, "c.x"), typed(other, "c.x")) == ("BIGINT", "DATE")


def test_session__after_another_ended__sees_nothing_of_it() -> None:
    with Binder() as one:
        one.add("c", shape(CONTACTS))
    with Binder() as other, pytest.raises(errors.Invalid) as caught:
        other.columns_of(sqlglot.parse_one("SELECT mail FROM c", dialect="duckdb"))  # type: ignore[arg-type]
    assert caught.value.code in {"UNKNOWN_COLUMN", "EXPRESSION_INVALID"}


def test_session__after_an_internal_fault__is_of_a_new_database(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def execute(self, text: str) -> None:
            raise duckdb.InternalException("INTERNAL Error: a fault")

        def close(self) -> None: ...

    before = binders._DATABASES._made
    with Binder() as binder:
        binder._connection.close()
        monkeypatch.setattr(binder, "_connection", Broken())
        with pytest.raises(errors.Invalid):
            typed(binder, "1")
    with Binder() as binder:
        assert typed(binder, "1::BIGINT") == "BIGINT"
    assert binders._DATABASES._made is not before


def test_session__in_a_forked_child__is_of_a_database_of_its_own() -> None:
    with Binder() as binder:
        assert typed(binder, "1::BIGINT") == "BIGINT"
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_answer, args=(theirs,))
    child.start()
    assert ours.poll(30)
    assert ours.recv() == "DATE"
    child.join(30)
    assert child.exitcode == 0


def _answer(pipe: Connection) -> None:
    with Binder() as binder:
        pipe.send(typed(binder, "DATE '2024-01-31'"))
