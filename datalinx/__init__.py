"""Datalinx: messy source data into clean customer tables, and those into answers and audiences.

`from datalinx import Datalinx` gives the Python SDK. It is looked up on first use, so that importing
this package loads neither the client's libraries nor Django nor Celery.
"""

from typing import TYPE_CHECKING, Any

from datalinx.version import __version__

if TYPE_CHECKING:
    from datalinx.client import Datalinx

__all__ = ["Datalinx", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Datalinx":
        from datalinx.client import Datalinx

        return Datalinx
    raise AttributeError(f"module 'datalinx' has no attribute {name!r}")
