"""Writes the pages of docs/reference that follow from the code: settings, operations, errors, commands, recipes.

python tools/reference.py           write them
python tools/reference.py --check   fail where one is stale
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from skerry.cli.reference import commands_page
from skerry.cli.up_settings import PREFIX, UpSettings
from skerry.errors import every_error
from skerry.guestos.install import VARIANTS, folders_of
from skerry.guestos.parameters import PARAMETERS
from skerry.guestos.settings import default_of
from skerry.host.operation import OPERATIONS, Permission
from skerry.host.operations import every
from skerry.images.minimize import rules as minimizer
from skerry.images.settings import BuildSettings
from skerry.images.words.table import PACKAGES_RPM_ONLY as RPM_ONLY
from skerry.images.words.table import SECTIONS, WORDS, Treatment
from skerry.manager.settings import default_data_dir
from skerry.settings import environment_name, table

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Written by tools/reference.py from the code: change that, then `make docs`. -->\n\n"


def rows(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def settings_page() -> str:
    """Every setting of every program."""
    text = (
        "# Settings\n\nLater sources win: default, file, environment, command line. Files are TOML; all mistakes "
        "are reported at once.\n"
    )
    programs = (
        ("`skerry up`", UpSettings, "`/etc/skerry/up.toml`, or `~/.config/skerry/up.toml` for a plain user"),
        ("`skerry image build`", BuildSettings, "`/etc/skerry/build.toml`, or `~/.config/skerry/build.toml`"),
    )
    for program, cls, file in programs:
        body = [
            (
                f"`{row.name}`",
                f"`{environment_name(PREFIX, row.name)}`",
                row.kind.name + (f": {', '.join(row.choices)}" if row.choices else ""),
                f"`{_default(row.default)}` {row.unit}".strip() if row.default not in (None, "", ()) else "",
                row.help,
            )
            for row in table(cls)
        ]
        text += f"\n## {program}\n\nFile: {file}.\n\n"
        text += rows(("setting", "environment", "kind", "default", "what it is"), body)
    return text


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    # The page must be the same whoever writes it.
    return str(value).replace(str(default_data_dir()), "/var/lib/skerry")


def operations_page() -> str:
    """Everything that a host can do."""
    text = (
        "# Operations of hosts\n\nWhat a manager may ask of a host, each declared once in "
        "`src/skerry/host/operations`. Long ones report progress; streams carry bytes both ways.\n\n"
    )
    body = []
    for module in every.MODULES:
        assert module.__doc__, module
    for name, operation in sorted(OPERATIONS.items()):
        takes = ", ".join(
            f"`{field}`" if info.is_required() else f"[`{field}`]"
            for field, info in operation.arguments.model_fields.items()
        )
        pace = "stream" if operation.streams else operation.pace.value
        body.append((f"`{name}`", operation.summary, takes, pace, f"`{operation.permission}`"))
    text += rows(("operation", "what it does", "takes [optional]", "pace", "permission"), body)
    text += "\n## Permissions\n\n" + "".join(f"- `{permission}`\n" for permission in Permission)
    return text


def errors_page() -> str:
    """The stable codes of errors."""
    body = [
        (f"`{error.code}`", str(error.http_status), (error.__doc__ or "").strip().splitlines()[0])
        for error in every_error()
    ]
    return "# Errors\n\nCodes are stable; programs may rely on them.\n\n" + rows(
        ("code", "HTTP status", "meaning"), body
    )


def recipe_words_page() -> str:
    """Every word of a recipe and what becomes of it."""
    text = (
        "# Words of recipes\n\nHow each word of kickstart, in every version of its syntax, is treated for an "
        "image. *Honoured* words change the image. *Ignored* ones are about installing on a machine that is "
        "there; the build tells of them. *Refused* ones are errors, unless `--lenient` passes over them. How to "
        "write a recipe: [recipes](../../recipes/README.md).\n"
    )
    for treatment in Treatment:
        chosen = [word for word in (*SECTIONS.values(), *WORDS.values()) if word.treatment is treatment]
        says = {Treatment.HONOURED: "what it does", Treatment.IGNORED: "why", Treatment.REFUSED: "why"}[treatment]
        text += f"\n## {treatment.capitalize()}\n\n"
        text += rows(("word", says), [(f"`{word.name}`", word.says) for word in chosen])
    text += "\n## Options of honoured words\n\nThose that are not here are honoured.\n\n"
    body = [
        (f"`{word.name}`", ", ".join(f"`{option}`" for option in options), treatment, why)
        for word in (*SECTIONS.values(), *WORDS.values())
        for treatment, table in (("ignored", word.ignored), ("refused", word.refused))
        for why, options in _by_reason(table).items()
    ]
    rpm = [
        ("`%packages`", f"`{option}`", "refused for Debian and Ubuntu", why) for option, why in RPM_ONLY.items()
    ]
    return text + rows(("word", "options", "treatment", "why"), [*rpm, *body])


def _by_reason(table: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for option, why in table.items():
        found.setdefault(why, []).append(option)
    return found


MINIMIZER = """# The minimizer

