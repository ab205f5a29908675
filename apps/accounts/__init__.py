"""Organizations, users, roles and service accounts."""
