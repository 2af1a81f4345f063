"""`skerry guest-os`: guest OS definitions, ours and everybody's, as Ganeti knows them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from skerry.cli import guest_os_create, guest_os_run, guest_os_streams, output
from skerry.cli.guest_os_options import (
    Localstatedir,
    SearchPath,
    Sysconfdir,
    definitions,
    definitions_with_variants,
    search_folders,
)
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer
from skerry.errors import BadDefinition, BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skerry.guestos.check import Checked
    from skerry.guestos.install import Folders

GUEST_OS = Noun("Guest OS definitions: what fills the empty disk of a machine, as Ganeti knows it.")
app = GUEST_OS.app

_COLUMNS = (
    Column("NAME", lambda each: each["name"]),
    Column("STATE", lambda each: each["state"]),
    Column("API", lambda each: each["api_version"]),
    Column("VARIANTS", lambda each: ", ".join(each["variants"])),
    Column("PARAMETERS", lambda each: len(each["parameters"]), right=True),
    Column("PATH", lambda each: each["path"]),
)


class Unusable(BadDefinition):
    """A definition has problems; they were told."""

    code = "unusable-definition"


def _json(checked: Checked, *, wins: bool = True) -> dict[str, Any]:
    definition = checked.definition
    state = "invalid" if definition is None else "hidden" if not wins else "valid" if checked.usable else "broken"
    return {
        "name": checked.name,
        "path": str(checked.path),
        "state": state,
        "api_version": definition.api_version if definition else None,
        "api_versions": list(definition.api_versions) if definition else [],
        "trusted": definition.trusted if definition else None,
        "variants": list(definition.variants) if definition else [],
        "parameters": [{"name": name, "help": text} for name, text in definition.parameters] if definition else [],
        "scripts": sorted(definition.scripts) if definition else [],
        "problems": [
            {"weight": str(each.weight), "where": each.where, "what": each.what, "why": each.why}
            for each in checked.problems
        ],
    }


@GUEST_OS.command("list")
def list_(run: Run, *, path: SearchPath = None) -> None:
    """List the definitions of this machine, valid or not.

    A definition is hidden when one in an earlier folder of the search path has the same name.
    """
    from skerry.guestos.search import every  # noqa: PLC0415

    folders = search_folders(path)
    found = [_json(checked, wins=wins) for checked, wins in every(folders)]
    places = ", ".join(map(str, folders))
    run.table(found, _COLUMNS, empty=f"no definitions in {places}; ours comes there by: skerry guest-os install")


@GUEST_OS.command("show")
def show(
    run: Run,
    name: Annotated[
        str,
        typer.Argument(
            help="Such as debootstrap, or debootstrap+trixie.", autocompletion=definitions_with_variants
        ),
    ],
    *,
    path: SearchPath = None,
) -> None:
    """Show what a definition offers: variants, parameters, what is wrong with it."""
    from skerry.guestos.check import check  # noqa: PLC0415
    from skerry.guestos.definition import split_name  # noqa: PLC0415
    from skerry.guestos.search import find  # noqa: PLC0415

    base, variant = split_name(name)
    found = find(name if variant else base, search_folders(path), any_variant=not variant)
    told = _json(check(found.definition.path))
    if run.json:
        output.put_json(told)
        return
    problems = [f"{each['where']} {each['what']}" for each in told["problems"]]
    output.put_facts(
        [
            ("Name", told["name"]),
            ("Path", told["path"]),
            ("State", told["state"]),
            ("API versions", ", ".join(map(str, told["api_versions"]))),
            ("Spoken", told["api_version"]),
            ("Trusted", "yes" if told["trusted"] else "no"),
            ("Variants", ", ".join(told["variants"])),
            ("Scripts", ", ".join(told["scripts"])),
            ("Parameters", "\n".join(f"{row['name']}  {row['help']}" for row in told["parameters"])),
            ("Problems", "\n".join(problems)),
        ]
    )


@GUEST_OS.command("check")
def check_(
    run: Run,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|DIR",
            help="Definitions, or folders; otherwise all of them.",
            autocompletion=definitions,
        ),
    ] = None,
    *,
    path: SearchPath = None,
) -> None:
    """Check definitions by Ganeti's rules, and explain what is wrong with them.

    An invalid definition is not taken by Ganeti; a broken one is, and then fails. It fails where there is one.
    """
    checked = _chosen(names, search_folders(path))
    if run.json:
        output.put_json([_json(each) for each in checked])
    else:
        for each in checked:
            _tell(each)
    bad = [each.name for each in checked if not each.usable]
    if bad:
        raise Unusable(f"{len(bad)} of {len(checked)} cannot be used: {', '.join(bad)}")


def _chosen(names: Sequence[str] | None, folders: tuple[Path, ...]) -> list[Checked]:
    """The definitions that were asked for, by name, or by their folder.

    Raises:
        NotFound: one of them is not there.
    """
    from skerry.guestos.check import check  # noqa: PLC0415
    from skerry.guestos.definition import split_name  # noqa: PLC0415
    from skerry.guestos.search import every, folder_of  # noqa: PLC0415

    if not names:
        return [checked for checked, _ in every(folders)]
    found = []
    for name in names:
        if "/" in name or name in {".", ".."}:
            found.append(check(Path(name)))
        else:
            found.append(check(folder_of(split_name(name)[0], folders)))
    return found


def _tell(checked: Checked) -> None:
    output.put_line(f"{checked.path}: {_json(checked)['state']}")
    for each in checked.problems:
        output.put_line(f"  {each.weight}: {each.where} {each.what}")
        output.put_line(f"    {each.why}")


@GUEST_OS.command("install")
def install(
    run: Run,
    *,
    prefix: Annotated[Path, typer.Option(metavar="DIR", help="Where programs of this kind are.")] = Path("/usr"),
    os_dir: Annotated[
        Path | None,
        typer.Option(
            "--os-dir",
            "--with-os-dir",
            metavar="DIR",
            help="Where Ganeti looks for definitions; otherwise PREFIX/share/ganeti/os.",
        ),
    ] = None,
    sysconfdir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For settings; otherwise /etc, or PREFIX/etc.")
    ] = None,
    localstatedir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For caches; otherwise /var, or PREFIX/var.")
    ] = None,
    program: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The skerry that the scripts call; otherwise this one.")
    ] = None,
    show_only: Annotated[
        bool, typer.Option("--print", help="Show what would be written, and write nothing.")
    ] = False,
) -> None:
    """Install the definition `skerry`, for any Ganeti on this machine.

    Files of variants that are there stay as they are. Do this on every node of the cluster.
    """
    from skerry.guestos import install as installer  # noqa: PLC0415

    folders = installer.folders_of(prefix, os_dir=os_dir, sysconfdir=sysconfdir, localstatedir=localstatedir)
    files = installer.variant_files(folders.places)
    actions = installer.plan_install(folders, _program(program), found=files)
    if show_only:
        if run.json:
            output.put_json([installer.as_json(each) for each in actions])
        else:
            output.put(installer.shown(actions))
        return
    written = installer.apply(actions)
    checked = installer.look_at(folders)
    if run.json:
        output.put_json(_json(checked) | {"written": [str(each) for each in written]})
    else:
        for each in written:
            output.put_line(each)
    _warn(folders)
    if not checked.usable:
        _tell(checked)
        raise Unusable(f"{checked.path} was written, and cannot be used")


def _program(given: Path | None) -> Path:
    """The absolute path of a skerry that runs in an empty environment.

    Raises:
        BadInput: there is none.
    """
    beside = Path(sys.executable).parent / "skerry"  # of the virtual environment, whatever PATH says
    found = given or next((each for each in (beside, Path(shutil.which("skerry") or "")) if each.is_file()), None)
    if found is None or not os.access(found, os.X_OK):
        raise BadInput(f"{found or 'skerry'} is not a program", hint="name the one to call with --program")
    return Path(os.path.abspath(found))  # noqa: PTH100 - a link to it stays one, as upgrades change where it leads


def _warn(folders: Folders) -> None:
    from skerry.guestos.search import search_path  # noqa: PLC0415

    places = search_path()
    if folders.os_dir not in places:
        output.say(f"note: Ganeti does not look in {folders.os_dir}, but in {', '.join(map(str, places))}")


@GUEST_OS.command("verify")
def verify(
    run: Run,
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="CHECK", help="What to look at: parameters.")
    ] = None,
    *,
    sysconfdir: Sysconfdir = "/etc",
    localstatedir: Localstatedir = "/var",
) -> None:
    """Check OS parameters (OSP_*) and the settings of this machine; Ganeti calls this."""
    del run
    import asyncio  # noqa: PLC0415

    from skerry.commands import CommandRunner  # noqa: PLC0415
    from skerry.guestos.settings import Places  # noqa: PLC0415
    from skerry.guestos.settings_files import load  # noqa: PLC0415

    unknown = [each for each in checks or () if each != "parameters"]
    if unknown:
        raise BadInput(f"there is no check {unknown[0]!r}", hint="there is `parameters`")
    loaded = asyncio.run(load(os.environ, Places(Path(sysconfdir), Path(localstatedir)), CommandRunner()))
    for line in loaded.warnings:
        output.say(f"warning: {line}")


guest_os_run.add_verbs(GUEST_OS)
guest_os_create.add_verbs(GUEST_OS)
guest_os_streams.add_verbs(GUEST_OS)
