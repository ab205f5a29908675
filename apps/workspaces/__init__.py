"""Workspaces, memberships and webhooks."""
