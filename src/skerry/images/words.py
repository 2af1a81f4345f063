"""What the words of a recipe mean for an image.

Every word is one of three: honoured (it changes the image), ignored (it is about installing on a machine that is
there, and means nothing for an image), or an error that names file, line and reason. Nothing is dropped silently:
ignored words are listed as remarks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from skerry.commands import Secret
from skerry.errors import BadInput
from skerry.images.recipe import BadRecipe, Command, Packages, Recipe, Remark, Script
from skerry.sizes import MIB

IGNORED = frozenset(
    {
        *("auth", "authconfig", "authselect", "cdrom", "clearpart", "cmdline", "eula", "firstboot", "graphical"),
        *("halt", "ignoredisk", "install", "logging", "mediacheck", "poweroff", "reboot", "shutdown", "skipx"),
        *("text", "updates", "upgrade", "vnc", "rdp", "zerombr"),
    }
)
DISTRIBUTIONS = ("debian", "ubuntu")
MIN_ROOT_SIZE = 64 * MIB
MAX_ROOT_SIZE = 1024 * 1024 * MIB
_SOURCE = re.compile(rf"({'|'.join(DISTRIBUTIONS)}):([a-z][a-z0-9.-]*)(?:/([a-z0-9,-]+))?")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+)?(/[a-z0-9-]+)?")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*")
Values = Mapping[str, Any]  # what pykickstart read, by its names
_UNIT = re.compile(r"[A-Za-z0-9@:_.\\-]{1,255}")
_PLAIN = re.compile(r"[A-Za-z0-9_.@/+-]{1,100}")


@dataclass(frozen=True)
class Source:
    """A suite of a distribution; where it is fetched from is the builder's own matter."""

    distribution: str
    suite: str
    components: tuple[str, ...] = ("main",)

    def __str__(self) -> str:
        return f"{self.distribution}:{self.suite}"


@dataclass(frozen=True)
class RootPartition:
    """The file system that everything is in."""

    size: int = 2048 * MIB  # bytes
    label: str = "root"
    grow: bool = True  # to its disk, when it boots


@dataclass(frozen=True)
class Meaning:
    """A recipe as what the image shall be."""

    source: Source
    packages: Packages
    scripts: tuple[Script, ...]
    more_sources: tuple[Source, ...] = ()
    locale: str = "C.UTF-8"
    timezone: str = "Etc/UTC"
    hostname: str = "localhost"
    dhcp: bool = False
    root_password: Secret | None = None  # crypted; None locks root
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    kernel_arguments: str = ""
    loader_timeout_s: int = 1
    root: RootPartition = field(default_factory=RootPartition)


@dataclass(frozen=True)
class Understood:
    """What a recipe means, and what is worth telling about it."""

    meaning: Meaning
    remarks: tuple[Remark, ...]


def understand(recipe: Recipe) -> Understood:
    """Give every word of a recipe its meaning.

    Raises:
        BadRecipe: a word cannot be honoured, or what must be said is missing. The message has one line each.
    """
    mistakes = [str(mistake) for mistake in recipe.mistakes]
    remarks = list(recipe.remarks)
    meaning = Meaning(Source("", ""), recipe.packages, ())
    for command in recipe.commands:
        if command.name in IGNORED:
            remarks.append(Remark(command.place, f"{command.name} means nothing for an image and is ignored"))
            continue
        try:
            meaning = _honour(meaning, command)
        except BadInput as exc:
            mistakes.append(f"{command.place}: {command.name}: {exc.message}")
    if not meaning.source.suite and not any(command.name == "url" for command in recipe.commands):
        mistakes.append(f"{recipe.path}: the recipe does not say what to install: add `url --url=debian:trixie`")
    mistakes += _package_mistakes(recipe)
    scripts = _scripts(recipe, mistakes, remarks)
    if mistakes:
        raise BadRecipe("\n".join(mistakes), hint="`recipes/README.md` says what each word means for an image")
    return Understood(replace(meaning, scripts=scripts), tuple(remarks))


def parse_source(text: str) -> Source:
    """`debian:trixie`, or `debian:trixie/main,contrib`, as a source."""
    match = _SOURCE.fullmatch(text)
    if not match:
        raise BadInput(
            f"{text!r} does not name a distribution and suite, such as debian:trixie (mirrors are set elsewhere)"
        )
    distribution, suite, components = match.groups()
    return Source(distribution, suite, tuple((components or "main").split(",")))


def _honour(meaning: Meaning, command: Command) -> Meaning:
    if command.name not in _HONOURED:
        raise BadInput("this word cannot be honoured in an image yet")
    return _HONOURED[command.name](meaning, command.values)


def _url(meaning: Meaning, values: Values) -> Meaning:
    if values["mirrorlist"] or values.get("metalink"):
        raise BadInput(
            "mirror lists cannot be used; write --url=debian:trixie and set the mirror outside the recipe"
        )
    return replace(meaning, source=parse_source(values["url"]))


def _repo(meaning: Meaning, values: Values) -> Meaning:
    return replace(meaning, more_sources=(*meaning.more_sources, parse_source(values["baseurl"])))


def _lang(meaning: Meaning, values: Values) -> Meaning:
    return replace(meaning, locale=_matching(_PLAIN, values["lang"], "locale"))


