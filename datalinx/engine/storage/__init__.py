"""Where files are kept: a local folder or an S3 bucket behind one small interface."""

from datalinx.engine.storage.backend import Stored
from datalinx.engine.storage.keys import check_key
from datalinx.engine.storage.store import DEFAULT_CACHE_BYTES, Storage, Writer

__all__ = ["DEFAULT_CACHE_BYTES", "Storage", "Stored", "Writer", "check_key"]
