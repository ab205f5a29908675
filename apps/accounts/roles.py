"""The built-in roles, the same in every organization and unchangeable."""

from datalinx.api.permissions import ALL, EDITOR, VIEWER

ADMIN = "organization_admin"
MEMBER = "organization_member"
READER = "organization_viewer"
WORKSPACE_EDITOR = "workspace_editor"
WORKSPACE_VIEWER = "workspace_viewer"

BUILT_IN: dict[str, tuple[str, frozenset[str]]] = {
    ADMIN: ("Holds every permission of the organization.", ALL),
    MEMBER: ("Holds what its workspaces give, and nothing beside.", frozenset()),
    READER: ("Reads every workspace of the organization.", VIEWER),
    WORKSPACE_EDITOR: ("Holds all rights of a workspace.", EDITOR),
    WORKSPACE_VIEWER: ("Reads a workspace and asks it questions.", VIEWER),
}
