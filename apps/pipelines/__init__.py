"""Pipelines, runs and stored tables."""
