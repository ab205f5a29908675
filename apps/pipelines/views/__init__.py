"""The API of pipelines, runs and stored tables."""
