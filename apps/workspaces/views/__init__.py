"""The API of workspaces, of access to them, and of webhooks."""
