"""Debian and Ubuntu roots as a tar, by mmdebstrap.

Everything that decides is a pure function: the command, its hooks, the script that carries out the recipe's words,
and how far a line of output says it is. Packages that were downloaded once are kept beside the cache's entries,
linked into each build (links cost nothing, and nobody writes into another's files) and taken over by renames.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.errors import CommandFailed, SkerryError
from skerry.images.cache import Workspace, disk_was_full, no_space
from skerry.images.recipe import BadRecipe, Packages, Script
from skerry.images.words import Meaning
from skerry.progress import Progress

FORMAT = 1  # of what the hooks do; part of the step's key
TIMEOUT_S = 3600.0
_MARK = "skerry-script"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHIVES = "/var/cache/apt/archives/"
# The build machine's name servers are its own matter; a link is the image's.
_LAST_HOOK = (
    'rm -f "$1"/etc/apt/preferences.d/00skerry-unwanted; [ -L "$1"/etc/resolv.conf ] || : > "$1"/etc/resolv.conf'
)
_HINTS = (
    (
        "Failed to fetch|Could not resolve|Temporary failure resolving",
        "check the network, or set SKERRY_{NAME}_MIRROR to a mirror that can be reached",
    ),
    ("newuidmap|subuid", "a plain user needs the package uidmap and a line in /etc/subuid and /etc/subgid"),
    (
        "NO_PUBKEY",
        "install the distribution's archive keyring, such as debian-archive-keyring, in its newest version",
    ),
)


class ScriptFailed(SkerryError):
    """A script of the recipe ended with a status other than 0."""

    code = "script-failed"


@dataclass(frozen=True)
class DebRoot:
    """A root to install: what it shall be, and from where."""

    meaning: Meaning
    deb_lines: tuple[str, ...]

    @property
    def inputs(self) -> Mapping[str, object]:
        """All that decides about the result, for the step's key."""
        meaning = self.meaning
        scripts = [(each.body.hex(), each.interpreter, each.error_on_fail, each.log) for each in meaning.scripts]
        return {
            "format": FORMAT,
            "source": str(meaning.source),
            "lines": self.deb_lines,
            "packages": vars(meaning.packages),
            "settings": settings_script(meaning).hex(),
            "scripts": scripts,
        }


async def install(
    root: DebRoot, tar: Path, *, workspace: Workspace, archive: Path, commands: Commands, progress: Progress
) -> None:
    """Install a root and leave it in `tar`; `archive` is the folder of packages that are kept.

    Raises:
        ScriptFailed: a %post with --erroronfail failed; the message has its place and last words.
        BadRecipe: apt cannot install the packages.
        NoSpace, CommandFailed, TimedOut, Unavailable: as they say.
    """
    steps = write_inputs(root.meaning, workspace.path)
    link_packages(archive, workspace.path / "debs-in")
    (workspace.path / "debs-out").mkdir()
    follow = Follow(progress, len(steps))
    try:
        await commands.run(
            install_argv(root, tar.name, steps, mode=mode_of(os.geteuid())),
            env={"TMPDIR": str(workspace.scratch)},
            cwd=workspace.path,
            timeout=TIMEOUT_S,
            on_line=follow.line,
            pass_fds=[workspace.lock],
        )
    except CommandFailed as exc:
        raise explain(exc, follow, root.meaning, workspace.scratch.parent) from exc
    finally:
        keep_packages(workspace.path / "debs-out", archive)


def mode_of(user_id: int) -> str:
    """Root has all rights; anybody else gets them in a user namespace."""
    return "root" if user_id == 0 else "unshare"


@dataclass(frozen=True)
class InstallStep:
    """A script that runs in the root, by the name of its file; `script` is None for the recipe's words."""

    file: str
    interpreter: str
    error_on_fail: bool
    log: str | None
    script: Script | None


def write_inputs(meaning: Meaning, folder: Path) -> list[InstallStep]:
    """Write what the hooks read: the scripts, exact to the byte, and the list of unwanted packages."""
    steps = [InstallStep("script-0", "/bin/sh", error_on_fail=True, log=None, script=None)]
    (folder / "script-0").write_bytes(settings_script(meaning))
    for number, script in enumerate(meaning.scripts, start=1):
        name = f"script-{number}"
        (folder / name).write_bytes(script.body)
        steps.append(InstallStep(name, script.interpreter, script.error_on_fail, script.log, script))
    (folder / "unwanted").write_text(unwanted(meaning.packages))
    return steps


def unwanted(packages: Packages) -> str:
    """Apt preferences by which excluded packages cannot come in, not even as a dependency."""
    return "".join(f"Package: {name}\nPin: version *\nPin-Priority: -1\n\n" for name in packages.excluded)


