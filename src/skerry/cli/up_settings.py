"""The table of settings of `skerry up`: the manager's, the API's, and those of the process itself.

The options of the command are made from the table, so that a setting is declared once.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from skerry.api.settings import ApiSettings
from skerry.errors import BadSettings, Unavailable
from skerry.host.settings import LocalSettings
from skerry.manager.settings import ManagerSettings, default_data_dir
from skerry.settings import (
    FLAG,
    PATH,
    SIZE,
    TEXT,
    WHOLE_NUMBER,
    WORDS,
    Setting,
    environment_name,
    load,
    setting,
    table,
)
from skerry.sizes import format_size

PREFIX = "SKERRY"
_FIRST = frozenset({"data_dir", "listen", "port", "names", "certificate", "key", "ready_file"})  # in the help
_HIGHEST_PORT = 65535
_POOL_NOTE = "storage-pool"  # a file in the data folder


@dataclass(frozen=True)
class UpSettings(ManagerSettings, ApiSettings, LocalSettings):
    """What `skerry up` can be told in its file, the environment and on the command line."""

    listen: tuple[str, ...] = setting(
        WORDS, "addresses to listen on; 0.0.0.0 or :: is all of them", default=("127.0.0.1",)
    )
    port: int = setting(WHOLE_NUMBER, "port to listen on; 0 takes a free one", default=8443, minimum=0)
    certificate: Path | None = setting(
        PATH, "certificate with its chain, in PEM form; without one, Skerry makes its own", default=None
    )
    key: Path | None = setting(PATH, "key of the certificate, in PEM form", default=None)
    trusted_proxies: tuple[str, ...] = setting(
        WORDS, "addresses of proxies whose X-Forwarded-For is believed", default=()
    )
    storage_pool: str = setting(
        TEXT,
        "name of the storage pool that shows disks and images; empty: skerry for the default data folder, and a "
        "name of its own for any other",
        default="",
    )
    host_name: str = setting(TEXT, "what this host is called; empty: the machine's name", default="")
    ready_file: Path | None = setting(PATH, "file to write the address into when Skerry is ready", default=None)
    log_level: str = setting(
        TEXT, "how much goes to the log", default="info", choices=("debug", "info", "warning", "error")
    )

    @property
    def libvirt_folder(self) -> Path:
        """Logs and records of a libvirtd that we start ourselves."""
        return self.data_dir / "libvirt"


def pool_name(settings: UpSettings) -> str:
    """The storage pool's name: as set, or one that no other data folder on the same libvirt has.

    It is kept in the data folder, which knows its images by it. One from before that keeps the name skerry.
    """
    if settings.storage_pool:
        return settings.storage_pool
    note = settings.data_dir / _POOL_NOTE
    try:
        if not note.exists():
            folder = settings.data_dir.absolute()
            own = f"skerry-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
            usual = folder == default_data_dir() or (folder / "skerry.db").exists()
            new = note.with_suffix(".new")
            new.write_text(f"{'skerry' if usual else own}\n", encoding="ascii")
            new.replace(note)
        return note.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise Unavailable(f"the data folder {settings.data_dir} cannot be used: {exc.strerror}") from exc


def default_config() -> Path:
    """The file of settings, where none is named."""
    if os.geteuid() == 0:
        return Path("/etc/skerry/up.toml")
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "skerry" / "up.toml"


def load_settings(flags: Mapping[str, object], config: Path | None = None) -> UpSettings:
    """All sources as one object.

    Raises:
        BadSettings: with every mistake.
    """
    if config is not None and not config.is_file():
        raise BadSettings(f"there is no file {config}")
    settings = load(UpSettings, file=config or default_config(), prefix=PREFIX, flags=flags)
    if settings.port > _HIGHEST_PORT:
        raise BadSettings(f"port = {settings.port}: the highest port is {_HIGHEST_PORT}")
    if (settings.certificate is None) != (settings.key is None):
        raise BadSettings("certificate and key go together: set both, or neither")
    if not settings.listen:
        raise BadSettings("listen: name at least one address")
    return settings


def options() -> list[inspect.Parameter]:
    """One option of the command line for each setting; not given is None, and leaves it to the other sources."""
    return [
        inspect.Parameter(row.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(row))
        for row in sorted(table(UpSettings), key=lambda row: row.name not in _FIRST)
    ]


def _option(row: Setting) -> Any:  # noqa: ANN401 - an annotation
    flag = "--" + row.name.replace("_", "-")
    words = f"{row.help} [{_shown_default(row)}{environment_name(PREFIX, row.name)}]"
    if row.kind is FLAG:
        return Annotated[bool | None, typer.Option(f"{flag}/--no-{flag[2:]}", help=words)]
    metavar = "|".join(row.choices) or row.kind.name.partition(",")[0].replace(" ", "-").upper()
    return Annotated[str | None, typer.Option(flag, help=words, metavar=metavar)]


def _shown_default(row: Setting) -> str:
    if row.default in (None, "", ()):
        return ""
    if row.kind is SIZE:
        return f"{format_size(row.default)}; "
    default = " ".join(row.default) if isinstance(row.default, tuple) else row.default
    return f"{default}{' ' + row.unit if row.unit else ''}; "
