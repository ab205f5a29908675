"""The API of schemas, types, mappings and blocks of SQL."""
