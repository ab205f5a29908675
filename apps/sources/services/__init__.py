"""What happens to sources, their uploads and their tables."""
