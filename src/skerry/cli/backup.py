"""`skerry backup` and `skerry restore`: the manager's database into a file, and back.

They work on the data folder itself and not through the API: a restore happens when no manager runs.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from skerry.cli import options, output
from skerry.cli.program import Run, single
from skerry.cli.running import only_one
from skerry.cli.up_settings import UpSettings, load_settings
from skerry.errors import NotFound

_DataDir = Annotated[str | None, typer.Option("--data-dir", help="The data folder.", metavar="PATH")]
_Config = Annotated[Path | None, typer.Option("--config", help="File of settings (TOML).", metavar="PATH")]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]


def backup(run: Run, file: _File, *, data_dir: _DataDir = None, config: _Config = None) -> None:
    """Save the manager's database into a new file, whether `skerry up` runs or not.

    Disks and images are not in it, and neither is the certificate.
    """
    from skerry.manager.backup import back_up  # noqa: PLC0415 - slow imports

    settings = _settings(data_dir, config)
    asyncio.run(back_up(settings, file))
    if run.json:
        output.put_json({"file": str(file), "data_dir": str(settings.data_dir)})
    else:
        output.say(f"saved what Skerry on {settings.data_dir} knows into {file}")


def restore(
    run: Run, file: _File, *, data_dir: _DataDir = None, config: _Config = None, yes: options.Yes = False
) -> None:
    """Bring the manager's database back from a file; `skerry up` must not run meanwhile.

    What was there before is kept aside.
    """
    from skerry.manager.backup import restore as bring_back  # noqa: PLC0415 - slow imports

    settings = _settings(data_dir, config)
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    run.confirm(f"Replace what Skerry on {settings.data_dir} knows by {file}?", yes=yes)
    with only_one(settings.data_dir):
        kept = asyncio.run(bring_back(settings, file))
    if run.json:
        output.put_json({"data_dir": str(settings.data_dir), "kept": kept})
    else:
        output.say(f"restored; what was there before is kept in {kept}")


def _settings(data_dir: str | None, config: Path | None) -> UpSettings:
    return load_settings({"data_dir": data_dir}, config)


backup_app, restore_app = single(backup), single(restore)
