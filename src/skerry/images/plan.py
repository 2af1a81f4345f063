"""From a recipe and what is known of the machine to the steps of its build; nothing is made or looked up here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from skerry.commands import Commands
from skerry.errors import BadInput, Unavailable
from skerry.images import about, configure
from skerry.images import mirrors as mirror
from skerry.images.answers import ANSWERS, Answers, version_of
from skerry.images.cache import key_of
from skerry.images.installers.deb import DebInstaller
from skerry.images.installers.installer import Installer
from skerry.images.installers.rpm_source import rpm_installer
from skerry.images.lock import BadLock, Lock
from skerry.images.outputs.disk import Qcow2Disk, RawDisk
from skerry.images.outputs.output import Output, tools_of
from skerry.images.outputs.registry import find_output
from skerry.images.recipe import Remark, read_recipe
from skerry.images.settings import BuildSettings
from skerry.images.steps import Step, step
from skerry.images.tools import TOOLS_SOURCE, tools_key, tools_packages
from skerry.images.words import Meaning, check_disks, understand


@dataclass(frozen=True)
class Facts:
    """What a plan is made from, beside the recipe."""

    tools_lines: tuple[str, ...]  # apt's sources for the tools tree
    qemu_img: str  # version


@dataclass(frozen=True)
class OutputPlan:
    """An output and its steps."""

    output: Output
    tools: Step
    step: Step


@dataclass(frozen=True)
class Plan:
    """The steps from a recipe to its outputs."""

    recipe: Path
    name: str  # base name of the files made
    meaning: Meaning
    facts: Facts
    installer: Installer
    lock: Lock | None
    pool: Path | None  # a folder of packages of the lock
    base: Step
    root: Step
    about: Step
    outputs: tuple[OutputPlan, ...]
    remarks: tuple[Remark, ...] = ()
    salted: bool = False  # whether all is made anew, whatever the cache has

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, each after those that it needs, and once."""
        tools = {each.tools.name: each.tools for each in self.outputs}
        return *tools.values(), self.base, self.root, self.about, *(each.step for each in self.outputs)


def plan(
    recipe: Path,
    meaning: Meaning,
    facts: Facts,
    installer: Installer,
    outputs: Sequence[Output],
    *,
    name: str = "",
    lock: Lock | None = None,
    pool: Path | None = None,
    salt: str = "",
    remarks: Sequence[Remark] = (),
) -> Plan:
    """Decide what must be there, without looking whether it is.

    With a salt, nothing that was made without it is used; what is made is the same.
    """
    name = name or recipe.stem
    locked = lock.key if lock else ""
    before = configure.script_inputs(configure.before_packages(meaning))
    checks = {"checks": before} if before else {}
    base = step("base", "base", installer.title, {**installer.inputs, "lock": locked, **checks})
    if salt:
        base = replace(base, key=key_of(base.key, salt))
    scripts = "Running the recipe's scripts" if meaning.scripts else "Configuring the root"
    root = step("root", "root", scripts, configure.inputs(meaning), [base])
    described = step("about", "about", "Describing the root", {"format": about.FORMAT, "name": name}, [base, root])

    def output_plan(output: Output) -> OutputPlan:
        tools = _tools_step(tools_of(output, meaning), lock)
        inputs = {"name": name, "qemu-img": facts.qemu_img, **output.inputs(meaning)}
        title = f"Writing {output.name}"
        made = step(f"output {output.name}", output.name, title, inputs, [tools, root, described])
        return OutputPlan(output, tools, made)

    return Plan(
        recipe=recipe,
        name=name,
        meaning=meaning,
        facts=facts,
        installer=installer,
        lock=lock,
        pool=pool,
        base=base,
        root=root,
        about=described,
        outputs=tuple(map(output_plan, outputs)),
        remarks=tuple(remarks),
        salted=bool(salt),
    )


