"""`vm xml` and `vm edit`: a machine's definition as libvirt knows it."""

from __future__ import annotations

import contextlib
import difflib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skerry.cli import options, output
from skerry.cli.client import Json, Refused, path
from skerry.cli.program import Run, is_terminal, typer
from skerry.cli.vm.noun import VM
from skerry.errors import BadInput, Changed, SkerryError, Unavailable

_EDITORS = ("sensible-editor", "editor", "nano", "vi")


@VM.command("xml")
def xml(run: Run, name: options.Vm) -> None:
    """Print the definition of a machine, as libvirt XML."""
    definition = run.client.get(path("vms", name, "definition"))
    if run.json:
        output.put_json(definition)
    else:
        output.put(definition["xml"].rstrip("\n") + "\n")


@VM.command("edit")
def edit(run: Run, name: options.Vm, yes: options.Yes = False) -> None:
    """Edit the definition of a machine in $VISUAL or $EDITOR, and save it after a look at what changes."""
    where = path("vms", name, "definition")
    current: Json = run.client.get(where)
    with _draft(name) as draft:
        text = draft.ask(current["xml"])
        while text != current["xml"]:
            try:
                checked = run.client.post(where + "/check", {"xml": text})
                _show_difference(current["xml"], checked["xml"], "now", "after")
                if not draft.may_save(yes=yes):
                    text = draft.ask(text)
                    continue
                saved = _save(run, where, text, current["etag"])
            except Refused as exc:
                if exc.problem.get("code") == Changed.code:
                    current = _look_again(run, where, current)
                elif exc.problem.get("status") != BadInput.http_status:
                    raise
                text = draft.ask_again(text, exc)
                continue
            draft.done()
            if run.json:
                output.put_json(saved)
            else:
                output.say(f"saved; {name} uses it from its next start on")
            return
        draft.done()
        output.say("nothing changed")


def _save(run: Run, where: str, text: str, etag: str) -> Json:
    answer: Json = run.client.call(
        "PUT", where, {"xml": text}, headers={"If-Match": f'"{etag.strip(chr(34))}"'}
    ).json()
    return answer


def _look_again(run: Run, where: str, before: Json) -> Json:
    """What somebody else made of it meanwhile, shown."""
    now: Json = run.client.get(where)
    output.say("somebody changed it meanwhile:")
    _show_difference(before["xml"], now["xml"], "when you began", "now")
    return now


def _show_difference(before: str, after: str, name_before: str, name_after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name_before, name_after, lineterm="", n=2
    )
    colours = {"+": "\033[32m", "-": "\033[31m"} if is_terminal(2) else {}
    for line in lines:
        shown = output.safe(line)
        colour = colours.get(line[:1])
        print(f"{colour}{shown}\033[0m" if colour else shown, file=sys.stderr)


@dataclass
class _Draft:
    """The person's text, in a file that stays if it could not be saved."""

    file: Path
    first: str | None = None  # what it was when the person first saw it
    unsaved: bool = False

    def ask(self, text: str) -> str:
        """Let the person edit this text."""
        from skerry.commands import run_on_terminal  # noqa: PLC0415 - imports asyncio, which others need not wait for

        self.file.write_text(text, encoding="utf-8")
        self.first = self.first or text
        self.unsaved = True
        status = run_on_terminal([*_editor(), self.file])
        if status != 0:
            raise SkerryError(
                f"the editor ended with status {status}", hint="$VISUAL or $EDITOR names another one"
            )
        try:
            return self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise BadInput(f"what the editor left in {self.file} cannot be read") from exc

    def ask_again(self, text: str, why: Refused) -> str:
        """Tell what is wrong and let the person go on with the same text, if there is a person."""
        if not _somebody_there():
            raise why
        output.say(f"error: {why.message}")
        if not typer.confirm("Edit it again?", default=True, err=True):
            raise why
        return self.ask(text)

    def may_save(self, *, yes: bool) -> bool:
        """Whether what was shown is what the person wants; False: not yet."""
        if yes or not _somebody_there():
            return True
        word = typer.prompt("Save it? [yes, edit, quit]", default="yes", err=True, show_default=False)
        if word.lower() in {"q", "quit", "n", "no"}:
            raise typer.Abort
        return bool(word.lower() in {"y", "yes"})

    def worth_keeping(self) -> bool:
        """Whether there is work of the person in it that was not saved."""
        try:
            return self.unsaved and self.file.read_text(encoding="utf-8") != self.first
        except (OSError, UnicodeDecodeError):
            return self.file.exists()

    def done(self) -> None:
        """The text is no longer needed."""
        self.unsaved = False


@contextlib.contextmanager
def _draft(name: str) -> Iterator[_Draft]:
    folder = Path(tempfile.mkdtemp(prefix="skerry-"))
    word = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
    draft = _Draft(folder / f"{word}.xml")
    try:
        yield draft
    finally:
        if draft.worth_keeping():
            output.say(f"your text is kept in {draft.file}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _somebody_there() -> bool:
    return is_terminal(0) and is_terminal(2)


def _editor() -> list[str]:
    """The person's editor, with its own arguments.

    Raises:
        Unavailable: there is none.
    """
    for variable in ("VISUAL", "EDITOR"):
        if words := shlex.split(os.environ.get(variable, "")):
            return words
    found = next(_installed(), None)
    if found is None:
        raise Unavailable("there is no editor", hint="name one in $VISUAL or $EDITOR")
    return [found]


def _installed() -> Iterator[str]:
    return (editor for editor in _EDITORS if shutil.which(editor))
