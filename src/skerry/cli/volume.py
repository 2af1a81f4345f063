"""`skerry volume`: disks in storage pools."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import follow, names, options
from skerry.cli.client import Json, path
from skerry.cli.options import shown_size
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer
from skerry.errors import BadInput, NotFound

VOLUME = Noun("Volumes in storage pools.")
app = VOLUME.app

_COLUMNS = (
    Column("POOL", lambda volume: volume["storage_pool"]),
    Column("NAME", lambda volume: volume["name"]),
    Column("FORMAT", lambda volume: volume["format"]),
    Column("SIZE", lambda volume: shown_size(volume["capacity"]), right=True),
    Column("ON DISK", lambda volume: shown_size(volume["allocation"]), right=True),
    Column("USED BY", lambda volume: ", ".join(_users(dict(volume)))),
    Column("STANDS ON", lambda volume: (volume["backing"] or "").rpartition("/")[2]),
)


def _users(volume: Json) -> list[str]:
    """Machines, the image that it holds, and how many clones stand on it."""
    clones = len(volume["clones"])
    image = [f"image {volume['image']}"] if volume["image"] else []
    return [*volume["used_by"], *image, *([f"{clones} clone{'s' if clones > 1 else ''}"] if clones else [])]


@VOLUME.command("ls")
def ls(
    run: Run,
    *,
    storage_pool: Annotated[
        str | None,
        typer.Option("--pool", help="Only those in this storage pool.", autocompletion=names.storage_pools),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Only those of this host.", autocompletion=names.hosts)] = None,
    unused: Annotated[bool, typer.Option("--unused", help="Only those that nothing needs.")] = False,
    limit: options.Limit = None,
) -> None:
    """List volumes: disks of machines, images, and what was left, such as by vm delete --keep-disks."""
    query = {"storage_pool": storage_pool, "host": host, "unused": unused or None}
    run.table(run.client.every("/volumes", query, most=limit), _COLUMNS, empty="no volumes")


@VOLUME.command("delete")
def delete(
    run: Run,
    volumes: Annotated[
        list[str],
        typer.Argument(metavar="VOLUME", help="Names of volumes, or POOL/VOLUME.", autocompletion=names.volumes),
    ],
    *,
    host: Annotated[str | None, typer.Option(help="On this host.", autocompletion=names.hosts)] = None,
    yes: options.Yes = False,
    no_wait: options.NoWait = False,
) -> None:
    """Delete volumes that no machine, image or clone needs, with all that is on them."""
    places = _places(run, volumes, host)
    run.confirm(f"Delete {', '.join(volumes)} with all that is on it?", yes=yes)

    def ask(word: str) -> Json:
        task: Json = run.client.delete(path("volumes", *places[word]), {"host": host})
        return task

    follow.finish_each(run, volumes, ask, wait=not no_wait)


def _places(run: Run, volumes: list[str], host: str | None) -> dict[str, tuple[str, str]]:
    """Pool and name of each volume that was named.

    Raises:
        NotFound, BadInput: a name without a pool is in none, or in several.
    """
    pools: dict[str, list[str]] = {}
    if not all("/" in word for word in volumes):
        for volume in run.client.every("/volumes", {"host": host}):
            pools.setdefault(volume["name"], []).append(volume["storage_pool"])
    found: dict[str, tuple[str, str]] = {}
    for word in volumes:
        pool, _, name = word.rpartition("/")
        having = [pool] if pool else pools.get(name, [])
        if not having:
            raise NotFound(f"there is no volume {name}", hint="skerry volume ls lists them")
        if len(having) > 1:
            raise BadInput(f"{name} is in several pools: {', '.join(having)}", hint="name it as POOL/VOLUME")
        found[word] = having[0], name
    return found