def _tools_step(more: tuple[str, ...], lock: Lock | None) -> Step:
    name = " ".join(("tools", *more))
    locked = {"lock": lock.tools_key} if lock else {}
    inputs: Mapping[str, object] = {"packages": tools_packages(more), "source": str(TOOLS_SOURCE), **locked}
    return step(name, "tools", "Fetching the tools that write images", inputs, key=tools_key(more, lock))


def wanted_of(meaning: Meaning) -> str:
    """A hash of what decides which packages a recipe gets, for its lock; words it does not use have no part."""
    packages = {
        each.name: value
        for each in fields(meaning.packages)
        if (value := getattr(meaning.packages, each.name)) not in {None, False, ()}
    }
    return key_of(str(meaning.source), packages, [asdict(each) for each in meaning.repositories])


def check_lock(lock: Lock, meaning: Meaning, recipe: Path) -> None:
    """Refuse a lock that was made for something else.

    Raises:
        BadLock: the recipe asks for other packages now, or for another distribution.
    """
    if lock.source != str(meaning.source):
        raise BadLock(f"the lock is of {lock.source}, and {recipe} asks for {meaning.source}")
    if lock.wanted != wanted_of(meaning):
        raise BadLock(
            f"the %packages or sources of {recipe} changed after its lock was made",
            hint="make it again with `skerry image lock`",
        )


async def make_plan(
    recipe: Path,
    outputs: Sequence[str],
    settings: BuildSettings,
    commands: Commands,
    name: str = "",
    *,
    lock: Lock | None = None,
    pool: Path | None = None,
    salt: str = "",
    syntax: str = "",
    lenient: bool = False,
) -> Plan:
    """Read the recipe, look at the machine, and decide.

    `syntax` is the version of kickstart's; `lenient` passes over lines that are wrong.

    Raises:
        BadInput: there is no such output, or it is asked for twice.
        BadLock: the lock is of another recipe.
        BadRecipe, NotFound, Unavailable: as `build_image`.
    """
    wanted = [find_output(each) for each in outputs]
    if len(set(outputs)) < len(outputs):
        raise BadInput("an output is asked for twice")
    answers = Answers(settings.cache / ANSWERS, commands)
    understood = understand(await read_recipe(recipe, answers, version=syntax), lenient=lenient)
    if any(isinstance(each, RawDisk | Qcow2Disk) for each in wanted):
        check_disks(understood, recipe)
    meaning = understood.meaning
    if lock:
        check_lock(lock, meaning, recipe)
    release, sources = mirror.machine_release(), mirror.machine_sources()

    def find(distribution: str) -> mirror.Mirrors:
        chosen = settings.mirrors(distribution)
        return mirror.find_mirrors(distribution, release=release, sources=sources, chosen=chosen)

    facts = Facts(
        tools_lines=tuple(mirror.deb_lines(TOOLS_SOURCE, find(TOOLS_SOURCE.distribution))),
        qemu_img=await version_of("qemu-img", answers),
    )
    installer: Installer
    if meaning.family == "rpm":
        installer = await rpm_installer(meaning, settings, answers)
    else:
        deb = await _deb_installer(recipe, meaning, find(meaning.source.distribution), answers)
        installer = replace(deb, deb_lines=lock.sources) if lock else deb
    told = understood.remarks
    return plan(
        recipe, meaning, facts, installer, wanted, name=name, lock=lock, pool=pool, salt=salt, remarks=told
    )


async def _deb_installer(
    recipe: Path, meaning: Meaning, mirrors: mirror.Mirrors, answers: Answers
) -> DebInstaller:
    distribution = meaning.source.distribution
    if meaning.more_sources and mirrors.main is None:
        raise Unavailable(
            f"{recipe} adds suites with `repo`, and the mirror of {distribution} is not known",
            hint=f"set SKERRY_{distribution.upper()}_MIRROR to its address",
        )
    lines = tuple(mirror.deb_lines(meaning.source, mirrors, meaning.more_sources))
    return DebInstaller(meaning, lines, await version_of("mmdebstrap", answers), mirror_lines=lines)
