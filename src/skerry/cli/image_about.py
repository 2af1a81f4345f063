"""`skerry image sizes` and `skerry image diff`: what is in images, and what differs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from skerry.cli import output
from skerry.cli.image_lock import Locked, LockFile, order_of_recipe
from skerry.cli.image_options import RECIPES, Lenient, Syntax
from skerry.cli.options import shown_size
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer

if TYPE_CHECKING:
    from skerry.images.build import Order
    from skerry.images.diff import Difference
    from skerry.images.manifest.reading import About

_SHOWN = 20  # lines of a table, without --all

ImagePath = Annotated[
    Path,
    typer.Argument(metavar="IMAGE", help="An image that was built here, a folder of manifests, or a recipe."),
]


def add_verbs(noun: Noun) -> None:
    """Put these verbs below `image`."""
    noun.command("sizes")(sizes)
    noun.command("diff")(diff)


def sizes(
    run: Run,
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE|RECIPE", help="An image, a folder of manifests, or a recipe.")
    ],
    *,
    depth: Annotated[int, typer.Option(min=0, max=64, help="How deep folders are told.")] = 3,
    every: Annotated[bool, typer.Option("--all", help="Show every line, not only the heaviest.")] = False,
    locked: Locked = False,
    lock: LockFile = None,
    syntax: Syntax = "",
    lenient: Lenient = False,
) -> None:
    """Show what takes the room in an image: each package, each folder.

    A recipe is built as far as its root. Sizes are those on a disk, in blocks of 4 KiB.
    """
    from skerry.images.sizes import by_folder, by_package, owned_by_nobody  # noqa: PLC0415 - the build extra

    recipe = image if _is_recipe(image) else None
    about = _about(image, order_of_recipe(recipe, syntax=syntax, lenient=lenient, locked=locked, lock=lock))
    packages, folders, rest = by_package(about), by_folder(about, depth), owned_by_nobody(about)
    if run.json:
        output.put_json(
            {
                "name": about.name,
                "total": about.total,
                "unowned": rest,
                "packages": [
                    {"name": each.name, "version": each.version, "size": each.size}
                    for each in sorted(about.packages, key=lambda each: (-each.size, each.name))
                ],
                "folders": [{"path": path, "size": size} for path, size in folders],
            }
        )
        return
    output.put_facts(
        [
            ("Total", shown_size(about.total)),
            ("Packages", f"{len(packages)}, {shown_size(about.total - rest)}"),
            ("Of no package", shown_size(rest)),
        ]
    )
    most = None if every else _SHOWN
    output.put_line()
    _put_parts("PACKAGE", packages, most)
    output.put_line()
    _put_parts("FOLDER", folders, most)


def _put_parts(heading: str, parts: list[tuple[str, int]], most: int | None) -> None:
    columns = (
        Column("SIZE", lambda part: shown_size(part["size"]), right=True),
        Column(heading, lambda part: part["name"]),
    )
    output.put_table([{"name": name, "size": size} for name, size in parts[:most]], columns, empty="nothing")
    if most is not None and len(parts) > most:
        output.say(f"and {len(parts) - most} more; --all shows them")


def _is_recipe(image: Path) -> bool:
    return image.suffix in RECIPES and image.is_file()


def _about(image: Path, order: Order | None) -> About:
    """The manifests of an image, or those of the root of an order's recipe."""
    from skerry.images.manifest.reading import read_about  # noqa: PLC0415

    if order:
        from skerry.cli.building import about_here  # noqa: PLC0415

        return about_here(order)
    return read_about(image)


def diff(
    run: Run,
    old: ImagePath,
    new: ImagePath,
    *,
    every: Annotated[bool, typer.Option("--all", help="Show every file, not only the first.")] = False,
    locked: Locked = False,
    syntax: Syntax = "",
    lenient: Lenient = False,
) -> None:
    """Show what differs between two images: packages, licences, files, sizes.

    Recipes may be named instead; their options are for both. Ends with 0 also when the images differ; with --json,
    programs see whether they do.
    """
    from skerry.images.diff import compare  # noqa: PLC0415 - the build extra

    def order_for(recipe: Path | None) -> Order | None:
        return order_of_recipe(recipe, syntax=syntax, lenient=lenient, locked=locked, lock=None)

    recipes = [each for each in (old, new) if _is_recipe(each)]
    if not recipes:
        order_for(None)  # which says so where there are options
    before, after = (_about(each, order_for(each) if each in recipes else None) for each in (old, new))
    difference = compare(before, after)
    if run.json:
        output.put_json(difference.as_json())
        return
    if not difference:
        output.say("no difference")
        return
    _put_packages(difference)
    _put_licenses(difference)
    _put_files(difference, None if every else _SHOWN)
    output.put_line(f"{_signed(difference.size)} in all")


def _put_packages(difference: Difference) -> None:
    if not difference.packages:
        return
    columns = (
        Column("PACKAGE", lambda each: each["name"]),
        Column("OLD", lambda each: each["old"]),
        Column("NEW", lambda each: each["new"]),
        Column("SIZE", lambda each: _signed(each["size"]), right=True),
    )
    output.put_table([vars(each) for each in difference.packages], columns, empty="")
    output.put_line()


def _put_licenses(difference: Difference) -> None:
    for sign, names in (("+", difference.licenses_added), ("-", difference.licenses_removed)):
        for name in names:
            output.put_line(f"{sign} licence {name}")
    for each in difference.licenses:
        output.put_line(f"~ licence of {each.package}: {each.old} → {each.new}")
    if difference.licenses_added or difference.licenses_removed or difference.licenses:
        output.put_line()


def _put_files(difference: Difference, most: int | None) -> None:
    if not difference.files:
        return
    signs = {"added": "+", "removed": "-"}
    for each in difference.files[:most]:
        word = "" if each.what[0] in signs else f" ({', '.join(each.what)})"
        size = f" {_signed(each.size)}" if each.size else ""
        output.put_line(f"{signs.get(each.what[0], '~')} {each.path}{word}{size}")
    if most is not None and len(difference.files) > most:
        output.say(f"and {len(difference.files) - most} more; --all shows them")
    counts = Counter(each.what[0] if each.what[0] in signs else "changed" for each in difference.files)
    output.put_line(", ".join(f"{counts[word]} {word}" for word in ("added", "removed", "changed")) + " files")


def _signed(size: int) -> str:
    return ("-" if size < 0 else "+") + shown_size(abs(size))
