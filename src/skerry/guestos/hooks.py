"""Programs of an administrator that customize a guest, by the rules of run-parts(8) and of the old README.

Each hook runs as root on the node, with Ganeti's variables and TARGET, SUITE, ARCH, PARTITION_STYLE, EXTRA_PKGS,
BLOCKDEV and FSYSDEV. Hooks have process and mount namespaces of their own: what they mount is theirs, and all that
is left of them is gone when they, or we, end; so are their loop devices of the disk. The first one
that fails, or that leaves processes behind, stops the installation and is named.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from skerry.commands import LAST_WORDS, Arg, Commands, Secret
from skerry.errors import SkerryError, TimedOut
from skerry.progress import Progress

TIMEOUT_S = 3600.0
_NAME = re.compile(r"[A-Za-z0-9_-]+")  # of run-parts(8), unless it is told otherwise
_OF_DISKS = re.compile(rb"\b(?:BLOCKDEV|FSYSDEV)\b")
_LOOK_AT = 2**20  # bytes of a hook
_GRACE_S = 30.0  # until hooks that were told to end have gone, with what the kernel still writes of their disk
_GRACE = 20  # tenths of a second until what a hook leaves is called left: filters of its output may end after it
# Who starts the namespace, and outlives us by what it takes to end it, for loop devices are in no namespace. It is
# told of our end by TERM, ends the first process there, and waits for it, and so for all others.
_SUPERVISOR = r"""
set -u
[ "$PPID" = "$1" ] || exit 1  # the one that it would hear of has ended already
shift
loops() { losetup --noheadings --output NAME,AUTOCLEAR --associated "$BLOCKDEV" 2>/dev/null; }
known=" $(loops | while read -r loop _; do printf '%s ' "$loop"; done)"
new() { loops | while read -r loop own; do case "$known" in *" $loop "*) ;; *) echo "$loop $own" ;; esac; done; }
inner='' ended=''
end() {
  ended=yes
  [ -n "$inner" ] || return
  first=$(cat "/proc/$inner/task/$inner/children" 2>/dev/null)
  kill -KILL ${first:-$inner} 2>/dev/null
}
trap end TERM
setsid env --default-signal=INT,QUIT "$@" &
inner=$!
[ -z "$ended" ] || end
wait "$inner"; status=$?
while kill -0 "$inner" 2>/dev/null; do wait "$inner"; status=$?; done  # it was only the trap
trap '' PIPE  # nobody may be left to be told
new | while read -r loop own; do
  [ "$own" = 0 ] || continue  # of a mount: the kernel lets go of it soon after its namespace
  losetup --detach "$loop" 2>/dev/null && echo "note: a hook left $loop, which is detached now"
done
n=0
while [ -n "$(new)" ] && [ "$n" -lt 50 ]; do n=$((n + 1)); sleep 0.1; done
exit "$status"
"""
# The first process of the namespace. It says which hook it is at, and what is there beside itself afterwards. The
# guest gets what chroot needs: devices and /proc for as long as the namespace lasts, and the node's name servers
# where it has none. These are a copy, as hooks write into that file, and what hooks wrote there stays.
_SCRIPT = r"""
set -u
mark=$1 options=$2 disk=$3 kind=$4 grace=$5; shift 5
say() { printf '\n%s %s\n' "$mark" "$*"; }  # what came before may not have ended its line
if [ -n "$disk" ]; then
  mount -t "$kind" -o "$options" "$disk" "$TARGET" || { say "mount $disk"; exit 1; }
  FSYSDEV=$(findmnt --noheadings --output SOURCE --mountpoint "$TARGET"); export FSYSDEV
fi
if [ -d "$TARGET/dev" ] && [ ! -L "$TARGET/dev" ]; then
  mount -t tmpfs -o mode=755 skerry "$TARGET/dev"
  for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    numbers=${node#*:}
    mknod -m 666 "$TARGET/dev/${node%%:*}" c "${numbers%:*}" "${numbers#*:}"
  done
fi
if [ -d "$TARGET/proc" ] && [ ! -L "$TARGET/proc" ]; then mount -t proc skerry "$TARGET/proc"; fi
servers="$TARGET/etc/resolv.conf" lent=''
if [ ! -L "$TARGET/etc" ] && [ ! -L "$servers" ] && [ -f "$servers" ] && [ ! -s "$servers" ]; then
  [ ! -f /etc/resolv.conf ] || { cat /etc/resolv.conf > "$servers"; lent=yes; }
fi
others() {
  left=
  for p in /proc/[0-9]*; do
    [ "$p" != /proc/1 ] || continue
    { read -r line < "$p/stat"; } 2>/dev/null || continue
    case "${line##*) }" in [ZX]*) ;; *) line=${line#*\(}; left="$left ${line%%)*}(${p#/proc/})";; esac
  done
  [ -n "$left" ]
}
for hook; do
  say "hook $hook"
  "$hook" || { say "failed $? $hook"; exit 1; }
  n=0
  while others; do
    n=$((n + 1))
    [ "$n" -le "$grace" ] || { say "left$left @by $hook"; exit 1; }
    sleep 0.1
  done
done
if [ -n "$lent" ] && [ -f "$servers" ] && [ ! -L "$servers" ] && cmp -s /etc/resolv.conf "$servers"; then
  : > "$servers"
