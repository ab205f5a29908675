"""The API of sources and destinations."""
