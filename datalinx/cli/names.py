"""Names and ids: a person may give either."""

import re
from typing import TYPE_CHECKING, TypeVar

from datalinx.cli.refusal import MISSING, Refusal

if TYPE_CHECKING:
    from datalinx.client.endpoints.base import Collection
    from datalinx.client.resource import Resource

R = TypeVar("R", bound="Resource")


def object_id(collection: "Collection[R]", reference: str, *, prefix: str, noun: str) -> str:
    """Return the id of the object that a name or an id names. Raises Refusal when there is none of that name."""
    # Ids are long: a source may well be named src_orders.
    if re.fullmatch(rf"{prefix}_[0-9A-Za-z]{{20,}}", reference):
        return reference
    found = collection.find(reference)
    if found is None:
        raise Refusal(f"There is no {noun} named {reference!r} in this workspace; `list` shows all.", MISSING)
    return str(found["id"])
