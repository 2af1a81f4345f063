"""What scripts of a recipe can do to the root, to the machine and to the build."""

from __future__ import annotations

import asyncio
import os
import tarfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from skerry.commands import CommandRunner
from skerry.errors import BadImage
from skerry.images.cache import Cache
from skerry.images.configure import ScriptFailed, Scripts, configure
from skerry.images.recipe import Packages, Place, Script
from skerry.images.sandbox import bubblewrap_argv, whole_end
from skerry.images.session import open_session
from skerry.images.words import Meaning, Source
from skerry.progress import Collected

HERE = Place(Path("/r.ks"), 7)


def post(text: str, *, chroot: bool = True, error_on_fail: bool = True, log: str | None = None) -> Script:
    body = text.encode(errors="surrogateescape")
    return Script("%post", body, "/bin/sh", chroot=chroot, error_on_fail=error_on_fail, log=log, place=HERE)


class Bench:
    """A root to run scripts in."""

    def __init__(self, base: Path, home: Path) -> None:
        self.base = base
        self.home = home
        self.progress = Collected()
        self.cache = Cache(home / "cache", 1 << 30, CommandRunner())

    @asynccontextmanager
    async def scripts(self, timeout_s: float = 60.0) -> AsyncIterator[Scripts]:
        await self.cache.prepare()
        async with self.cache.workspace() as workspace:
            texts, live = workspace.scratch / "scripts", workspace.scratch / "live"
            texts.mkdir()
            live.mkdir()
            async with open_session(workspace, CommandRunner(), self.base) as session:
                yield Scripts(session, texts, live, self.home, timeout_s, self.progress)

    def left(self) -> list[Path]:
        """What the cache holds after all."""
        return list((self.home / "cache/tmp").iterdir())


@pytest.fixture
def bench(tiny_base: Path, tmp_path: Path) -> Bench:
    return Bench(tiny_base, tmp_path)


def meaning(*scripts: Script) -> Meaning:
    return Meaning(Source("debian", "trixie"), Packages(), scripts)


def processes_named(word: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if word in (each.info["cmdline"] or [])]


async def test_scripts_run_in_order_in_the_root_and_beside_it(bench: Bench) -> None:
    async with bench.scripts() as scripts:
        await configure(
            scripts,
            meaning(
                post("echo one > /made; pwd > /where"),
                post('echo two >> "$INSTALL_ROOT/made"; pwd > "$INSTALL_ROOT/outside"', chroot=False),
                post("echo three >> /made"),
            ),
        )
        root = scripts.session.root

        assert (root / "made").read_text() == "one\ntwo\nthree\n"
        assert (root / "where").read_text() == "/\n"
        assert (root / "outside").read_text() == f"{bench.home}\n"


async def test_a_script_beside_the_root_cannot_change_the_machine(bench: Bench) -> None:
    (bench.home / "recipe-file").write_text("seen")
    temporary = Path(f"/tmp/{uuid4()}")
    script = (
        f'cat recipe-file > "$INSTALL_ROOT/seen"; echo medium > "$LIVE_ROOT/for-the-medium"; touch {temporary};'
        f'touch {bench.home}/x /usr/x 2> "$INSTALL_ROOT/refused" || true'
    )
    async with bench.scripts() as scripts:
        await scripts.run(post(script, chroot=False))

        assert (scripts.session.root / "seen").read_text() == "seen"
        assert (scripts.session.root / "refused").read_text().count("Read-only file system") == 2
        assert (scripts.live / "for-the-medium").read_text() == "medium\n"
    assert not temporary.exists()
    assert not (bench.home / "x").exists()


async def test_a_script_beside_the_root_reaches_no_socket_of_the_machine(bench: Bench) -> None:
    script = 'find /run ! -type d > "$INSTALL_ROOT/seen"; cat /etc/resolv.conf > /dev/null'
    async with bench.scripts() as scripts:
        await scripts.run(post(script, chroot=False))

        seen = (scripts.session.root / "seen").read_text().splitlines()
    assert {Path(each).name for each in seen} <= {"stub-resolv.conf", "resolv.conf"}


async def test_what_scripts_output_goes_to_a_log_of_the_root(bench: Bench) -> None:
    async with bench.scripts() as scripts:
        await scripts.run(post("echo said; echo wrong >&2", log="/var/log/made/post.log"))

        assert (scripts.session.root / "var/log/made/post.log").read_text() == "said\nwrong\n"
        with pytest.raises(ScriptFailed, match="status 4: last words"):
            await scripts.run(post("echo last words; exit 4", log="/root/log"))


