"""`skerry image build` and what goes with it: plan, check, shell, clean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from skerry.cli import output
from skerry.cli.client import Json
from skerry.cli.image_lock import Locked, LockFile, Pool, lock_of, order_of
from skerry.cli.image_options import Lenient, Recipe, Syntax
from skerry.cli.options import shown_size
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer
from skerry.errors import BadInput, NotFound
from skerry.sizes import parse_size


def _outputs(incomplete: str) -> list[str]:
    from skerry.images.outputs.registry import OUTPUTS  # noqa: PLC0415 - the whole builder

    return [name for name in OUTPUTS if name.startswith(incomplete)]


Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="OUTPUT",
        help="What to make, such as qcow2 or iso; may be given more than once.",
        autocompletion=_outputs,
    ),
]
_ENDINGS = {".qcow2": "qcow2", ".raw": "disk", ".img": "disk"}  # what the ending of a file asks for
_IMPORTED = frozenset({"qcow2", "disk", "iso"})  # outputs that the library takes

_MADE = (
    Column("OUTPUT", lambda row: row["output"]),
    Column("FILE", lambda row: row["path"]),
    Column("SIZE", lambda row: shown_size(row["size"]), right=True),
    Column("SECONDS", lambda row: row["seconds"], right=True),
    Column("FROM CACHE", lambda row: row["from_cache"]),
)
_PLANNED = (
    Column("STEP", lambda step: step["name"]),
    Column("RUNS", lambda step: step["runs"]),
    Column("WHY", lambda step: "; ".join(step["why"])),
)


def add_verbs(noun: Noun) -> None:
    """Put these verbs below `image`."""
    noun.command("build")(build)
    noun.command("plan")(plan)
    noun.command("check")(check)
    noun.command("shell")(shell)
    noun.command("clean")(clean)


def build(
    run: Run,
    recipe: Recipe,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR|FILE", help="Where to write; FILE for a single disk.")
    ] = Path(),
    outputs: Outputs = None,
    name: Annotated[str, typer.Option(help="What to call the files; otherwise as the recipe.")] = "",
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Fail when an output is larger, such as 140M.")
    ] = None,
    locked: Locked = False,
    lock: LockFile = None,
    pool: Pool = None,
    syntax: Syntax = "",
    lenient: Lenient = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Install the packages anew, in the versions that the mirrors have now.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Build a second time without the cache, and compare.")
    ] = False,
    import_as: Annotated[
        str | None, typer.Option("--import", metavar="NAME", help="Import it into the library under this name.")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the import.")] = False,
) -> None:
    """Build images from a recipe on this machine.

    Whatever was built before and did not change is taken from the cache, packages too: --fresh gets newer ones.
    """
    from skerry.cli import building  # noqa: PLC0415 - slow imports, and the build extra
    from skerry.images.build import Order  # noqa: PLC0415

    file = _is_file(out)
    wanted = _outputs_of(out, outputs, name=name) if file else tuple(outputs or ["qcow2"])
    if fresh and (locked or lock):
        raise BadInput("a lock says which packages are installed", hint="`skerry image lock` makes a new one")
    if import_as is not None:
        from skerry.cli.image import check_name  # noqa: PLC0415 - which imports this module

        _check_import(wanted)
        check_name(run, import_as)
    order = Order(
        recipe,
        wanted,
        name,
        parse_size(max_size) if max_size else None,
        lock_of(recipe, locked=locked, file=lock, pool=pool),
        pool,
        syntax,
        lenient,
        fresh,
    )
    if file:
        built = building.build_file(order, out)
        disk = built
        if import_as is None:
            _tell_file(run, built)
    else:
        built = building.build_folder(order, out)
        disk = _only_disk(built) if import_as is not None else {}
        if import_as is None:
            _tell(run, built)
    if verify:
        by_files = building.verify_here(order)
        output.say(f"a second build gave the same {f'files in {by_files}, and else ' if by_files else ''}bytes")
    if import_as is not None:
        from skerry.cli.image import import_file  # noqa: PLC0415 - which imports this module

        import_file(run, disk["path"], import_as, disk["sha256"], wait=not no_wait)


def _is_file(out: Path) -> bool:
    return not out.is_dir() and out.suffix in _ENDINGS


def _outputs_of(out: Path, outputs: list[str] | None, *, name: str) -> tuple[str]:
    """The output that is written into one file.

    Raises:
        BadInput: something else is asked for than this file.
    """
    kind = _ENDINGS[out.suffix]
    if name:
        raise BadInput(f"{out} is a name already", hint="leave out --name, or give a folder to -o")
    if outputs and outputs != [kind]:
        hint = f"{out.suffix} stands for {kind}; give a folder to -o for anything else"
        raise BadInput(f"{', '.join(outputs)} is not written into {out}", hint=hint)
    return (kind,)


def _check_import(outputs: tuple[str, ...]) -> None:
    """Refuse before anything is built what could not be imported afterwards."""
    found = [each for each in outputs if each in _IMPORTED]
    if len(found) != 1:
        raise BadInput(
            f"one disk or ISO can be imported, and {len(found)} are asked for",
            hint="name one --output: qcow2 or iso",
        )


def _tell_file(run: Run, built: Json) -> None:
    if run.json:
        output.put_json(built)
        return
    output.say(f"{'taken from the cache' if built['from_cache'] else 'built'} in {built['seconds']:.1f} s")
    output.put_line(built["path"])


def _tell(run: Run, built: Json) -> None:
    if run.json:
        output.put_json(built)
        return
    seconds = {step["name"]: step["seconds"] for step in built["steps"]}
    rows = [
        {
            "output": each["name"],
            "path": made["path"],
            "size": made["size"],
            "seconds": f"{seconds['output ' + each['name']]:.1f}",
            "from_cache": each["from_cache"],
        }
        for each in built["outputs"]
        for made in (*each["files"], *each["folders"])
    ]
    output.put_table(rows, _MADE, empty="nothing was made")
    output.say(f"manifests: {built['manifests']}")
    ran = [f"{step['name']} {step['seconds']:.1f} s" for step in built["steps"] if not step["from_cache"]]
    kept = [step["name"] for step in built["steps"] if step["from_cache"]]
    output.say(f"made in {built['seconds']:.1f} s: {', '.join(ran) or 'nothing'}")
    if kept:
        output.say(f"from the cache: {', '.join(kept)}")
    if ran and (won := sum(rule["won"] for rule in built["minimized"])):
        best = sorted(built["minimized"], key=lambda rule: -rule["won"])[:5]
        rules = ", ".join(f"`{rule['rule']}` {shown_size(rule['won'])}" for rule in best if rule["won"])
        output.say(f"minimized by {shown_size(won)}: {rules}")
    if ran and built["heaviest"]:
        heavy = ", ".join(f"{each['package']} {shown_size(each['size'])}" for each in built["heaviest"][:5])
        output.say(f"heaviest: {heavy}")


def _only_disk(built: Json) -> Json:
    """The one file that can be imported.

    Raises:
        BadInput: there is none, or more than one.
    """
    suffixes = (".qcow2", ".raw", ".iso")
    files: list[Json] = [
        file for each in built["outputs"] for file in each["files"] if file["path"].endswith(suffixes)
    ]
    if len(files) != 1:
        raise BadInput(f"one disk or ISO can be imported, and {len(files)} were built", hint="name one --output")
    return files[0]


def plan(
    run: Run,
    recipe: Recipe,
    *,
    outputs: Outputs = None,
    syntax: Syntax = "",
    lenient: Lenient = False,
    locked: Locked = False,
    lock: LockFile = None,
) -> None:
    """Show which steps a build would run, and which input changed since the last one."""
    from skerry.cli import building  # noqa: PLC0415 - slow imports, and the build extra

    wanted = tuple(outputs or ["qcow2"])
    order = order_of(recipe, syntax=syntax, lenient=lenient, locked=locked, lock=lock, outputs=wanted)
    steps = building.plan_here(order)
    if run.json:
        output.put_json(steps)
        return
    output.put_table(steps, _PLANNED, empty="there is nothing to do")


def check(
    run: Run,
    recipes: Annotated[list[Path], typer.Argument(metavar="RECIPE...", help="Recipes: kickstart files.")],
    *,
    syntax: Syntax = "",
    lenient: Lenient = False,
) -> None:
    """Read recipes, and tell their mistakes and what is ignored; nothing is built."""
    from skerry.cli import building  # noqa: PLC0415 - slow imports, and the build extra
    from skerry.images.recipe import BadRecipe  # noqa: PLC0415

    checked: list[dict[str, Any]] = []
    wrong: list[BadRecipe | NotFound] = []
    for recipe in recipes:
        try:
            remarks = building.check_here(recipe, syntax=syntax, lenient=lenient)
        except (BadRecipe, NotFound) as exc:
            wrong.append(exc)
            continue
        checked.append({"recipe": str(recipe), "remarks": remarks})
        for remark in remarks:
            output.say(f"note: {remark}")
        if not run.json:
            output.put_line(f"{recipe}: good")
    if wrong:
        raise wrong[0] if len(wrong) == 1 else BadRecipe("\n".join(map(str, wrong)), hint=wrong[0].hint)
    if run.json:
        output.put_json(checked)


def shell(
    run: Run,
    recipe: Recipe,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND...]", help="What to run instead of a shell.")
    ] = None,
    *,
    locked: Locked = False,
    lock: LockFile = None,
    syntax: Syntax = "",
    lenient: Lenient = False,
) -> None:
    """Open a shell in a copy of the root that a recipe gives; nothing that is done there is kept."""
    from skerry.cli import building  # noqa: PLC0415 - slow imports, and the build extra

    del run
    order = order_of(recipe, syntax=syntax, lenient=lenient, locked=locked, lock=lock)
    status = building.shell_here(order, command or [])
    if status:
        raise typer.Exit(status)


def clean(
    run: Run,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Everything that no build uses now.")] = False,
    days: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", min=0, help="What was not used for so long.")
    ] = None,
) -> None:
    """Make the cache of the builder smaller; without options, bring it to its limit."""
    from skerry.cli import building  # noqa: PLC0415 - slow imports, and the build extra

    if everything and days is not None:
        raise BadInput("--all and --older-than exclude each other")
    done = building.clean_here(0.0 if everything else days)
    if run.json:
        output.put_json(done)
        return
    output.say(f"{shown_size(done['won'])} won; {shown_size(done['left'])} are left in {done['cache']}")
