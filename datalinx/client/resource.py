"""What the API answers with: a dict whose keys can also be read as attributes."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn


class Resource(dict[str, Any]):
    """An object of the API. `run["status"]` and `run.status` are the same; nested objects are Resources too.

    It is a plain dict otherwise: it can be changed by key, sent back, and written with `json.dumps`.
    `request_id` is the id of the request that brought it; a field of that name is read by key.
    """

    __slots__ = ("_request_id",)

    def __init__(self, values: Mapping[str, Any] | None = None, request_id: str | None = None) -> None:
        super().__init__({key: _wrap(value, request_id) for key, value in (values or {}).items()})
        object.__setattr__(self, "_request_id", request_id)

    @property
    def request_id(self) -> str | None:
        """The id of the request that brought this, to give to whoever runs the server."""
        found: str | None = object.__getattribute__(self, "_request_id")
        return found

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        close = get_close_matches(name, [key for key in self if key.isidentifier()], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"write a field by its key: resource[{name!r}] = …")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), self.request_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"


def _wrap(value: Any, request_id: str | None) -> Any:
    if isinstance(value, Resource):
        return value
    if isinstance(value, Mapping):
        return Resource(value, request_id)
    if isinstance(value, list):
        return [_wrap(item, request_id) for item in value]
    return value