def install_argv(root: DebRoot, tar: str, steps: Sequence[InstallStep], *, mode: str) -> list[Arg]:
    """The mmdebstrap command; its working folder holds the inputs."""
    meaning = root.meaning
    packages = meaning.packages
    argv: list[Arg] = ["mmdebstrap", f"--mode={mode}", "--format=tar", "--verbose", "--architectures=amd64"]
    argv.append(f"--variant={'important' if packages.core else 'essential'}")
    if packages.names:
        argv.append(f"--include={','.join(packages.names)}")
    argv.append(f'--aptopt=APT::Install-Recommends "{str(packages.weak_dependencies).lower()}"')
    argv += [f"--dpkgopt={line}" for line in path_filters(packages)]
    argv += [
        "--skip=essential/unlink",  # the packages are wanted for the archive
        f'--setup-hook=mkdir -p "$1"{_ARCHIVES} "$1"/etc/apt/preferences.d',
        f"--setup-hook=sync-in debs-in {_ARCHIVES}",
        "--setup-hook=upload unwanted /etc/apt/preferences.d/00skerry-unwanted",
        f"--customize-hook=sync-out {_ARCHIVES} debs-out",
    ]
    for number, step in enumerate(steps):
        argv.append(f"--customize-hook=upload {step.file} /tmp/{step.file}")
        argv.append(f"--customize-hook={script_hook(number, step, mode=mode)}")
    argv.append(f"--customize-hook={_LAST_HOOK}")
    return [*argv, meaning.source.suite, tar, *root.deb_lines]


def path_filters(packages: Packages) -> list[str]:
    """What dpkg leaves out, now and whenever the image updates itself. Licences always stay."""
    lines = []
    if not packages.docs:
        lines += ["path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright"]
        lines += [f"path-exclude=/usr/share/{name}/*" for name in ("man", "info", "doc-base", "lintian", "linda")]
    if packages.languages is not None:
        lines.append("path-exclude=/usr/share/locale/*")
        lines.append("path-include=/usr/share/locale/locale.alias")
        lines += [f"path-include=/usr/share/locale/{name}*" for name in packages.languages]
    return lines


def script_hook(number: int, step: InstallStep, *, mode: str) -> str:
    """The shell line that runs one script in the root and says how it ended.

    As root, it runs in a process namespace of its own: what it leaves running ends with it. (Without root, all of
    mmdebstrap runs in one.)
    """
    file = f"/tmp/{step.file}"  # noqa: S108 - a path inside the new root
    contain = "unshare --pid --fork --kill-child " if mode == "root" else ""
    environment = f"env -i PATH={_PATH} HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive"
    run = f'{contain}chroot "$1" {environment} {shlex.quote(step.interpreter)} {file} </dev/null'
    if step.log:
        run = f'{run} >"$1"/tmp/skerry-log 2>&1; s=$?; chroot "$1" cp /tmp/skerry-log {shlex.quote(step.log)}'
    else:
        run = f"{run}; s=$?"
    verdict = "exit $s" if step.error_on_fail else "exit 0"
    return f'echo "{_MARK} {number} begins"; {run}; rm -f "$1"{file}; echo "{_MARK} {number} ended $s"; {verdict}'


def settings_script(meaning: Meaning) -> bytes:
    """The words of the recipe as a shell script that runs in the root before its own scripts."""
    quote = shlex.quote
    name = quote(meaning.hostname)
    zone = f"/usr/share/zoneinfo/{meaning.timezone}"
    lines = [
        "set -e",
        f"echo LANG={quote(meaning.locale)} > /etc/locale.conf",
        "mkdir -p /etc/default && ln -sf ../locale.conf /etc/default/locale",
        f"if [ ! -e {quote(zone)} ] && [ {quote(meaning.timezone)} != Etc/UTC ]; then",
        f"  echo {quote(f'there is no time zone {meaning.timezone}; is tzdata in %packages?')} >&2; exit 1; fi",
        f"ln -sf {quote(zone)} /etc/localtime",
        f"echo {name} > /etc/hostname",
        rf"printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost\n' {name} > /etc/hosts",
    ]
    if meaning.root_password:
        lines.append(f"printf 'root:%s\\n' {quote(meaning.root_password.value)} | chpasswd --encrypted")
    else:
        # Without the package passwd, root is as base-passwd makes it: with no password that fits.
        lines.append("if command -v passwd >/dev/null; then passwd --lock root; fi")
    if meaning.dhcp:
        lines += [
            "mkdir -p /etc/systemd/network",
            "printf '[Match]\\nName=en* eth*\\n\\n[Network]\\nDHCP=yes\\n' > /etc/systemd/network/80-dhcp.network",
        ]
    lines += [f"systemctl disable {quote(unit)}" for unit in meaning.disabled]
    lines += [f"systemctl enable {quote(unit)}" for unit in meaning.enabled]
    return ("\n".join(lines) + "\n").encode()


