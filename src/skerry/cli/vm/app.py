"""All commands of `skerry vm`, gathered."""

from skerry.cli.vm import actions, changes, console, create, definition, devices, listing, snapshots
from skerry.cli.vm.noun import VM

__all__ = ["actions", "app", "changes", "console", "create", "definition", "devices", "listing", "snapshots"]

app = VM.app