def _keyboard(meaning: Meaning, values: Values) -> Meaning:
    layout = values.get("vc_keymap") or " ".join(values.get("x_layouts") or values.get("kbd") or [])
    if layout not in {"us", ""}:
        raise BadInput(f"only the layout `us` can be set in an image yet, not {layout!r}")
    return meaning


def _timezone(meaning: Meaning, values: Values) -> Meaning:
    zone = _matching(_PLAIN, values["timezone"] or "Etc/UTC", "time zone")
    if ".." in zone.split("/") or zone.startswith("/"):
        raise BadInput(f"{zone!r} is not a time zone")
    return replace(meaning, timezone=zone)


def _rootpw(meaning: Meaning, values: Values) -> Meaning:
    if values["lock"] or not values["password"]:
        return replace(meaning, root_password=None)
    if not values["isCrypted"]:
        raise BadInput(
            "a plain password would stay in the recipe: use --iscrypted (`openssl passwd -6` makes one)"
        )
    if re.search(r"[:\s]", values["password"]):
        raise BadInput("a crypted password has no colons or blanks")
    return replace(meaning, root_password=Secret(values["password"]))


def _network(meaning: Meaning, values: Values) -> Meaning:
    if values["bootProto"] != "dhcp":
        raise BadInput(
            "only --bootproto=dhcp can be set in an image; addresses come from the seed of each machine"
        )
    hostname = values["hostname"] or meaning.hostname
    return replace(meaning, dhcp=True, hostname=_matching(_HOST_NAME, hostname, "host name"))


def _services(meaning: Meaning, values: Values) -> Meaning:
    enabled = tuple(_matching(_UNIT, unit, "service") for unit in values["enabled"])
    disabled = tuple(_matching(_UNIT, unit, "service") for unit in values["disabled"])
    return replace(meaning, enabled=(*meaning.enabled, *enabled), disabled=(*meaning.disabled, *disabled))


def _bootloader(meaning: Meaning, values: Values) -> Meaning:
    arguments = values["appendLine"].strip()
    if not re.fullmatch(r"[A-Za-z0-9_.,:;=/@+%~ -]*", arguments):
        raise BadInput(f"{arguments!r} has characters that the boot loader would read as its own")
    timeout = values["timeout"] if values["timeout"] is not None else meaning.loader_timeout_s
    return replace(meaning, kernel_arguments=arguments, loader_timeout_s=timeout)


def _part(meaning: Meaning, values: Values) -> Meaning:
    if values["mountpoint"] != "/":
        raise BadInput(f"only `part /` can be made yet, not {values['mountpoint']!r}")
    if values["fstype"] not in {"", "ext4"}:
        raise BadInput(f"the root can only be ext4 yet, not {values['fstype']}")
    size = values["size"] * MIB if values["size"] else meaning.root.size
    if not MIN_ROOT_SIZE <= size <= MAX_ROOT_SIZE:
        raise BadInput(f"--size is in MiB and must be between {MIN_ROOT_SIZE // MIB} and {MAX_ROOT_SIZE // MIB}")
    label = values["label"] or meaning.root.label
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,16}", label):
        raise BadInput(f"{label!r} is not a label that ext4 can have")
    return replace(meaning, root=RootPartition(size, label, grow=bool(values["grow"])))


_HONOURED: dict[str, Callable[[Meaning, Values], Meaning]] = {
    "url": _url,
    "repo": _repo,
    "lang": _lang,
    "keyboard": _keyboard,
    "timezone": _timezone,
    "rootpw": _rootpw,
    "network": _network,
    "services": _services,
    "bootloader": _bootloader,
    "part": _part,
    "partition": _part,
}
HONOURED = frozenset(_HONOURED)


def _matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise BadInput(f"{text!r} is not a {what}")
    return text


def _package_mistakes(recipe: Recipe) -> list[str]:
    packages = recipe.packages
    groups = (
        *packages.groups,
        *packages.excluded_groups,
        *([packages.environment] if packages.environment else []),
    )
    mistakes = [f"{recipe.path}: %packages: {name!r} is not a package name" for name in _not_packages(packages)]
    mistakes += [f"{recipe.path}: %packages: @{name}: Debian and Ubuntu have no package groups" for name in groups]
    if packages.ignore_missing:
        mistakes.append(f"{recipe.path}: %packages: --ignoremissing cannot be honoured with apt")
    return mistakes


def _not_packages(packages: Packages) -> list[str]:
    return [name for name in (*packages.names, *packages.excluded) if not _PACKAGE.fullmatch(name)]


def _scripts(recipe: Recipe, mistakes: list[str], remarks: list[Remark]) -> tuple[Script, ...]:
    """The scripts that run in the image, in order."""
    kept = []
    for script in recipe.scripts:
        if script.section != "%post":
            remarks.append(Remark(script.place, f"{script.section} is for a real installation and is not run"))
        elif not script.chroot:
            mistakes.append(f"{script.place}: %post --nochroot cannot be honoured yet")
        elif not script.interpreter.startswith("/"):
            mistakes.append(f"{script.place}: %post --interpreter={script.interpreter}: give the whole path")
        else:
            kept.append(script)
    return tuple(kept)
