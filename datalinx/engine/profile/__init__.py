"""Profiles: what the values of a table look like, column by column, in a bounded number of passes over it."""

from datalinx.engine.profile.model import Bin, ColumnProfile, SemanticGuess, TableProfile, TopValue
from datalinx.engine.profile.profiling import profile_relation, profile_scan

__all__ = [
    "Bin",
    "ColumnProfile",
    "SemanticGuess",
    "TableProfile",
    "TopValue",
    "profile_relation",
    "profile_scan",
]
