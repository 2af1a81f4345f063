"""`skerry image lock`, and the options of `image build` that go with locks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from skerry.cli import output
from skerry.cli.image_options import Lenient, Recipe, Syntax
from skerry.cli.program import Noun, Run, typer
from skerry.errors import BadInput

if TYPE_CHECKING:
    from skerry.images.build import Order

Locked = Annotated[
    bool, typer.Option("--locked", help="Install what the lock beside the recipe says, and nothing else.")
]
LockFile = Annotated[
    Path | None, typer.Option("--lock", metavar="FILE", help="The same with a lock that is elsewhere.")
]
Pool = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Take the packages of the lock from here, before the mirror.")
]
_SHOWN = 20  # changes that are told


def add_verbs(noun: Noun) -> None:
    """Put the verb below `image`."""
    noun.command("lock")(lock)


def lock_of(recipe: Path, *, locked: bool, file: Path | None, pool: Path | None) -> Path | None:
    """The lock that is asked for, if any.

    Raises:
        BadInput: the options contradict each other.
    """
    from skerry.images.lock_file import lock_path  # noqa: PLC0415 - the build extra

    if locked and file:
        raise BadInput("--locked and --lock exclude each other")
    if pool and not (locked or file):
        raise BadInput("--pool has the packages of a lock", hint="add --locked")
    return file or (lock_path(recipe) if locked else None)


def order_of(
    recipe: Path, *, syntax: str, lenient: bool, locked: bool, lock: Path | None, outputs: tuple[str, ...] = ()
) -> Order:
    """What is wanted of a recipe by those who take the same options as `build`.

    Raises:
        BadInput: the options contradict each other.
    """
    from skerry.images.build import Order  # noqa: PLC0415 - the build extra

    found = lock_of(recipe, locked=locked, file=lock, pool=None)
    return Order(recipe, outputs, lock=found, syntax=syntax, lenient=lenient)


def order_of_recipe(
    recipe: Path | None, *, syntax: str, lenient: bool, locked: bool, lock: Path | None
) -> Order | None:
    """The same where it may be an image in the recipe's place, for which these options say nothing.

    Raises:
        BadInput: there is an option, and no recipe.
    """
    if recipe:
        return order_of(recipe, syntax=syntax, lenient=lenient, locked=locked, lock=lock)
    if syntax or lenient or locked or lock:
        raise BadInput("--syntax, --lenient, --locked and --lock say how a recipe is built, and this is none")
    return None


def lock(
    run: Run,
    recipe: Recipe,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The lock; otherwise beside the recipe.")
    ] = None,
    download: Annotated[
        Path | None,
        typer.Option(metavar="POOL", help="Keep all packages of the lock in this folder, for builds with --pool."),
    ] = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Leave the lock as it is, and only fill the pool.")
    ] = False,
    syntax: Syntax = "",
    lenient: Lenient = False,
) -> None:
    """Write down the very packages that a recipe gets now, for builds with --locked."""
    from skerry.cli import building  # noqa: PLC0415 - slow imports, and the build extra
    from skerry.images.build import Order  # noqa: PLC0415

    if locked and download is None:
        raise BadInput("--locked leaves the lock as it is", hint="add --download POOL")
    made = building.lock_here(Order(recipe, (), syntax=syntax, lenient=lenient), out, download, keep=locked)
    if run.json:
        output.put_json(made)
        return
    for line in made["changes"][:_SHOWN]:
        output.say(line)
    if more := made["changes"][_SHOWN:]:
        output.say(f"… and {len(more)} more")
    output.say(f"{made['packages']} packages, {made['tools']} packages of tools, as of {made['snapshot']}")
    if made["pool"]:
        output.say(f"{made['pool']} has them all; {made['fetched']} are new")
    output.put_line(made["lock"])
