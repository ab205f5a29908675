"""Target schemas, semantic types and mappings."""
