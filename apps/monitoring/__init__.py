"""Quality scores, alert rules and alerts."""
