"""Connectors: a folder each that holds everything about its kind of source, found here by name."""
