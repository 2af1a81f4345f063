"""An unpacked root that programs may change, and cannot leave.

A plain user works in a user namespace in which the numbers of /etc/subuid are the users of the root; root needs
none. What runs in the root is started by bubblewrap: its own process, mount and IPC namespaces, the root as the
only file system, of the devices only the harmless ones, and no right to mount, to make device files or to look at
other processes. So links, `..`, device files and chroot tricks end inside the root, and whatever was started is
gone when the program ends. Scripts that must see both worlds see the machine read-only, and nothing of its /run:
to a socket one can connect even where one cannot write. The network is the machine's, its abstract sockets too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg, Commands, Output, Secret
from skerry.errors import BadImage
from skerry.images.cache import Workspace
from skerry.images.sandbox import bubblewrap_argv, whole_end

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIMEOUT_S = 900.0
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
_NAME_SERVERS = "/etc/resolv.conf"
# Where systemd-resolved, which does not run in a session, would keep what /etc/resolv.conf is a link to.
_RESOLVED = ("/run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/resolv.conf")
# Where other programs of the machine keep it.
_MANAGED = ("/run/NetworkManager/resolv.conf", "/run/resolvconf/resolv.conf")
# Modes of what scripts make are not to tell whose build it was.
_UMASK = ("/bin/sh", "-c", 'umask 022; exec "$@"', "sh")
_MOUNT_POINTS = ("dev", "proc", "run", "sys", "tmp")
_XATTRS = ("--xattrs", "--xattrs-include=*", "--xattrs-exclude=security.selinux")


@dataclass(frozen=True)
class Session:
    """A root that is open for changes; `root` is its folder as programs of the host see it."""

    root: Path
    workspace: Workspace
    commands: Commands
    environment: Mapping[str, str | Secret]
    user_id: int

    async def run(
        self,
        argv: Sequence[Arg],
        *,
        chroot: bool = False,
        stdin: bytes | None = None,
        env: Mapping[str, str | Secret] | None = None,
        timeout: float = TIMEOUT_S,  # noqa: ASYNC109 - handed on to the runner
        ok: Sequence[int] = (0,),
        on_line: Callable[[str], None] | None = None,
        inputs: Path | None = None,
        writable: Sequence[Path] = (),
        cwd: Path | None = None,
        network: bool = True,
        pass_fds: Sequence[int] = (),
    ) -> Output:
        """Run a program in the root, or beside it with the machine read-only and the root writable.

        `inputs` is a folder that a program in the root finds, read-only, as /run/inputs; `writable` are folders
        beside the root for one outside of it, and `cwd` where it begins. Nothing that the program started outlives
        it. With `on_line`, memory is bounded whatever it says.

        Raises:
            BadImage: a package or script made a link of /proc, /dev, /sys, /run or /tmp.
            CommandFailed, TimedOut, Unavailable: as `Commands.run`.
        """
        if chroot:
            await self._check_mount_points()
        async with whole_end() as info_fd:
            return await self.commands.run(
                self.argv(
                    argv,
                    info_fd,
                    chroot=chroot,
                    env=env,
                    inputs=inputs,
                    writable=writable,
                    cwd=cwd,
                    network=network,
                ),
                stdin=stdin,
                cwd=self.workspace.path,
                timeout=timeout,
                ok=ok,
                on_line=on_line,
                pass_fds=[self.workspace.lock, info_fd, *pass_fds],
            )

    def argv(
        self,
        argv: Sequence[Arg],
        info_fd: int,
        *,
        chroot: bool = False,
        env: Mapping[str, str | Secret] | None = None,
        inputs: Path | None = None,
        writable: Sequence[Path] = (),
        cwd: Path | None = None,
        network: bool = True,
        terminal: bool = False,
    ) -> list[Arg]:
        """The whole command of `run`, which needs the descriptor `info_fd` of `whole_end`.

        With `terminal`, it may have the terminal that we have.
        """
        words = {**self.environment, **(env or {})}
        inside = root_argv(self.root, inputs) if chroot else outside_argv(self.root, inputs, writable, cwd)
        inside += [] if network else ["--unshare-net"]
        inside += [] if terminal else ["--new-session"]
        inside += ["--info-fd", str(info_fd), *environment_argv(words)]
        return [*namespace_argv(self.user_id), *_UMASK, *inside, "--", *argv]

    async def tool(
        self,
        *argv: Arg,
        stdin: bytes | None = None,
        timeout: float = TIMEOUT_S,  # noqa: ASYNC109 - handed on
    ) -> Output:
        """Run a trusted program of the host on the root, as the root's owner."""
        return await self.commands.run(
            [*namespace_argv(self.user_id), *argv],
            stdin=stdin,
            cwd=self.workspace.path,
            timeout=timeout,
            pass_fds=[self.workspace.lock],
        )

    async def pack(self, tar: Path, epoch: int, root: Path | None = None) -> None:
        """Write the root, or another folder, as a tar; the same tree gives the same bytes, wherever it is."""
        await self.tool(*pack_argv(root or self.root, tar, epoch))

    async def _check_mount_points(self) -> None:
        """Links would let the mounts below land elsewhere; a missing folder is made."""
        for name in _MOUNT_POINTS:
            path = self.root / name
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                await self.tool("mkdir", "-m", "1777" if name == "tmp" else "755", path)
                continue
            if not stat.S_ISDIR(mode):
                raise BadImage(f"a package or script made /{name} of the root something else than a folder")


