"""The packages of Debian and Ubuntu in a base, by mmdebstrap.

Everything that decides is a pure function: the command, its hooks, and how far a line of output says it is.
Packages that were downloaded once are kept beside the cache's entries, linked into each build (links cost nothing,
and nobody writes into another's files) and taken over by renames.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from skerry.commands import Arg
from skerry.errors import CommandFailed, SkerryError
from skerry.images.cache import disk_was_full, no_space
from skerry.images.installers.deb_pins import preferences
from skerry.images.installers.deb_repository import show_packages, write_repository
from skerry.images.installers.epoch import release_date
from skerry.images.installers.installer import BASE_TAR, BaseBuild, write_packages
from skerry.images.lock import InstalledPackage, LockBroken, differences
from skerry.images.package_files import Stock
from skerry.images.recipe import BadRecipe, Packages
from skerry.images.session import alone_argv, namespace_argv, pack_argv
from skerry.images.sums import sha256_of
from skerry.images.words import Meaning, Source
from skerry.progress import Progress

FORMAT = 7  # of what the hooks do; part of the step's key
TIMEOUT_S = 3600.0
_LOCAL = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(?:file|copy):(?://)?(/\S+)\s+(\S+)")  # as in sources.list(5)
_ARCHIVES = "/var/cache/apt/archives/"
# Devices are those of the machine, for a plain user can make none; they go with the namespace.
_DEVICES = (
    'mkdir -p "$1"/dev; for n in null zero full random urandom tty; do '
    '[ -e "$1"/dev/$n ] || : > "$1"/dev/$n; mount --bind /dev/$n "$1"/dev/$n; done'
)
# Packages are linked in and out where both are on one file system; in all at once, as there may be thousands.
_LINK = 'ln "$f" "$to" 2>/dev/null || cp "$f" "$to"'
_LINK_IN = (
    f'to="$1"{_ARCHIVES}; find debs-in -name "*.deb" -exec ln -t "$to" {{}} + 2>/dev/null || '
    f'find debs-in -name "*.deb" -exec cp -n -t "$to" {{}} +'
)
_LINK_OUT = (
    f'to=debs-out; for f in "$1"{_ARCHIVES}*.deb; do '
    f'[ ! -e "$f" ] || [ -e "debs-in/${{f##*/}}" ] || {{ {_LINK}; }}; done'
)
# A kernel's package makes an initial RAM disk at once, and initramfs-tools another when all packages are there.
# With this word of kernel-img.conf(5) neither does, nor the links to it; the hook below makes both, once.
_NO_INITRD = {"INITRD": "No"}
_INITRD = r"""
for kernel in "$1"/boot/vmlinuz-*; do
  version="${kernel##*/vmlinuz-}"
  if [ ! -e "$kernel" ] || [ -e "$1/boot/initrd.img-$version" ]; then continue; fi
  links=/usr/bin/linux-update-symlinks image="/boot/vmlinuz-$version"
  for hook in initramfs-tools dracut; do
    if [ ! -x "$1/etc/kernel/postinst.d/$hook" ]; then continue; fi
    [ ! -x "$1$links" ] || env -u INITRD chroot "$1" "$links" install "$version" "$image" || exit 1
    env -u INITRD chroot "$1" "/etc/kernel/postinst.d/$hook" "$version" "$image" || exit 1
  done
done
"""
# To wait for the disk after every file makes no root safer that is made anew after a crash.
_HASTE = "force-unsafe-io"
_NO_HASTE = f'f="$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap; sed -i "/^{_HASTE}$/d" "$f"; [ -s "$f" ] || rm -f "$f"'
# What the build machine, its user or chance would leave: name servers (a link is the image's matter), the modes of
# the files that mmdebstrap copies, and keys that only one machine may have, made at its first boot.
_LAST_HOOK = r"""
rm -f "$1"/etc/apt/preferences.d/00skerry
[ -L "$1"/etc/resolv.conf ] || : > "$1"/etc/resolv.conf
for file in hostname resolv.conf; do
  [ -L "$1/etc/$file" ] || [ ! -f "$1/etc/$file" ] || chmod 644 "$1/etc/$file"
done
if ls "$1"/etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
  rm -f "$1"/etc/ssh/ssh_host_*
  mkdir -p "$1"/etc/systemd/system/ssh.service.d
  printf '[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n' \
    > "$1"/etc/systemd/system/ssh.service.d/50-host-key.conf
fi
"""
# Nothing in /dev; and apt's own folders do not tell by their owner whether root or a plain user built the image.
_BARE = r"""
find "$1/dev" -mindepth 1 -delete
touch -d "@$2" "$1/dev"
for folder in var/cache/apt/archives var/cache/apt/archives/partial var/lib/apt/lists/partial; do
  [ -L "$1/$folder" ] || [ ! -d "$1/$folder" ] || chown 0:0 "$1/$folder"
