"""What one would build an image with instead: mmdebstrap with mke2fs, mkosi, and debootstrap with mke2fs.

mmdebstrap is the machine's own, the very program that our builder starts. The others come from Debian 13 and
run in a tree of their own (made once, kept in the folder of packages), so that nothing is installed on this
machine. All get the same list of packages, leave documentation out as the recipe does where they can, and find
every package on the disk. They make less: a file system, without boot loader, manifests and checksums.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUITE = "trixie"
_PROGRAMS = (
    *("mkosi", "debootstrap", "systemd-repart", "systemd", "udev", "e2fsprogs", "dosfstools"),
    *("mtools", "cpio", "zstd", "xz-utils", "debian-archive-keyring", "ca-certificates", "libarchive13t64"),
)
_EPOCH = "1735689600"
# debootstrap does not look at Provides, so who uses it names what provides python3-cryptography's virtual
# dependencies: https://lists.debian.org/debian-boot/2018/06/msg00016.html
_PROVIDERS = ("python3-cffi-backend",)
_ARCHIVES = "/var/cache/apt/archives/"


class BuilderFailed(Exception):
    """One of the other builders ended with an error; the message is its output's end."""

    @property
    def reason(self) -> str:
        """The last line of it, for a table."""
        return str(self).strip().rpartition("\n")[2]