Words of a `%post --nochroot --interpreter image-minimizer` in a recipe; see
[Make an image smaller](../how-to/smaller-images.md).

{words}
A line that begins with `#` is a comment; anything else is an error. Capital letters in words do not matter.
Each line works on what the lines before it left; what is chosen in the end is deleted at once.

A path is seen from the root of the image, with or without its first slash; links on the way are followed inside
of the root. `*` and `?` stay in one folder and do not match a leading dot, `[…]` is one character of several,
and `**` as a whole name is any number of folders. A link at the end is itself; with a slash behind it, it is
the folder that it points at. Blanks belong to the pattern. Names of packages are patterns too, without version
and architecture.

Options stand behind the name, in quotes: `--interpreter "image-minimizer --needs=warn"`.

{options}
`--erroronfail` is not needed: a mistake, or something that is still needed, always fails the build.
"""


def minimizer_page() -> str:
    """The words of image-minimizer."""
    words = [(f"`{verb} {_takes(verb)}`", meaning) for verb, meaning in minimizer.WORDS.items()]
    options = [(f"`{name}`", meaning) for name, meaning in minimizer.OPTIONS.items()]
    return MINIMIZER.format(words=rows(("word", "meaning"), words), options=rows(("option", "meaning"), options))


def _takes(verb: str) -> str:
    return "NAME" if verb.endswith(("rpm", "deb")) else "GLOB"


GUEST_OS = """# Guest OS definitions

Settings of the definition `skerry`, which `skerry guest-os install` puts where Ganeti looks. The names are those
of ganeti-instance-debootstrap and mean what they meant there; settings marked *new* are ours.

| what | where |
| --- | --- |
| definition | `{os_dir}/skerry` |
| settings | `{settings_file}`; it may be missing |
| settings of a variant | `{variants_dir}/NAME.conf`; variants that come with it: {variants} |
| hooks | `{customize_dir}` |
| prepared tars | `{cache_dir}/cache-SUITE-ARCH.tar` |

Both files are parts of a shell script and see what Ganeti says of the instance, such as `$HYPERVISOR`. What they
export goes on to hooks. Later ones win: default, file, variant, OS parameter. A variant must have a file; variants
that have one are listed after `skerry guest-os install` was run again.

An OS parameter is given per instance: `gnt-instance add -o skerry+trixie -O filesystem=xfs …`. Settings without
one are about the node, and only its files set them. A wrong name or value is an error that names the nearest right
one.

{settings}
"""


def guest_os_page() -> str:
    """The settings of our guest OS definition."""
    folders = folders_of()
    body = [
        (
            ", ".join(f"`{name}`" for name in (row.name, *row.spellings)) + ("" if row.classic else " *new*"),
            f"`{row.os_parameter}`" if row.os_parameter else "",
            f"`{default}`" if (default := default_of(row, folders.places)) else "",
            ", ".join(f"`{choice}`" for choice in row.choices),
            row.help,
        )
        for row in PARAMETERS
    ]
    places = folders.places
    return GUEST_OS.format(
        os_dir=folders.os_dir,
        settings_file=places.settings_file,
        variants_dir=places.variants_dir,
        customize_dir=places.customize_dir,
        cache_dir=places.cache_dir,
        variants=", ".join(f"`{name}`" for name in VARIANTS),
        settings=rows(("setting", "OS parameter", "default", "values", "what it is"), body).rstrip(),
    )


PAGES: dict[str, Callable[[], str]] = {
    "minimizer.md": minimizer_page,
    "recipe-words.md": recipe_words_page,
    "settings.md": settings_page,
    "operations.md": operations_page,
    "errors.md": errors_page,
    "cli.md": commands_page,
    "guest-os.md": guest_os_page,
}


def main() -> int:
    """Write the pages, or check them."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--check", action="store_true")
    check = words.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, page in PAGES.items():
        text = MADE + page()
        file = FOLDER / name
        if file.exists() and file.read_text() == text:
            continue
        stale.append(name)
        if not check:
            file.write_text(text)
    if check and stale:
        print(f"stale: {', '.join(stale)}; `make docs` writes them anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