done
# The tree is handed on as it would come out of its tar: scripts may write down when /usr changed.
find "$1" -xdev -newermt "@$2" -print0 | xargs -0 -r touch --no-dereference --date="@$2" --
"""
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


@dataclass(frozen=True)
class DebInstaller:
    """Installs the packages of a recipe from these lines of apt's sources."""

    meaning: Meaning  # read for its source and packages only
    deb_lines: tuple[str, ...]  # what the image's own sources say, too; with a lock, as it was locked
    program: str  # mmdebstrap's version
    mirror_lines: tuple[str, ...] = ()  # where locked packages are looked for
    architecture: str = "amd64"

    @property
    def title(self) -> str:
        """What it does."""
        return f"Installing {self.meaning.source}"

    @property
    def inputs(self) -> Mapping[str, object]:
        """All that decides about the result, for the step's key."""
        return {
            "format": FORMAT,
            "source": str(self.meaning.source),
            "mirrors": self.deb_lines,
            "packages": vars(self.meaning.packages),
            "preferences": preferences(self.meaning.packages, self.meaning.repositories),
            "program": self.program,
            **({"indexes": indexes} if (indexes := local_indexes(self.deb_lines)) else {}),
            **({} if self.architecture == "amd64" else {"architecture": self.architecture}),
        }

    async def install(self, build: BaseBuild) -> int:
        """Install a base; see `Installer.install`."""
        workspace, archive = build.workspace, deb_archive(build.archive, self.meaning.source)
        await asyncio.to_thread(self._prepare, build, archive)
        follow, tree = Follow(build.progress), workspace.scratch / "tree"
        try:
            epoch = await self._epoch(build)
            await build.commands.run(
                [
                    *alone_argv(os.geteuid()),
                    *install_argv(self, tree, locked=await self._locked(build, archive)),
                ],
                env={"TMPDIR": str(workspace.scratch), "SOURCE_DATE_EPOCH": str(epoch)} | _NO_INITRD,
                cwd=workspace.path,
                timeout=TIMEOUT_S,
                on_line=follow.line,
                pass_fds=[workspace.lock],
            )
        except CommandFailed as exc:
            raise explain(exc, self.meaning, workspace.scratch.parent) from exc
        finally:
            keep_packages(workspace.path / "debs-out", archive)
        status = (workspace.path / "status").read_text(errors="replace")
        there = workspace.path / "debs-in" if build.lock else archive
        installed = await asyncio.to_thread(installed_packages, status, there)
        if build.lock and (lines := differences(build.lock, installed)):
            raise LockBroken("what was installed is not what the lock says:\n" + "\n".join(lines))
        write_packages(build.folder, installed)
        await self._deliver(build, tree, epoch)
        return epoch

    async def _deliver(self, build: BaseBuild, tree: Path, epoch: int) -> None:
        """Pack the tree as base.tar, without what stood for devices, and hand it on."""
        bare = ["sh", "-c", _BARE, "sh", tree, str(epoch)]
        for argv in (bare, pack_argv(tree, build.folder / BASE_TAR, epoch)):
            whole = [*namespace_argv(os.geteuid()), *argv]
            await build.commands.run(whole, timeout=TIMEOUT_S, pass_fds=[build.workspace.lock])
        if build.tree is not None:
            tree.rename(build.tree)

    def _prepare(self, build: BaseBuild, archive: Path) -> None:
        folder = build.workspace.path
        (folder / "preferences").write_text(preferences(self.meaning.packages, self.meaning.repositories))
        (folder / "debs-out").mkdir()
        if build.lock is None:
            link_packages(archive, folder / "debs-in")

    async def _locked(self, build: BaseBuild, archive: Path) -> str | None:
        """With a lock, a repository of its packages; its line for apt's sources."""
        lock, workspace = build.lock, build.workspace
        if lock is None:
            return None
        build.progress.update(0.01, "looking for the packages of the lock")
        stock = Stock(lock, archive, build.pool, self.mirror_lines)
        files = await stock.gather(lock.packages, workspace, build.commands)
        folder = workspace.scratch / "locked"
        line = await write_repository(folder, self.meaning.source.suite, files, lock.epoch, build.commands)
        await asyncio.to_thread(show_packages, files.values(), workspace.path / "debs-in")
        (workspace.path / "sources.list").write_text("".join(f"{each}\n" for each in lock.sources))
        return line

    async def _epoch(self, build: BaseBuild) -> int:
        if build.lock:
            return build.lock.epoch
        return await release_date(self.meaning.source, self.deb_lines, build.workspace, build.commands)


def local_indexes(lines: Sequence[str]) -> list[str]:
    """What the repositories on this machine have now, among apt's sources: the hashes of their Release files."""
    found = []
    for match in filter(None, map(_LOCAL.match, lines)):
        folder = Path(unquote(match[1])) / "dists" / match[2]
        files = (file for file in (folder / "InRelease", folder / "Release") if file.is_file())
        found += [sha256_of(file) for file in files]
    return found


