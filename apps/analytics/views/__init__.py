"""The API of queries and audiences."""
