"""Collecting what is wrong with a document, each fault with its path, instead of stopping at the first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from datalinx.errors import FieldError, Invalid


@dataclass
class Faults:
    """The faults of one document so far."""

    found: list[FieldError] = field(default_factory=list)

    @contextmanager
    def at(self, path: str) -> Iterator[None]:
        """Turn an `Invalid` raised inside into faults at this path, and go on behind the block."""
        try:
            yield
        except Invalid as error:
            if not error.errors:
                self.add(path, error.code, error.message)
            for inner in error.errors:
                separator = "" if not inner.field or inner.field.startswith("[") else "."
                self.add(f"{path}{separator}{inner.field}", inner.code, inner.message)

    def add(self, path: str, code: str, message: str) -> None:
        """Note one fault."""
        self.found.append(FieldError(path, code, message))
