"""What happens to queries and audiences."""
