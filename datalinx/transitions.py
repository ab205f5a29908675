"""A rule of the database about a state column: which state may follow which, whoever writes.

Declared with a model's constraints, so that migrations find it, and so that it is made again whenever SQLite
makes the table again, which is how SQLite changes most things about a table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.backends.ddl_references import Statement, Table
from django.db.models.constraints import BaseConstraint

_SQLITE = (
    "CREATE TRIGGER {name} BEFORE UPDATE OF {column} ON %(table)s FOR EACH ROW "
    "WHEN OLD.{column} <> NEW.{column} AND NOT ({allowed}) "
    "BEGIN SELECT RAISE(ABORT, '{message}'); END"
)
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = '{message}', CONSTRAINT = '{name}'; "
    "END $$; "
    "CREATE TRIGGER {name} BEFORE UPDATE OF {column} ON %(table)s FOR EACH ROW "
    "WHEN (OLD.{column} <> NEW.{column} AND NOT ({allowed})) EXECUTE FUNCTION {name}()"
)


class TransitionsConstraint(BaseConstraint):
    """`allowed` names the states that may follow each state; a state that it leaves out is a last one.

    A refused change raises IntegrityError, as a broken check does. Rows may begin in any state.
    """

    def __init__(self, *, name: str, field: str, allowed: Mapping[str, Sequence[str]]) -> None:
        self.field = field
        self.allowed = {before: list(after) for before, after in allowed.items()}
        super().__init__(name=name)

    def _statement(self, model: Any, schema_editor: Any) -> Statement:
        column = schema_editor.quote_name(model._meta.get_field(self.field).column)
        pairs = " OR ".join(
            f"(OLD.{column} = '{before}' AND NEW.{column} IN ({', '.join(repr(each) for each in after)}))"
            for before, after in self.allowed.items()
        )
        template = _SQLITE if schema_editor.connection.vendor == "sqlite" else _POSTGRESQL
        text = template.format(name=self.name, column=column, allowed=pairs, message=self.name)
        return Statement(text, table=Table(model._meta.db_table, schema_editor.quote_name))

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """Put the trigger off until the table is there: nothing of it stands in CREATE TABLE."""
        schema_editor.deferred_sql.append(self._statement(model, schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        """Return what makes the trigger on a table that is there."""
        return self._statement(model, schema_editor)

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        """Return what takes the trigger away again."""
        text = f"DROP TRIGGER {self.name} ON %(table)s; DROP FUNCTION {self.name}()"
        return Statement(text, table=Table(model._meta.db_table, schema_editor.quote_name))

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Say nothing: what a row was before is known to the database alone."""

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field, "allowed": self.allowed}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TransitionsConstraint) and self.deconstruct() == other.deconstruct()

    __hash__ = None  # type: ignore[assignment]  # as Django's own constraints: compared, never kept in a set
