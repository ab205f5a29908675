"""What happens to organizations, people, roles and service accounts."""
