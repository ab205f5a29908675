"""Whether a tick is still worth doing, by the clock of the shared store: those of two machines may be hours apart."""

import logging
import uuid

from django.core.cache import cache

logger = logging.getLogger(__name__)


def mark_fresh(seconds: float) -> str:
    """Return a mark that stays fresh for so long; an empty one, which never gets stale, while the store is away."""
    mark = uuid.uuid4().hex
    try:
        cache.set(_key(mark), 1, timeout=seconds)
    except Exception as error:  # Whatever the store's client raises: a tick too many does no harm.
        logger.warning("A tick could not be marked: %s", error)
        return ""
    return mark


def is_fresh(mark: str) -> bool:
    """Return whether what carries this mark is worth doing."""
    if not mark:
        return True
    try:
        return cache.get(_key(mark)) is not None
    except Exception as error:
        logger.warning("The mark of a tick could not be read: %s", error)
        return True


def _key(mark: str) -> str:
    return f"fresh:{mark}"
