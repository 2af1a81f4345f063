"""%post, and the sections that are not for images."""

from __future__ import annotations

import re

from skerry.errors import BadInput
from skerry.images.minimize.rules import PROGRAM, is_minimizer, minimizer_mistakes
from skerry.images.recipe import Mistake, Recipe, Remark, Script, Section
from skerry.images.words.line import matching, no_climbing
from skerry.images.words.meaning import Certificate
from skerry.images.words.table import SECTIONS, Treatment

_PATH = re.compile(r"/[A-Za-z0-9_./+@-]{1,250}")
_PROGRAM = re.compile(r"/[A-Za-z0-9_./+@-]{1,250}( [A-Za-z0-9_./=+,-]{1,100}){0,20}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,100}")
_OLD_PYTHON = re.compile(r"/usr/bin/python(2(\.\d+)?)?")


def scripts(recipe: Recipe, mistakes: list[Mistake], remarks: list[Remark]) -> tuple[Script, ...]:
    """The scripts that run for the image, in order."""
    kept = []
    for script in recipe.scripts:
        word = SECTIONS[script.section]
        if word.treatment is not Treatment.HONOURED:
            remarks.append(Remark(script.place, f"{script.section}: {word.says}"))
            continue
        try:
            _check(script)
        except BadInput as exc:
            mistakes.append(Mistake(script.place, f"{script.section}: {exc.message}"))
            continue
        if is_minimizer(script):
            mistakes += minimizer_mistakes(script)
        if _OLD_PYTHON.fullmatch(script.interpreter):
            reason = f"{script.interpreter} is Python 2, which is gone: use /usr/bin/python3"
            remarks.append(Remark(script.place, f"{script.section}: {reason}"))
        kept.append(script)
    return tuple(kept)


def _check(script: Script) -> None:
    if is_minimizer(script):
        if script.section != "%post":
            raise BadInput(f"--interpreter={PROGRAM} is for a %post: only then there is a root")
        if script.chroot:
            raise BadInput(f"--interpreter={PROGRAM} works from outside of the root: add --nochroot")
    else:
        matching(_PROGRAM, script.interpreter, "whole path of an interpreter (--interpreter)")
    if script.log:
        no_climbing(matching(_PATH, script.log, "path of a log (--log)"), "path of a log (--log)")


def certificates(recipe: Recipe, mistakes: list[Mistake], remarks: list[Remark]) -> tuple[Certificate, ...]:
    """What %certificate brings; other sections are told to be ignored."""
    found = []
    for section in recipe.sections:
        word = SECTIONS[section.name]
        if word.treatment is not Treatment.HONOURED:
            remarks.append(Remark(section.place, f"{section.name}: {word.says}"))
            continue
        try:
            found.append(_certificate(section))
        except BadInput as exc:
            mistakes.append(Mistake(section.place, f"{section.name}: {exc.message}"))
    return tuple(found)


def _certificate(section: Section) -> Certificate:
    kind = section.options.get("type") or ""
    if kind not in {"", "anchor"}:
        raise BadInput(f"--type is anchor, not {kind[:40]!r}")
    folder = section.options.get("dir") or ""
    if folder:
        no_climbing(matching(_PATH, folder, "folder (--dir)"), "folder (--dir)")
    name = matching(_FILE, section.options.get("filename") or "", "name of a file (--filename)")
    return Certificate(name, section.body, folder, anchor=kind == "anchor")
