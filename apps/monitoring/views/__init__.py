"""The API of scores, rules and alerts."""
