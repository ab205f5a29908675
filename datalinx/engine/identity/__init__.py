"""Identity: which records are one person, and the canonical id that the person keeps.

Links are deterministic: records with equal identifiers, by rules. A link that is only likely would be one more
kind of link with a confidence below 1; what comes after (components, ids that last, history) does not change by it.
"""

from datalinx.engine.identity.model import (
    CLUSTERS,
    HISTORY,
    LINKS,
    RECORDS,
    Budget,
    Moment,
    People,
    Resolved,
    file_table,
)
from datalinx.engine.identity.reading import Found
from datalinx.engine.identity.resolve import resolve_identity

__all__ = [
    "CLUSTERS",
    "HISTORY",
    "LINKS",
    "RECORDS",
    "Budget",
    "Found",
    "Moment",
    "People",
    "Resolved",
    "file_table",
    "resolve_identity",
]
