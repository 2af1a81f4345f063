"""Live media of a made-up root: what is in them, and that the same root gives the same bytes.

The root has no real kernel; that real ones boot is shown in tests/system/images/test_media.py.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import lzma
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from tests.fixtures.another_day import OnAnotherDay, later

from skerry.commands import CommandRunner
from skerry.images import mirrors
from skerry.images.builder import FILES
from skerry.images.cache import Cache, Workspace
from skerry.images.contents import iso9660
from skerry.images.outputs import live
from skerry.images.outputs.output import OutputBuild
from skerry.images.outputs.registry import find_output
from skerry.images.recipe import BadRecipe, Packages
from skerry.images.settings import BuildSettings
from skerry.images.toolbox import Tools
from skerry.images.tools import TOOLS_SOURCE, tools_tree
from skerry.images.verify_outputs import Comparison
from skerry.images.words import Meaning, Source
from skerry.progress import Quiet

EPOCH = 1767225600
KERNEL = bytes(range(256)) * 64
MODULES = "usr/lib/modules/6.1"
ROOT: dict[str, bytes] = {
    "boot/vmlinuz-6.1": KERNEL,
    f"{MODULES}/modules.dep": b"kernel/fs/squashfs/squashfs.ko.xz:\nkernel/sound/snd.ko:\n",
    f"{MODULES}/modules.alias": b"alias fs-squashfs squashfs\n",
    f"{MODULES}/kernel/fs/squashfs/squashfs.ko.xz": lzma.compress(b"\0firmware=card.fw\0"),
    f"{MODULES}/kernel/sound/snd.ko": b"sound",
    "usr/lib/firmware/card.fw": b"firmware",
    "etc/hostname": b"made-up\n",
}
_SIGNED = "usr/lib/grub/x86_64-efi-signed"
SIGNED = {
    "usr/lib/shim/shimx64.efi.signed": b"shim",
    f"{_SIGNED}/grubx64.efi.signed": b"grub of media",
    f"{_SIGNED}/grubnetx64.efi.signed": b"grub of the network",
}


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    """With folders before what is in them, as the builder's own packer has them."""
    with tarfile.open(path, "w") as archive:
        for folder in sorted({str(parent) for name in files for parent in PurePosixPath(name).parents}):
            member = tarfile.TarInfo(f"./{folder}")
            member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            archive.addfile(member)
        link = tarfile.TarInfo("./lib")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/lib"
        archive.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size, member.mtime = len(content), EPOCH
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
async def cache(kept_images: BuildSettings) -> Cache:
    cache = Cache(kept_images.cache, kept_images.image_cache_size, CommandRunner())
    await cache.prepare()
    return cache


@pytest.fixture
async def tools(cache: Cache, kept_images: BuildSettings) -> AsyncIterator[Tools]:
    name = TOOLS_SOURCE.distribution
    found = mirrors.find_mirrors(
        name,
        release=mirrors.machine_release(),
        sources=mirrors.machine_sources(),
        chosen=kept_images.mirrors(name),
    )
    lines = mirrors.deb_lines(TOOLS_SOURCE, found)
    async with tools_tree(cache, CommandRunner(), lines, sorted(live.TOOLS)) as tools:
        yield tools


@pytest.fixture
async def build(cache: Cache, tools: Tools, tmp_path: Path) -> AsyncIterator[OutputBuild]:
    about = tmp_path / "about"
    about.mkdir()
    (about / "manifest-rpm.txt").write_text("made-up-1.all (none)\n")
    root = write_tar(tmp_path / "root.tar", ROOT)
    async with cache.workspace() as workspace:
        yield OutputBuild(
            meaning=Meaning(Source("debian", "trixie"), Packages(), ()),
            key="key",
            root_tar=root,
            about=about,
            tools=tools,
            workspace=workspace,
            commands=CommandRunner(),
            epoch=EPOCH,
            progress=Quiet(),
            name="made-up",
        )


async def made(build: OutputBuild, name: str, folder: Path, **changes: Any) -> Path:
    """The folder with an output, made in a workspace of its own."""
    target, work = folder / name, folder / f"{name}-work"
    target.mkdir(parents=True)
    work.mkdir()
    workspace = Workspace(work, work, build.workspace.lock)
    await find_output(name).make(dataclasses.replace(build, workspace=workspace, **changes), target)
    return target


def files_of(iso: Path) -> dict[str, bytes]:
    with iso.open("rb") as source:
        return {
            f"{place}/{name}".lstrip("/"): iso9660.read(source.fileno(), position)
            for place, names in iso9660.folders(source.fileno())
            for name, position in names.items()
        }


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["iso", "pxe", "uki", "oci"])
async def test_the_same_root_gives_the_same_bytes_elsewhere_on_another_day(
    name: str, build: OutputBuild, tmp_path: Path
) -> None:
    commands = OnAnotherDay(later(tmp_path))
    first = await made(build, name, tmp_path / "here")
    second = await made(
        build, name, tmp_path / "a-longer-name/there", commands=commands, tools=Tools(build.tools.root, commands)
    )

    assert digests(first) == digests(second)


async def test_of_two_folders_the_files_that_differ_are_named(build: OutputBuild, tmp_path: Path) -> None:
    for name, menu in (("one", "timeout 1"), ("other", "timeout 2")):
        folder = tmp_path / name / FILES / "made-up.pxe"
        folder.mkdir(parents=True)
        (folder / "menu").write_text(menu)
        (tmp_path / name / "facts.json").write_text(json.dumps({"files": {}, "folders": {folder.name: 1}}))
    comparison = Comparison(
        find_output("pxe"), build.meaning, build.name, EPOCH, build.tools, build.workspace, build.commands
    )

    found = await comparison.differences(tmp_path / "one", tmp_path / "other")

    assert found == ["pxe: made-up.pxe:", "  ./menu: content"]
    assert await comparison.differences(tmp_path / "one", tmp_path / "one") == []


