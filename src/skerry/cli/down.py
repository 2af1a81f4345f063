"""`skerry down`: stop what `skerry up` started."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from skerry.cli import output, running
from skerry.cli.program import Run, single
from skerry.cli.up_settings import UpSettings, load_settings
from skerry.errors import TimedOut, Unavailable


def down(
    run: Run,
    data_dir: Annotated[str | None, typer.Option("--data-dir", help="The data folder.", metavar="PATH")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="File of settings (TOML).", metavar="PATH")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for it.", min=0.1)] = 60.0,
) -> None:
    """Stop what `skerry up` started on this machine; virtual machines keep running."""
    settings = load_settings({"data_dir": data_dir}, config)
    stopped = asyncio.run(_stop(settings, timeout))
    if run.json:
        output.put_json({"pid": stopped.pid, "url": stopped.url})
    else:
        folder = settings.data_dir
        output.say(f"Skerry on {folder} (process {stopped.pid}) has stopped; virtual machines keep running")


async def _stop(settings: UpSettings, timeout_s: float) -> running.Running:
    """End the program, and then the libvirtd that it had to start itself."""
    from skerry.hypervisor.daemon import LibvirtDaemons, default_uri  # noqa: PLC0415 - slow imports

    stopped = await running.stop(settings.data_dir, timeout_s=timeout_s)
    uri = settings.libvirt_uri or default_uri()
    daemons = LibvirtDaemons(settings.libvirt_folder, uri)
    if daemons.owned:
        await daemons.stop(machines_run=await _machines_run(uri))
    return stopped


async def _machines_run(uri: str) -> bool:
    from skerry.hypervisor.connection import Hypervisor  # noqa: PLC0415 - slow imports

    hypervisor = Hypervisor(uri)
    await hypervisor.start()
    try:
        await hypervisor.wait_connected(deadline_s=10)
        return await hypervisor.call(lambda connection: bool(connection.numOfDomains()))
    except (Unavailable, TimedOut):
        return True  # who cannot be asked may have some
    finally:
        await hypervisor.stop()


app = single(down)
