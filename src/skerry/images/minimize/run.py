"""Minimizing a root that is open in a session: survey, check, packages by their own removal, the rest by ours.

    report = await minimize(session, understand_minimizer(script), progress)

Nothing is deleted before the whole plan is known and the check has passed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skerry.commands import Arg
from skerry.errors import SkerryError
from skerry.images.contents.rpmdb import PLACES
from skerry.images.contents.tree import shown
from skerry.images.minimize.needs import Need
from skerry.images.minimize.rules import Minimizer
from skerry.images.recipe import BadRecipe
from skerry.images.session import Session
from skerry.progress import Progress
from skerry.sizes import format_size

FORMAT = 1  # of what rules mean; part of the key of the step that they run in
_SHOWN = 20  # needs that a message names; the report has all
_FORCED = ("--force-depends", "--force-remove-essential", "--force-remove-protected")


class StillNeeded(BadRecipe):
    """The rules of a minimizer would delete what something else needs; the message names who needs what."""

    code = "still-needed"


class RemovalFailed(SkerryError):
    """A package could not be removed by its own package manager."""

    code = "removal-failed"


@dataclass(frozen=True)
class RuleWon:
    """What one line did."""

    rule: str
    place: str
    matched: int  # names, or packages, that its pattern met
    won: int  # bytes on disk


@dataclass(frozen=True)
class Report:
    """What one section did to the root, or would do."""

    place: str
    rules: tuple[RuleWon, ...]
    deleted: int  # names
    packages: tuple[str, ...]
    needs: tuple[Need, ...]  # that were not met; told only
    paths: tuple[str, ...]  # all that went, as manifests show them

    @property
    def won(self) -> int:
        """The bytes that all rules won."""
        return sum(rule.won for rule in self.rules)

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "place": self.place,
            "won": self.won,
            "deleted": self.deleted,
            "packages": self.packages,
            "rules": [vars(rule) for rule in self.rules],
            "needs": [str(need) for need in self.needs],
        }


async def minimize(session: Session, minimizer: Minimizer, progress: Progress) -> Report:
    """Carry out one section.

    Raises:
        StillNeeded: something that stays needs what would go; nothing was deleted.
        RemovalFailed: a package's own removal failed; the message has its last words.
    """
    options = minimizer.options
    plan = await _survey(session, minimizer)
    needs = tuple(Need(**each) for each in plan["needs"])
    if needs and options.needs == "error":
        raise _still_needed(minimizer, needs)
    for need in needs:
        progress.log(f"note: {minimizer.place}: {need}")
    deleted = 0 if options.dry_run else await _carry_out(session, plan, progress)
    report = Report(
        place=minimizer.place,
        rules=tuple(RuleWon(**each) for each in plan["rules"]),
        deleted=deleted,
        packages=tuple(each["full"] for each in plan["packages"]),
        needs=needs,
        paths=tuple(map(shown, plan["paths"])),
    )
    _tell(report, minimizer, progress)
    return report


async def _survey(session: Session, minimizer: Minimizer) -> dict[str, Any]:
    rules = [(rule.verb, rule.pattern, rule.place) for rule in minimizer.rules]
    told = json.dumps({"rules": rules, "needs": minimizer.options.needs != "ignore"})
    return await _program(session, ["skerry.images.minimize.survey", session.root], told)


async def _program(session: Session, words: Sequence[Arg], told: str) -> dict[str, Any]:
    output = await session.tool(sys.executable, "-P", "-m", *words, stdin=told.encode())
    found: dict[str, Any] = json.loads(output.stdout or "{}")
    return found


async def _carry_out(session: Session, plan: Mapping[str, Any], progress: Progress) -> int:
    told = json.dumps(plan)
    if plan["packages"]:
        if plan["held"]:
            await _program(session, ["skerry.images.minimize.sweep", session.root, "hold"], told)
        for argv, chroot in removal_argvs(plan["packages"], session):
            output = await session.run(
                argv, chroot=chroot, env={"DEBIAN_FRONTEND": "noninteractive"}, ok=range(256), network=False
            )
            for line in (output.stdout + output.stderr).splitlines():
                progress.log(line)
            if output.status:
                words = (output.stderr or output.stdout).strip().splitlines()[-8:]
                raise RemovalFailed(f"{argv[0]} could not remove the packages: " + "\n".join(words))
    done = await _program(session, ["skerry.images.minimize.sweep", session.root, "delete"], told)
    for folder in plan["modules"]:
        await _new_modules_dep(session, folder)
    deleted: int = done["deleted"]
    return deleted


def removal_argvs(packages: Sequence[Mapping[str, str]], session: Session) -> list[tuple[list[Arg], bool]]:
    """The commands that remove packages, whoever needs them; and whether they run in the root.

    dpkg goes last, for the others need it. RPM's own program may be missing in a small root; then the machine's is
    told where the database is.
    """
    debs = [f"{each['name']}:{each['architecture']}" for each in packages if each["family"] == "deb"]
    own = [name for name in debs if name.startswith("dpkg:")]
    others = [name for name in debs if name not in own]
    argvs: list[tuple[list[Arg], bool]] = [
        (["dpkg", "--purge", *_FORCED, *names], True) for names in (others, own) if names
    ]
    rpms = [each["full"] for each in packages if each["family"] == "rpm"]
    if rpms:
        argvs.append(_rpm_argv(rpms, session))
    return argvs


def _rpm_argv(names: Sequence[str], session: Session) -> tuple[list[Arg], bool]:
    erase = ["-e", "--nodeps", "--allmatches", *names]
    if (session.root / "usr/bin/rpm").exists():
        return ["rpm", *erase], True
    place = next((each for each in PLACES if (session.root / each / "rpmdb.sqlite").exists()), PLACES[0])
    return ["rpm", "--root", session.root, "--dbpath", f"/{place}", *erase], False


async def _new_modules_dep(session: Session, folder: str) -> None:
    """Let the kernel's list of modules be true again, where the root can make one."""
    version = folder.rpartition("/")[2]
    script = 'depmod=$(command -v depmod) && [ -e "/$1/modules.dep" ] || exit 0; exec "$depmod" "$2"'
    await session.run(["/bin/sh", "-c", script, "sh", folder, version], chroot=True, network=False, ok=range(256))


def _still_needed(minimizer: Minimizer, needs: Sequence[Need]) -> StillNeeded:
    more = f"\nand {len(needs) - _SHOWN} more" if len(needs) > _SHOWN else ""
    listed = "\n".join(f"  {need}" for need in needs[:_SHOWN])
    return StillNeeded(
        f"{minimizer.place}: nothing is deleted, for what stays needs what would go:\n{listed}{more}",
        hint="drop the one, keep the other, `accept` what may lose it, or say --needs=warn behind the interpreter",
    )


def _tell(report: Report, minimizer: Minimizer, progress: Progress) -> None:
    unmet = [rule.place.rpartition(":")[2] for rule in report.rules if not rule.matched]
    if unmet:
        progress.log(f"note: {report.place}: nothing in the root matches line {', '.join(unmet)}")
    for rule in report.rules:
        if rule.won:
            progress.log(f"{rule.rule}: {format_size(rule.won)}")
    if minimizer.options.verbose or minimizer.options.dry_run:
        verb = "would delete" if minimizer.options.dry_run else "deleted"
        for path in report.paths:
            progress.log(f"{verb} {path}")
    progress.log(f"minimized by {format_size(report.won)}")