async def test_a_failure_without_erroronfail_is_a_note(bench: Bench) -> None:
    async with bench.scripts() as scripts:
        await scripts.run(post("exit 3", error_on_fail=False))

    assert bench.progress.lines == ["note: %post at /r.ks:7 ended with status 3"]


async def test_a_script_that_hangs_is_ended_with_all_its_children(bench: Bench) -> None:
    async with bench.scripts(timeout_s=1.0) as scripts:
        with pytest.raises(ScriptFailed, match=r"%post at /r.ks:7 took longer than 1 s .* it last said: waiting"):
            await scripts.run(post("echo waiting; setsid sleep 98761 & sleep 98761"))

    assert processes_named("98761") == []
    assert bench.left() == []


async def test_a_flood_is_cut_off(bench: Bench) -> None:
    async with bench.scripts() as scripts:
        with pytest.raises(ScriptFailed, match="said more than"):
            await scripts.run(post("while :; do echo flood; done"))
        with pytest.raises(ScriptFailed, match="said more than"):
            await scripts.run(post("exec cat /dev/zero"))

    assert bench.left() == []


async def test_processes_that_a_script_leaves_end_with_it(bench: Bench) -> None:
    """So many that the kernel needs a while to end them, which it begins only when the script has ended."""
    left = '$0 = "left-98762"; for (1..500) { fork or sleep 999 } open(F, ">/made"); sleep 999'
    async with bench.scripts() as scripts:
        await scripts.run(post(f"perl -e '{left}' > /dev/null 2>&1 & until [ -e /made ]; do :; done"))

        assert [each for each in psutil.process_iter(["name"]) if each.info["name"] == "left-98762"] == []


async def wait_for_a_sandbox(that_ends_after_s: float) -> None:
    """Wait for the end of all in a sandbox, whose program is still running then."""
    async with AsyncExitStack() as stack:
        info_fd = await stack.enter_async_context(whole_end())
        argv = [*bubblewrap_argv(), "--ro-bind", "/", "/", "--info-fd", str(info_fd), "--", "cat"]
        sandbox = await asyncio.create_subprocess_exec(
            *map(str, argv), stdin=PIPE, stdout=PIPE, pass_fds=[info_fd]
        )
        assert sandbox.stdin is not None
        assert sandbox.stdout is not None
        sandbox.stdin.write(b"here\n")
        assert await sandbox.stdout.readline() == b"here\n"
        end = asyncio.get_running_loop().call_later(that_ends_after_s, sandbox.kill)
        waiting = stack.pop_all()
    try:
        await waiting.aclose()
    finally:
        end.cancel()
        if sandbox.returncode is None:
            sandbox.kill()
        await sandbox.communicate()


async def test_a_wait_for_the_end_of_a_sandbox_that_is_cancelled_does_not_hold_up_the_next_one() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wait_for_a_sandbox(that_ends_after_s=60), 1)
    await asyncio.wait_for(wait_for_a_sandbox(that_ends_after_s=1), 60)


async def test_a_script_can_neither_mount_nor_make_devices(bench: Bench) -> None:
    script = """
    mount -t tmpfs x /mnt && echo mounted >> /did
    mknod /disk b 8 0 && echo device >> /did
    echo 1 > /proc/sys/kernel/sysrq && echo sysctl >> /did
    echo 1 > /sys/kernel/profiling && echo sysfs >> /did
    kill -0 $$ && chroot / true && touch /fine
    """
    async with bench.scripts() as scripts:
        await scripts.run(post(script, error_on_fail=False))

        assert not (scripts.session.root / "did").exists()
        assert (scripts.session.root / "fine").exists()
    assert str(bench.home) not in Path("/proc/self/mountinfo").read_text()


