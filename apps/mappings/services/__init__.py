"""What happens to schemas, mappings, blocks of SQL and types."""
