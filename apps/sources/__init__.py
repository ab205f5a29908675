"""Sources, their tables and their uploads."""
