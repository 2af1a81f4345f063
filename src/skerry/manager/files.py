"""The files in a manager's data folder."""

from __future__ import annotations

import shutil
from pathlib import Path

EXECUTOR = "executor-id"
TASKS_DATABASE = "tasks.db"  # DBOS's own tables, apart from ours: SQLite knows one writer a file
RESTORED = "restored"  # a folder: files that were checked and shall take the place of the others
OLD = "old-goes-to"  # in that folder: the name of the one that the old files go to


def finish_restore(data_dir: Path) -> Path | None:
    """Put the files of a restore in their place, if there are any; where the old ones are kept.

    May be cut off and called again at any point: what is in the folder still has to be moved.
    """
    coming = data_dir / RESTORED
    if not coming.is_dir():
        return None
    marker = coming / OLD
    old = data_dir / marker.read_text(encoding="ascii")
    old.mkdir(mode=0o700, exist_ok=True)
    for file in sorted(coming.iterdir()):
        if file == marker:
            continue
        for name in (f"{file.name}-wal", f"{file.name}-shm", file.name):  # a log belongs to its database
            if (data_dir / name).exists():
                (data_dir / name).replace(old / name)
        file.replace(data_dir / file.name)
    shutil.rmtree(coming)
    return old
