"""The manager's settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from skerry.settings import NUMBER, PATH, SIZE, TEXT, WHOLE_NUMBER, WORDS, setting


def default_data_dir() -> Path:
    """Where a manager keeps its data when nobody says otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/skerry")
    return Path(os.environ.get("XDG_DATA_HOME", "~/.local/share")).expanduser() / "skerry"


@dataclass(frozen=True)
class ManagerSettings:
    """What an administrator may decide about a manager."""

    data_dir: Path = setting(PATH, "folder of the manager's own data", default=default_data_dir())
    database: str = setting(
        TEXT, "postgresql://… of a shared database; empty: SQLite in the data folder", default=""
    )
    host_capacity: float = setting(
        NUMBER, "memory a machine may ask for, as a share of its host's", default=1.0, minimum=0.1
    )
    task_workers: int = setting(WHOLE_NUMBER, "tasks that run at the same time", default=16, minimum=1)
    session_idle_minutes: int = setting(
        WHOLE_NUMBER, "a session ends when it is not used for so long", default=12 * 60, unit="min", minimum=1
    )
    session_days: int = setting(
        WHOLE_NUMBER, "a session ends after so long in any case", default=7, unit="days", minimum=1
    )
    keep_tasks_days: int = setting(
        WHOLE_NUMBER, "finished tasks and their logs are kept so long", default=90, unit="days", minimum=1
    )
    keep_facts_days: int = setting(WHOLE_NUMBER, "events are kept so long", default=30, unit="days", minimum=1)
    keep_audit_days: int = setting(
        WHOLE_NUMBER, "the audit trail is kept so long", default=365, unit="days", minimum=1
    )
    storage_pool: str = setting(TEXT, "name of the storage pool that shows disks and images", default="skerry")
    guest_oses: tuple[str, ...] = setting(
        WORDS,
        "guest OS definitions that others than administrators may install machines with, such as skerry or "
        "debootstrap+trixie; they run as root on the hosts",
        default=(),
    )
    guest_os_minutes: int = setting(
        WHOLE_NUMBER,
        "a guest OS definition may take so long to install a machine",
        default=120,
        unit="min",
        minimum=1,
    )
    upload_limit: int = setting(SIZE, "largest image that may be uploaded", default=1024**4)
    upload_hours: int = setting(
        WHOLE_NUMBER, "an unfinished upload is thrown away after so long", default=48, unit="h", minimum=1
    )

    @property
    def database_url(self) -> str:
        """Where our own tables are."""
        return self.database or f"sqlite:///{self.data_dir / 'skerry.db'}"
