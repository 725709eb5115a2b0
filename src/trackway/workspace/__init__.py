"""The workspace folder: `trackway.yaml`, secrets, and where the data lies."""

from trackway.workspace.load import WorkspaceError, load_workspace
from trackway.workspace.model import Workspace
from trackway.workspace.secret import Secret

__all__ = ["Secret", "Workspace", "WorkspaceError", "load_workspace"]