def deb_archive(packages: Path, source: Source) -> Path:
    """Where the packages of a source are kept between builds."""
    return packages / f"{source}".replace(":", "-")


def install_argv(installer: DebInstaller, tree: Path, *, locked: str | None = None) -> list[Arg]:
    """The mmdebstrap command that fills `tree`; its working folder holds the inputs.

    It works as root, be it of the machine or of a user namespace, so that both make the same. `locked` is the line
    of a repository of nothing but the packages of a lock. The image does not keep it.
    """
    meaning = installer.meaning
    packages = meaning.packages
    argv: list[Arg] = ["mmdebstrap", "--mode=root", "--format=directory", "--verbose"]
    argv.append(f"--architectures={installer.architecture}")
    if installer.architecture == "i386":
        argv.append("--skip=check/qemu")  # every amd64 runs it; the check wants a program that few nodes have
    argv.append(f"--variant={'important' if packages.core else 'essential'}")
    if packages.names:
        argv.append(f"--include={','.join(packages.names)}")
    argv.append(f'--aptopt=APT::Install-Recommends "{str(packages.weak_dependencies).lower()}"')
    argv += [f"--dpkgopt={line}" for line in (*path_filters(packages), _HASTE)]
    argv += [
        "--skip=essential/unlink",  # the packages are wanted for the archive
        "--skip=chroot/mount/dev,output/dev,output/mknod",
        f"--setup-hook={_DEVICES}",
        f'--setup-hook=mkdir -p "$1"{_ARCHIVES} "$1"/etc/apt/preferences.d',
        f"--setup-hook={_LINK_IN}",
        "--setup-hook=upload preferences /etc/apt/preferences.d/00skerry",
        f"--customize-hook={_INITRD}",
        f"--customize-hook={_LINK_OUT}",
        "--customize-hook=download /var/lib/dpkg/status status",
        f"--customize-hook={_NO_HASTE}",
        f"--customize-hook={_LAST_HOOK}",
    ]
    if locked is None:
        return [*argv, meaning.source.suite, tree, *installer.deb_lines]
    argv.append("--customize-hook=upload sources.list /etc/apt/sources.list")
    return [*argv, meaning.source.suite, tree, locked]


def installed_packages(status: str, archive: Path) -> list[InstalledPackage]:
    """What dpkg's status file says is installed, with the hashes of the files that it came from."""
    found = []
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Architecture|Status): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
            file = archive / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
            found.append(InstalledPackage(name, version, architecture, _hash_of(file)))
    return sorted(found)


def _hash_of(file: Path) -> str:
    try:
        return sha256_of(file)
    except FileNotFoundError:  # another build may trim just now
        return ""


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


@dataclass
class Follow:
    """Reads mmdebstrap's lines: how far it is."""

    progress: Progress
    _begin: float = 0.0
    _span: float = 0.05
    _units: int = 1
    _done: int = 0
    _most: float = 0.0

    def line(self, text: str) -> None:
        """Take one line of output."""
        self.progress.log(text)
        self._phases(text)
        fraction = min(self._begin + self._span * min(self._done / self._units, 1.0), 1.0)
        self._most = max(self._most, fraction)
        self.progress.update(self._most, detail_of(text))

    def _phases(self, text: str) -> None:
        if text.startswith("I: downloading packages"):
            self._phase(0.05, 0.25, 200)
        elif text.startswith("I: installing essential"):
            self._phase(0.35, 0.1, 200)
        elif text.startswith("I: installing remaining"):
            self._phase(0.45, 0.45, 400)
        elif text.startswith("I: creating tarball"):
            self._phase(0.94, 0.06, 1)
        elif count := re.match(r"\d+ upgraded, (\d+) newly installed", text):
            self._units = max(int(count.group(1)) * (1 if self._begin < 0.3 else 2), 1)
        elif text.startswith(("Get:", "Unpacking ", "Setting up ")):
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


def explain(failure: CommandFailed, meaning: Meaning, folder: Path) -> SkerryError:
    """What a failed installation means to the person who wrote the recipe."""
    if disk_was_full(failure.message):
        return no_space(folder)
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
    archive.mkdir(parents=True, exist_ok=True)
    for package in folder.glob("*.deb"):
        package.rename(archive / package.name)


def trim_packages(archive: Path, limit: int) -> None:
    """Keep the archive within `limit` bytes; what no build used for longest goes first."""
    packages = []
    for file in archive.rglob("*"):
        if file.suffix in {".deb", ".rpm"}:
            with contextlib.suppress(FileNotFoundError):  # another build may trim just now
                found = file.stat()
                packages.append((found.st_mtime, found.st_size, file))
    excess = sum(size for _, size, _ in packages) - limit
    for _, size, file in sorted(packages):
        if excess <= 0:
            break
        file.unlink(missing_ok=True)
        excess -= size