async def test_links_and_dots_end_in_the_root(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    script = f"""
    mkdir -p {outside.parent} && ln -sfn {outside} /link && mkdir -p {outside}
    echo x > /link/written; echo x > /../../../../../..{outside}/dots
    mkdir /hole; chroot /hole true 2>/dev/null
    cat /proc/1/root{outside}/../secret 2>/dev/null > /seen
    true
    """
    (tmp_path / "secret").write_text("of the machine")
    async with bench.scripts() as scripts:
        await scripts.run(post(script))
        root = scripts.session.root

        assert list(outside.iterdir()) == []
        assert (root / str(outside)[1:] / "written").exists()
        assert (root / "seen").read_text() == ""


async def test_a_root_whose_proc_is_a_link_is_refused(bench: Bench) -> None:
    async with bench.scripts() as scripts:
        root = scripts.session.root
        (root / "sys").rmdir()
        (root / "sys").symlink_to("/etc")

        with pytest.raises(BadImage, match="/sys of the root"):
            await scripts.run(post("true"))


def hostile_tar(folder: Path, outside: Path) -> Path:
    """An archive that a broken installer could leave."""
    tar = folder / "hostile.tar"
    (folder / "payload").write_text("x")
    with tarfile.open(tar, "w") as file:
        file.add(folder / "payload", f"{outside}/absolute")
        file.add(folder / "payload", f"./../../..{outside}/dots")
        link = tarfile.TarInfo("./door")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        file.addfile(link)
        file.add(folder / "payload", "./door/through")
        device = tarfile.TarInfo("./dev/sda")
        device.type, device.devmajor, device.devminor = tarfile.BLKTYPE, 8, 0
        file.addfile(device)
    return tar


async def test_an_archive_cannot_write_outside(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    bench.base = hostile_tar(tmp_path, outside)

    with pytest.raises(Exception, match="tar"):
        async with bench.scripts():
            pass
    assert list(outside.iterdir()) == []


async def test_what_helps_scripts_does_not_stay(bench: Bench) -> None:
    script = post(
        "cp /etc/resolv.conf /seen; /usr/sbin/policy-rc.d; echo $? >> /seen;"
        "echo 1 > /etc/machine-id; touch /tmp/x /var/tmp/y"
    )
    async with bench.scripts() as scripts:
        await configure(scripts, meaning(script))
        root = scripts.session.root

        assert (root / "seen").read_text() == Path("/etc/resolv.conf").read_text() + "101\n"
        assert (root / "etc/resolv.conf").read_text() == ""
        assert not (root / "usr/sbin/policy-rc.d").exists()
        assert list((root / "tmp").iterdir()) == list((root / "var/tmp").iterdir()) == []
        assert (root / "etc/machine-id").read_text() == ""


@pytest.mark.parametrize("link", ["../run/systemd/resolve/stub-resolv.conf", None], ids=["resolved", "none"])
async def test_scripts_have_name_servers_in_a_root_without_a_file_for_them(bench: Bench, link: str | None) -> None:
    async with bench.scripts() as scripts:
        path = scripts.session.root / "etc/resolv.conf"
        path.unlink()
        if link:
            path.symlink_to(link)
        await configure(scripts, meaning(post("grep -v '^# name servers of the build' /etc/resolv.conf > /seen")))

        assert (scripts.session.root / "seen").read_text() == Path("/etc/resolv.conf").read_text()
        assert path.is_symlink() == bool(link)
        assert not path.exists()


async def test_name_servers_of_the_machine_go_even_without_the_tools_to_compare(bench: Bench) -> None:
    script = "rm /usr/bin/cmp /usr/bin/diff; cp /etc/resolv.conf /etc/.resolv.conf.systemd-resolved.bak"
    async with bench.scripts() as scripts:
        await configure(scripts, meaning(post(script)))
        etc = scripts.session.root / "etc"

        assert (etc / "resolv.conf").read_text() == ""
        assert (etc / ".resolv.conf.systemd-resolved.bak").read_text() == ""


async def test_what_scripts_make_has_the_same_modes_whatever_the_umask(bench: Bench) -> None:
    before = os.umask(0o077)
    try:
        async with bench.scripts() as scripts:
            await scripts.run(post("touch /made; mkdir /folder"))
            root = scripts.session.root

            assert ((root / "made").stat().st_mode & 0o777, (root / "folder").stat().st_mode & 0o777) == (
                0o644,
                0o755,
            )
    finally:
        os.umask(before)


async def test_the_same_root_packs_to_the_same_bytes(bench: Bench) -> None:
    sums = []
    for number in range(2):
        async with bench.scripts() as scripts:
            await scripts.run(post("touch /b /a; mkdir /c; echo x > /c/x"))
            tar = bench.home / f"{number}.tar"
            await scripts.session.pack(tar, 1700000000)
            sums.append(tar.read_bytes())
            await asyncio.sleep(0)

    assert sums[0] == sums[1]
    assert len(sums[0]) > 1 << 20