@dataclass(frozen=True)
class Others:
    """The other builders, in their tree."""

    tree: Path
    kept: Path  # /kept of the tree: mkosi's own packages and indexes, which stay between runs
    work: Path  # /work of the tree; with `debs`, and apt's sources
    packages: tuple[str, ...]
    lines: tuple[str, ...]  # of apt's sources
    size: int  # bytes of the file system

    def prepare(self, debs: Path) -> None:
        """Make the tree if it is not there, and show it the packages."""
        if not self.tree.exists():
            part = self.tree.with_name(self.tree.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            include = f"--include={','.join(_PROGRAMS)}"
            argv: list[str | Path] = ["mmdebstrap", "--variant=apt", include, SUITE, part, *self.lines]
            subprocess.run(argv, check=True, capture_output=True)
            part.rename(self.tree)
        self.kept.mkdir(exist_ok=True)
        for folder in ("debs", "var", "mkosi/sources/etc/apt/sources.list.d"):
            (self.work / folder).mkdir(parents=True)
        for deb in debs.glob("*.deb"):
            shutil.copyfile(deb, self.work / "debs" / deb.name)
        (self.work / "sources").write_text("\n".join(self.lines) + "\n")
        stanzas = [deb822(line) for line in self.lines]
        file = self.work / "mkosi/sources/etc/apt/sources.list.d/mkosi.sources"
        file.write_text("\n".join(stanzas))

    def run(self, *argv: str | Path) -> None:
        """Run a program of the tree, with all rights, and without this machine's files.

        In a namespace of processes, bwrap would not wait for the program, and nobody know its processor time.
        """
        bwrap: list[str | Path] = ["bwrap", "--die-with-parent", "--cap-add", "ALL"]
        bwrap += [
            "--bind",
            self.tree,
            "/",
            "--dev-bind",
            "/dev",
            "/dev",
            "--proc",
            "/proc",
            "--bind",
            "/sys",
            "/sys",
        ]
        bwrap += ["--tmpfs", "/run", "--dev-bind", self.work, "/work", "--bind", self.kept, "/kept"]
        bwrap += ["--bind", self.work / "var", "/var/tmp", "--bind", self.work / "var", "/tmp"]
        bwrap += ["--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf"]
        bwrap += ["--chdir", "/work", "--clearenv", "--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin"]
        bwrap += ["--setenv", "HOME", "/root", "--setenv", "LC_ALL", "C.UTF-8"]
        bwrap += ["--setenv", "SOURCE_DATE_EPOCH", _EPOCH]
        done = subprocess.run([*bwrap, *argv], check=False, capture_output=True, text=True)
        if done.returncode:
            raise BuilderFailed(f"{argv[0]} failed: {(done.stdout + done.stderr)[-3000:]}")

    def mmdebstrap(self) -> None:
        """The bare minimum: packages into a tar, and the tar into a file system."""
        argv = [
            "mmdebstrap",
            "--variant=essential",
            f"--include={','.join(self.packages)}",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--skip=essential/unlink",
            f'--setup-hook=mkdir -p "$1"{_ARCHIVES} && cp -l debs/*.deb "$1"{_ARCHIVES}',
            SUITE,
            "root.tar",
            *self.lines,
        ]
        environment = {**os.environ, "TMPDIR": str(self.work / "var"), "SOURCE_DATE_EPOCH": _EPOCH}
        done = subprocess.run(argv, cwd=self.work, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise BuilderFailed(f"mmdebstrap failed: {done.stderr[-3000:]}")
        self._file_system("root.tar")

    def debootstrap(self) -> None:
        """The same with the oldest of them, which unpacks into a folder."""
        self._debootstrap()
        self._file_system("root")

    def _debootstrap(self, *options: str) -> None:
        include = f"--include={','.join((*self.packages, *_PROVIDERS))}"
        words = ["--variant=minbase", "--cache-dir=/work/debs", include, *options]
        self.run("debootstrap", *words, SUITE, "/work/root", self.lines[0].split()[1])

    def fetch(self) -> None:
        """Let them have what they want beside our packages: debootstrap knows one suite, mkosi its own cache.

        Who fails here fails again when it is measured, and is told there.
        """
        with contextlib.suppress(BuilderFailed):
            self._debootstrap("--download-only")
        with contextlib.suppress(BuilderFailed):
            self.mkosi()
        self.clean()

    def _file_system(self, source: str) -> None:
        self.run("truncate", "--size", str(self.size), "disk.img")
        self.run("mke2fs", "-q", "-F", "-t", "ext4", "-d", source, "disk.img")

    def mkosi(self) -> None:
        """A disk with a partition table and an ext4 root."""
        words = ["--directory=/work/mkosi", "--distribution=debian", f"--release={SUITE}", "--format=disk"]
        words += ["--bootable=no", "--with-docs=no", "--with-recommends=no", "--sandbox-tree=/work/mkosi/sources"]
        words += ["--package-cache-dir=/kept", "--output-directory=/work/mkosi/out", "--force"]
        (self.work / "mkosi/out").mkdir(exist_ok=True)
        self.run("mkosi", *words, *(f"--package={name}" for name in self.packages), "build")

    def clean(self) -> None:
        """Remove what the last build made."""
        for name in ("root", "mkosi/out", "var"):
            shutil.rmtree(self.work / name, ignore_errors=True)
        for name in ("root.tar", "disk.img"):
            (self.work / name).unlink(missing_ok=True)
        (self.work / "var").mkdir()

    def versions(self) -> str:
        """What was measured."""
        names = ("mkosi", "debootstrap", "e2fsprogs")
        argv = ["dpkg-query", f"--root={self.tree}", "--show", *names]
        told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        own = subprocess.run(
            ["mmdebstrap", "--version"], check=True, capture_output=True, text=True
        ).stdout.strip()
        return ", ".join([own, *(line.replace("\t", " ") for line in told.splitlines())])


def deb822(line: str) -> str:
    """One line of apt's sources as mkosi wants it."""
    _, uri, suite, *components = line.split()
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {' '.join(components)}\nSigned-By: {key}\n"


def packages_of(recipe: str) -> tuple[str, ...]:
    """The names between %packages and %end."""
    inside: Sequence[str] = recipe.partition("\n%packages")[2].partition("\n%end")[0].splitlines()[1:]
    return tuple(name.strip() for name in inside if name.strip() and not name.startswith(("#", "-", "@")))
