"""`skerry image`: the library of templates and ISO files."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

from skerry.cli import follow, image_about, image_boot, image_build, image_lock, names, options, output
from skerry.cli.client import Json, Refused, path
from skerry.cli.options import shown_size, shown_time
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer
from skerry.cli.upload import upload
from skerry.errors import BadInput, Cancelled, NameTaken, NotFound

IMAGE = Noun("Images: templates to clone machines from, and ISO files.")
app = IMAGE.app

KINDS = ("template", "iso")
_COLUMNS = (
    Column("NAME", lambda image: image["name"]),
    Column("KIND", lambda image: image["kind"]),
    Column("STATE", lambda image: image["state"]),
    Column("FORMAT", lambda image: image["format"]),
    Column("SIZE", lambda image: shown_size(image["size"]), right=True),
    Column("ON DISK", lambda image: shown_size(image["allocation"]), right=True),
    Column("USED BY", lambda image: ", ".join(image["used_by"])),
)
_SUFFIXES = frozenset({".qcow2", ".raw", ".img", ".iso", ".gz", ".xz", ".zst", ".bz2"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@IMAGE.command("ls")
def ls(
    run: Run,
    *,
    kind: Annotated[
        str | None, typer.Option(help="Only template, or only iso.", autocompletion=names.words(*KINDS))
    ] = None,
    search: Annotated[str | None, typer.Option("--search", "-q", help="Only names that hold this.")] = None,
    limit: options.Limit = None,
) -> None:
    """List images."""
    items = run.client.every("/images", {"kind": kind, "q": search}, most=limit)
    run.table(items, _COLUMNS, empty="no images; bring one: skerry image import FILE")


@IMAGE.command("show")
def show(run: Run, image: options.Image) -> None:
    """Show all that is known of an image."""
    _put(run, run.client.get(path("images", image)))


def _put(run: Run, image: Json) -> None:
    if run.json:
        output.put_json(image)
        return
    output.put_facts(
        [
            ("Name", image["name"]),
            ("Description", image["description"]),
            ("Kind", image["kind"]),
            ("State", image["state"]),
            ("Format", image["format"]),
            ("Size", shown_size(image["size"])),
            ("On disk", shown_size(image["allocation"])),
            ("SHA-256", image["sha256"]),
            ("Volume", f"{image['storage_pool']}/{image['volume']}" if image["volume"] else ""),
            ("Used by", ", ".join(image["used_by"])),
            ("Created", shown_time(image["created_at"])),
            ("Id", image["id"]),
        ]
    )


@IMAGE.command("import")
def import_(
    run: Run,
    file: Annotated[
        str | None, typer.Argument(help="Image file (qcow2, raw, ISO, compressed); - is stdin.")
    ] = None,
    *,
    name: Annotated[str | None, typer.Option(help="What to call it; otherwise as the file.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Refuse it unless the file has this SHA-256.")] = None,
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    volume: Annotated[
        str | None, typer.Option(metavar="POOL/VOLUME", help="Take this volume, which is there already.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="UPLOAD", help="Go on with an upload that broke off.", autocompletion=names.uploads),
    ] = None,
    no_wait: options.NoWait = False,
) -> None:
    """Bring an image into the library, from a file or from a volume."""
    if (file is None) == (volume is None):
        raise BadInput("name a file, or a volume with --volume", hint="skerry image import FILE")
    if sha256 is not None and not _DIGEST.fullmatch(sha256):
        raise BadInput(f"--sha256: {sha256!r} is not a SHA-256", hint="it has 64 hex digits")
    new: Json = {"name": name or _name_of(volume or file or ""), "description": description, "sha256": sha256}
    if volume is not None:
        pool, _, word = volume.partition("/")
        if not pool or not word:
            raise BadInput(f"--volume: {volume!r} does not name a volume", hint="such as default/web1.qcow2")
        _import(run, new | {"storage_pool": pool, "volume": word}, wait=not no_wait)
        return
    with _opened(file or "") as content:
        check_name(run, new["name"])
        title, called = f"Upload {new['name']}", Path(file or "").name[-256:]
        new["upload"] = upload(run, content, title=title, name=called, resume=resume)
    _import(run, new, wait=not no_wait)


def check_name(run: Run, name: str) -> None:
    """Make sure that an image can get this name, before anything large is built or sent for it.

    Raises:
        BadInput: it is no name.
        NameTaken: another image has it.
        Refused, CannotReach: nothing can be imported now.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"an image cannot be called {name[:80]!r}",
            hint="at most 64 letters, digits, dots, dashes and underscores, with a letter or digit first",
        )
    try:
        run.client.get(path("images", name))
    except Refused as exc:
        if exc.problem.get("code") == NotFound.code:
            return
        raise
    raise NameTaken(f"there is an image {name} already", hint="choose another name, or delete that one")


def _import(run: Run, new: Json, *, wait: bool) -> None:
    try:
        task = run.client.post("/images", new)
        follow.finish(
            run,
            [task],
            wait=wait,
            put=lambda tasks: _put(run, run.client.get(path("images", tasks[0]["result"]["image"]))),
        )
    except (Refused, Cancelled):
        if (upload_id := new.get("upload")) and not run.json:
            output.say(
                f"what was sent is kept: --resume {upload_id} imports it without sending it again, "
                f"`skerry upload delete {upload_id}` throws it away"
            )
        raise


def _name_of(file: str) -> str:
    """A name for an image from that of its file, without folders and endings.

    Raises:
        BadInput: nothing is left.
    """
    place = Path(file)
    while place.suffix.lower() in _SUFFIXES:
        place = place.with_suffix("")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", place.name).strip("-._")[:64]
    if not name or file == "-":
        raise BadInput("the image needs a name", hint="give it one with --name")
    return name


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """The file, or stdin put into a file, because an upload tells its size first.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        if file != "-":
            with Path(file).expanduser().open("rb") as content:
                if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
                    raise BadInput(f"{file} is not a file", hint="- is stdin")
                yield content
            return
        with tempfile.TemporaryFile(prefix="skerry-") as content:
            shutil.copyfileobj(sys.stdin.buffer, content)
            content.seek(0)
            yield content
    except OSError as exc:
        raise BadInput(f"{file} cannot be read: {exc.strerror}") from exc


def import_file(run: Run, file: str, name: str, sha256: str, *, wait: bool) -> None:
    """Send a file that was built here, and import it."""
    with _opened(file) as content:
        sent = upload(run, content, title=f"Upload {name}")
    _import(run, {"name": name, "upload": sent, "sha256": sha256}, wait=wait)


image_build.add_verbs(IMAGE)
image_about.add_verbs(IMAGE)
image_lock.add_verbs(IMAGE)
image_boot.add_verbs(IMAGE)


@IMAGE.command("rename")
def rename(run: Run, image: options.Image, new_name: str) -> None:
    """Give an image another name."""
    _put(run, run.client.patch(path("images", image), {"name": new_name}))


@IMAGE.command("delete")
def delete(
    run: Run,
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Names or ids of images.", autocompletion=names.images)
    ],
    *,
    yes: options.Yes = False,
    no_wait: options.NoWait = False,
) -> None:
    """Delete images that no machine stands on."""
    run.confirm(f"Delete {', '.join(images)}?", yes=yes)

    def ask(image: str) -> Json:
        task: Json = run.client.delete(path("images", image))
        return task

    follow.finish_each(run, images, ask, wait=not no_wait)