async def test_an_iso_has_kernel_root_and_manifests_and_their_sums(build: OutputBuild, tmp_path: Path) -> None:
    folder = await made(build, "iso", tmp_path)

    found = files_of(folder / "made-up.iso")
    assert found["boot/vmlinuz"] == KERNEL
    assert found["manifests/manifest-rpm.txt"] == b"made-up-1.all (none)\n"
    assert found["live/root.squashfs"].startswith(b"hsqs")
    facts = found["live/image"].decode()
    assert f"SHA256={hashlib.sha256(found['live/root.squashfs']).hexdigest()}\n" in facts
    sums = dict(line.split("  ")[::-1] for line in found["SHA256SUMS"].decode().splitlines())
    assert sums.keys() == found.keys() - {"SHA256SUMS", "boot/grub/eltorito.img", "boot/grub/boot.cat"}
    assert all(hashlib.sha256(found[path]).hexdigest() == digest for path, digest in sums.items())


async def test_an_iso_starts_with_what_the_root_has_signed(
    build: OutputBuild, tools: Tools, tmp_path: Path
) -> None:
    root = write_tar(tmp_path / "signed.tar", ROOT | SIGNED)

    iso = await made(build, "iso", tmp_path, root_tar=root) / "made-up.iso"

    found = files_of(iso)
    assert found["EFI/BOOT/BOOTX64.EFI"] == b"shim"
    assert found["EFI/BOOT/grubx64.efi"] == b"grub of media"
    assert found["EFI/debian/grub.cfg"].endswith(b"configfile $prefix/grub.cfg\n")
    table = json.loads((await tools.run("sfdisk", "--json", iso)).stdout)["partitiontable"]
    (offset,) = (each["start"] * 512 for each in table["partitions"] if each["type"].startswith("C12A7328"))
    for name in ("EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "EFI/debian/grub.cfg"):  # the same on its ESP
        said = await tools.run("mtype", "-i", f"{iso}@@{offset}", f"::/{name}")
        assert said.stdout.encode() == found[name], name


async def test_a_network_set_has_what_the_root_has_signed_by_the_names_that_it_looks_for(
    build: OutputBuild, tmp_path: Path
) -> None:
    root = write_tar(tmp_path / "signed.tar", ROOT | SIGNED)

    plain = await made(build, "pxe", tmp_path / "plain") / "made-up.pxe"
    signed = await made(build, "pxe", tmp_path / "signed", root_tar=root) / "made-up.pxe"

    assert not (plain / "shimx64.efi").exists()
    assert (plain / "grubx64.efi").read_bytes().startswith(b"MZ")
    assert (signed / "shimx64.efi").read_bytes() == b"shim"
    assert (signed / "grubx64.efi").read_bytes() == b"grub of the network"
    assert "source $cmdpath/grub.cfg\n" in (signed / "grub/grub.cfg").read_text()
    assert "shimx64.efi" in (signed / "SHA256SUMS").read_text()


async def test_the_initial_ram_disk_has_the_modules_that_the_root_needs_and_their_firmware(
    build: OutputBuild, tools: Tools, tmp_path: Path
) -> None:
    folder = await made(build, "pxe", tmp_path)

    packed = folder / "made-up.pxe/initrd.img"
    unpacked = tmp_path / "initrd.cpio"
    await tools.run("zstd", "-q", "-d", packed, "-o", unpacked)
    content = unpacked.read_bytes()
    for name in ("init", "bin/busybox", f"{MODULES}/kernel/fs/squashfs/squashfs.ko", "usr/lib/firmware/card.fw"):
        assert f"{name}\0".encode() in content, name
    assert b"kernel/sound" not in content


async def test_scripts_may_put_files_on_an_iso_but_not_over_its_own(build: OutputBuild, tmp_path: Path) -> None:
    extra = write_tar(tmp_path / "live.tar", {"extras/read.me": b"hello\n"})
    wrong = write_tar(tmp_path / "wrong.tar", {"boot/vmlinuz": b"mine"})

    folder = await made(build, "iso", tmp_path / "good", live_tar=extra)

    assert files_of(folder / "made-up.iso")["extras/read.me"] == b"hello\n"
    with pytest.raises(BadRecipe, match="boot/vmlinuz"):
        await made(build, "iso", tmp_path / "bad", live_tar=wrong)


async def test_every_digest_of_a_container_image_is_that_of_its_blob(build: OutputBuild, tmp_path: Path) -> None:
    folder = await made(build, "oci", tmp_path) / "made-up.oci"

    def blob(descriptor: dict[str, Any]) -> bytes:
        algorithm, digest = descriptor["digest"].split(":")
        content: bytes = (folder / "blobs" / algorithm / digest).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert len(content) == descriptor["size"]
        return content

    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (image,) = json.loads((folder / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(image))
    config = json.loads(blob(manifest["config"]))
    (layer,) = manifest["layers"]
    unpacked = gzip.decompress(blob(layer))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(unpacked).hexdigest()}"]
    assert unpacked == build.root_tar.read_bytes()


async def test_outputs_of_one_root_share_its_image(build: OutputBuild, cache: Cache, tmp_path: Path) -> None:
    asked = []

    def shared(kind: str, inputs: Any, make: Any) -> Any:
        asked.append((kind, inputs))
        return cache.use(kind, f"test-{build.workspace.path.name}", make)

    await made(build, "iso", tmp_path, shared=shared)
    await made(build, "uki", tmp_path, shared=shared)

    assert asked[0] == asked[1]
