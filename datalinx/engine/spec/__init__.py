"""The documents: typed, versioned, JSON in and out."""