@asynccontextmanager
async def open_session(
    workspace: Workspace,
    commands: Commands,
    tar: Path | None,
    *,
    environment: Mapping[str, str | Secret] | None = None,
) -> AsyncIterator[Session]:
    """A root unpacked from `tar`, or empty, or the one that is at `tree_of(workspace)` already; it goes with it.

    `environment` is what every program in it finds, beside the usual PATH, HOME and C.UTF-8.
    """
    root = tree_of(workspace)
    there = root.exists()
    if not there:
        root.mkdir()
        root.chmod(0o755)  # whatever the umask
    session = Session(root, workspace, commands, {**ENVIRONMENT, **(environment or {})}, os.geteuid())
    if tar is not None and not there:
        await session.tool(*unpack_argv(tar, root))
    yield session


def tree_of(workspace: Workspace) -> Path:
    """Where a workspace's root is, or may be put before its session is opened."""
    return workspace.scratch / "root"


_LAST = ("setpriv", "--pdeathsig", "KILL")  # whoever kills the builder ends its programs
_USERS = ("--user", "--map-auto", "--map-root-user")


def namespace_argv(user_id: int) -> list[Arg]:
    """The prefix by which a plain user becomes root of a namespace, with as many users as /etc/subuid gives."""
    return [*_LAST, "--"] if user_id == 0 else [*_LAST, "unshare", *_USERS, "--"]


def alone_argv(user_id: int) -> list[Arg]:
    """The prefix of a program that mounts and starts much: all of it is gone when the program, or we, end."""
    users = () if user_id == 0 else _USERS
    return [*_LAST, "unshare", *users, "--mount", "--pid", "--fork", "--kill-child", "--"]


def root_argv(root: Path, inputs: Path | None = None) -> list[Arg]:
    """Enter the root: it is all there is, with new /proc, /dev, /sys and /run, and the machine's name servers."""
    argv = bubblewrap_argv()
    argv += [
        "--bind",
        root,
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/run",
        "--ro-bind",
        "/sys",
        "/sys",
    ]
    argv += ["--dir", "/run/lock"]
    for path in _RESOLVED:
        argv += ["--ro-bind-try", _NAME_SERVERS, path]
    if inputs is not None:
        argv += ["--ro-bind", inputs, "/run/inputs"]
    return [*argv, "--chdir", "/"]


def outside_argv(
    root: Path, inputs: Path | None = None, writable: Sequence[Path] = (), cwd: Path | None = None
) -> list[Arg]:
    """Stay on the machine, which is read-only, and have the root writable, with a /tmp and /run of one's own."""
    argv = bubblewrap_argv()
    argv += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    argv += ["--tmpfs", "/tmp", "--tmpfs", "/run"]  # noqa: S108 - new ones
    for path in (*_RESOLVED, *_MANAGED):
        argv += ["--ro-bind-try", path, path]
    for folder in (inputs, cwd):
        if folder is not None:
            argv += ["--ro-bind", folder, folder]
    for folder in (root, *writable):
        argv += ["--bind", folder, folder]
    return [*argv, "--chdir", cwd or root]


def environment_argv(environment: Mapping[str, str | Secret]) -> list[Arg]:
    """Nothing of our environment, and these; a secret stays one."""
    argv: list[Arg] = ["--clearenv"]
    for name, value in environment.items():
        argv += ["--setenv", name, value]
    return argv


def unpack_argv(tar: Path, root: Path) -> list[Arg]:
    """GNU tar makes no absolute names and follows no links that the archive brought; devices are the kernel's."""
    argv: list[Arg] = ["tar", "--extract", "--file", tar, "--directory", root, "--exclude=./dev/*", *_XATTRS]
    return [*argv, "--numeric-owner", "--same-owner", "--same-permissions", "--delay-directory-restore"]


def pack_argv(root: Path, tar: Path, epoch: int) -> list[Arg]:
    """Sorted, by numbers, without access times; no file is younger than `epoch` (seconds since 1970)."""
    argv: list[Arg] = ["tar", "--create", "--file", tar, "--directory", root, "--sort=name", "--numeric-owner"]
    argv += ["--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", *_XATTRS]
    return [*argv, f"--mtime=@{epoch}", "--clamp-mtime", "--one-file-system", "--exclude=./dev/*", "."]
