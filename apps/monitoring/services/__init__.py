"""What happens to scores, rules and alerts."""