@dataclass
class Follow:
    """Reads mmdebstrap's lines: how far it is, and which script runs."""

    progress: Progress
    scripts: int
    script: int | None = None  # the one that runs, or failed
    words: list[str] = field(default_factory=list)  # of that script
    status: int = 0  # with which it ended, when it failed
    _begin: float = 0.0
    _span: float = 0.05
    _units: int = 1
    _done: int = 0
    _most: float = 0.0
    _went_on: bool = False  # after all scripts

    def line(self, text: str) -> None:
        """Take one line of output."""
        self.progress.log(text)
        self._scripts(text)
        self._phases(text)
        fraction = min(self._begin + self._span * min(self._done / self._units, 1.0), 1.0)
        self._most = max(self._most, fraction)
        self.progress.update(self._most, detail_of(text))

    def _scripts(self, text: str) -> None:
        match = re.fullmatch(rf"{_MARK} (\d+) (begins|ended (\d+))", text)
        if not match:
            if self.script is not None and not text.startswith(("I: ", "E: ")):
                self.words = [*self.words[-11:], text]
            return
        number, _, status = match.groups()
        if status is None:
            self.script, self.words, self.status = int(number), [], 0
            self._phase(0.8 + 0.12 * int(number) / self.scripts, 0.12 / self.scripts, 20)
        elif status == "0":
            self.script = None
        else:
            self.status = int(status)
            self.progress.log(f"note: script {number} ended with status {status}")

    @property
    def failed_for_good(self) -> bool:
        """Whether the installation ended with the script that failed last."""
        return self.script is not None and self.status != 0 and not self._went_on

    def _phases(self, text: str) -> None:
        if text.startswith("I: downloading packages"):
            self._phase(0.05, 0.25, 200)
        elif text.startswith("I: installing essential"):
            self._phase(0.35, 0.1, 200)
        elif text.startswith("I: installing remaining"):
            self._phase(0.45, 0.35, 400)
        elif text.startswith("I: creating tarball"):
            self._went_on = True
            self._phase(0.94, 0.06, 1)
        elif count := re.match(r"\d+ upgraded, (\d+) newly installed", text):
            self._units = max(int(count.group(1)) * (1 if self._begin < 0.3 else 2), 1)
        elif self.script is not None or text.startswith(("Get:", "Unpacking ", "Setting up ")):
            self._done += 1

    def _phase(self, begin: float, span: float, units: int) -> None:
        self._begin, self._span, self._units, self._done = begin, span, units, 0


def detail_of(text: str) -> str:
    """What a line says to a person, or nothing: `Setting up openssh-server`."""
    match = re.match(r"(Unpacking|Setting up) ([a-z0-9][a-z0-9+.-]+)", text)
    if match:
        return f"{match.group(1)} {match.group(2)}"
    said = text.startswith("I: ") and not text.startswith("I: running ")  # hooks are commands, not news
    return text.removeprefix("I: ").rstrip(".")[:60] if said else ""


def explain(failure: CommandFailed, follow: Follow, meaning: Meaning, folder: Path) -> SkerryError:
    """What a failed installation means to the person who wrote the recipe."""
    if disk_was_full("\n".join([failure.message, *follow.words])):
        return no_space(folder)
    if follow.failed_for_good:
        words = "\n".join(follow.words)
        if not follow.script:
            return BadRecipe(f"the words of the recipe cannot be carried out: {words}")
        script = meaning.scripts[follow.script - 1]
        return ScriptFailed(
            f"{script} failed with status {follow.status}: {words}",
            hint="the line is that of the section's beginning",
        )
    if missing := re.search(r"E: Unable to locate package (\S+)", failure.message):
        return BadRecipe(f"{meaning.source} has no package {missing.group(1)}", hint="check its name in %packages")
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, failure.message)), failure.hint)
    name = meaning.source.distribution.upper()
    return CommandFailed(failure.message, hint=hint and hint.replace("{NAME}", name))


def link_packages(archive: Path, folder: Path) -> None:
    """Show all kept packages to one build."""
    archive.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    for package in archive.glob("*.deb"):
        with contextlib.suppress(FileNotFoundError):  # another build may trim just now
            os.link(package, folder / package.name)
            os.utime(package)


def keep_packages(folder: Path, archive: Path) -> None:
    """Take over the packages that a build fetched; a name appears whole or not at all."""
    for package in folder.glob("*.deb"):
        package.rename(archive / package.name)


def trim_packages(archive: Path, limit: int) -> None:
    """Keep the archive within `limit` bytes; what no build used for longest goes first."""
    packages = [(file.stat().st_mtime, file.stat().st_size, file) for file in archive.glob("*.deb")]
    excess = sum(size for _, size, _ in packages) - limit
    for _, size, file in sorted(packages):
        if excess <= 0:
            break
        file.unlink(missing_ok=True)
        excess -= size