fi
[ -z "$disk" ] || umount --recursive "$TARGET" || { say "mount $disk"; exit 1; }
"""


class HookFailed(SkerryError):
    """A hook ended with a status other than 0, took too long, or left processes behind."""

    code = "hook-failed"


@dataclass(frozen=True)
class Surroundings:
    """What a hook finds."""

    target: Path  # the guest's root
    block_device: str  # of the instance
    file_system_device: str  # "": that which is mounted
    environment: Mapping[str, str | Secret]  # Ganeti's, and what the settings export
    cwd: Path


@dataclass(frozen=True)
class Mounted:
    """A file system of the disk that is mounted at the target while the hooks run."""

    disk: Path
    offset: int
    size: int
    kind: str


def find_hooks(folder: Path) -> tuple[Path, ...]:
    """The programs that run-parts would run, in its order; none where there is no folder."""
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return tuple(each for each in found if _NAME.fullmatch(each.name) and _is_program(each))


def hooks_of_disks(hooks: Sequence[Path]) -> tuple[Path, ...]:
    """Those that name BLOCKDEV or FSYSDEV, and so may expect the guest on its disk already."""
    return tuple(hook for hook in hooks if _OF_DISKS.search(_beginning(hook)))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LOOK_AT)


def _is_program(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.X_OK)
    except OSError:  # a link to nothing
        return False


@dataclass
class _Said:
    """What the hooks print, on its way to the log."""

    progress: Progress
    mark: str = field(default_factory=lambda: f"@{secrets.token_hex(8)}")  # of the script's own lines
    words: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_WORDS))
    verdict: str = ""  # of the script above
    hook: str = ""
    _empty: bool = False  # a line that was empty, which belongs to the mark if one follows

    def line(self, text: str) -> None:
        own = text.startswith(self.mark)
        if self._empty and not own:
            self.progress.log("")
        self._empty = not text
        if not text:
            return
        if not own:
            self.words.append(text)
        elif (said := text.removeprefix(self.mark).strip()).startswith("hook "):
            self.hook = said.removeprefix("hook ")
            self.words.clear()
            text = said
        else:
            self.verdict = said
            return
        self.progress.log(text)


async def run_hooks(
    hooks: Sequence[Path],
    around: Surroundings,
    commands: Commands,
    progress: Progress,
    *,
    mounted: Mounted | None = None,
    pass_fds: Sequence[int] = (),
    timeout: float = TIMEOUT_S,  # noqa: ASYNC109 - handed on to the runner
) -> None:
    """Run hooks one after the other; with `mounted`, on a file system that is mounted for them alone.

    Raises:
        HookFailed: the first one that failed, took too long, or left processes behind; these are gone.
    """
    if not hooks:
        return
    said = _Said(progress)
    own = {"BLOCKDEV": around.block_device, "FSYSDEV": around.file_system_device, "TARGET": str(around.target)}
    try:
        output = await commands.run(
            hooks_argv(hooks, mounted, said.mark),
            env={**around.environment, **own},
            cwd=around.cwd,
            timeout=timeout,
            ok=range(256),
            grace=_GRACE_S,
            on_line=said.line,
            pass_fds=pass_fds,
        )
    except TimedOut as exc:
        raise HookFailed(f"the hook {said.hook} did not end within {timeout:g} s, and was ended") from exc
    if output.status:
        raise _explained(said, output.status)


def hooks_argv(hooks: Sequence[Path], mounted: Mounted | None, mark: str) -> list[Arg]:
    """The command: whoever kills us ends the namespace, with all in it and the loop devices of the disk."""
    words: list[Arg] = ["", "", ""]
    if mounted:
        options = f"loop,offset={mounted.offset},sizelimit={mounted.size}"
        plain = mounted.offset == 0 and mounted.disk.is_block_device()
        words = ["rw" if plain else options, mounted.disk, mounted.kind]
    watched = ("setpriv", "--pdeathsig", "TERM", "--", "sh", "-c", _SUPERVISOR, "hooks", str(os.getpid()))
    # What the node unmounts while hooks run must not live on in their namespace; theirs is theirs all the same.
    mounts = ("--mount", "--propagation", "slave", "--mount-proc")
    alone = ("setpriv", "--pdeathsig", "KILL", "--", "unshare", *mounts, "--pid", "--fork", "--kill-child", "--")
    script: list[Arg] = ["sh", "-c", _SCRIPT, "hooks", mark, *words, str(_GRACE)]
    return [*watched, *alone, *script, *hooks]


def _explained(said: _Said, status: int) -> HookFailed:
    word, _, rest = said.verdict.partition(" ")
    last = "".join(f"\n{line}" for line in said.words if line.strip())
    if word == "failed":
        code, _, hook = rest.partition(" ")
        return HookFailed(f"the hook {hook} failed with status {code}{':' if last else ''}{last}")
    if word == "left":
        names, _, hook = rest.partition(" @by ")
        return HookFailed(
            f"the hook {hook} left processes behind, which were ended: {names}",
            hint="a hook must wait for what it starts, and keep packages from starting services (policy-rc.d)",
        )
    if word == "mount":
        return HookFailed(f"the guest's file system on {rest} cannot be mounted on this node, or let go:{last}")
    return HookFailed(f"the hook {said.hook} was ended, status {status}{':' if last else ''}{last}")
