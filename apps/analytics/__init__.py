"""Queries and audiences."""
