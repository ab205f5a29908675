"""What happens to workspaces, their members and their webhooks."""
