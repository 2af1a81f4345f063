"""What the helper machine is told to do, and what of it is believed."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fixtures.little_definition import write_definition

from skerry.commands import CommandRunner
from skerry.errors import BadInput, HostError
from skerry.guestos.debians_own import needs_of_call
from skerry.guestos.definition import Definition
from skerry.guestos.environment import environment_of
from skerry.guestos.helper_cache import HelperCache
from skerry.guestos.helper_running import HelperRunner, call_script
from skerry.guestos.instance import Call, Instance, InstanceDisk, Script
from skerry.guestos.search import find
from skerry.guestos.settings import Places

CALL = Call(
    Script.CREATE,
    Instance(
        "web1.example.org",
        "little+calm",
        "kvm",
        (InstanceDisk("/srv/disk", size_mib=16, backend_type="file:loop"),),
    ),
    variant="calm",
    parameters={"words": "quotes ' \" $HOME\nand lines"},
)


@pytest.fixture
def definition(tmp_path: Path) -> Definition:
    write_definition(tmp_path / "os", create="#!/bin/sh\numask\npwd\nread x || echo end\ncat /proc/self/environ\n")
    return find("little+calm", [tmp_path / "os"]).definition


def test_the_script_starts_as_ganeti_starts_it_but_for_the_disks(definition: Definition) -> None:
    script = call_script(definition, CALL)

    said = subprocess.run(["sh", "-c", script], env={"disk0": "/dev/vdc"}, capture_output=True, check=True).stdout

    lines, _, environ = said.partition(b"end\n")
    assert lines.decode().splitlines() == ["0077", str(definition.path)]
    given = dict(word.split("=", 1) for word in environ.decode().rstrip("\0").split("\0"))
    expected = environment_of(CALL) | {"DISK_0_PATH": "/dev/vdc", "DISK_0_BACKEND_TYPE": "block"}
    assert {name: given[name] for name in given.keys() - {"PWD", "OLDPWD", "SHLVL", "_"}} == expected


async def test_scripts_that_want_pipes_do_not_run_there(definition: Definition) -> None:
    runner = HelperRunner(None)  # type: ignore[arg-type]  # it is not asked

    with pytest.raises(BadInput, match="export cannot run in the helper machine"):
        await runner.run(definition, replace(CALL, script=Script.EXPORT), on_line=print, limit_s=1)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A host with Debian's definition, whose settings name a suite."""
    found = Places(tmp_path / "etc", tmp_path / "var")
    for folder in (found.settings_file.parent, found.variants_dir, found.cache_dir):
        folder.mkdir(parents=True)
    found.settings_file.write_text("SUITE=trixie\n")
    (found.variants_dir / "calm.conf").touch()
    return found


async def cache_of(definition: Definition, places: Places) -> HelperCache:
    (definition.path / "common.sh").write_text(f'CACHE_DIR="{places.cache_dir}"\n')
    return await HelperCache.of(definition, replace(CALL, parameters={}), CommandRunner(), places)


async def test_the_tar_of_the_suite_that_is_set_is_brought_along(definition: Definition, places: Places) -> None:
    tar = places.cache_dir / "cache-trixie-amd64.tar"
    tar.write_bytes(b"a tar")

    found = await cache_of(definition, places)

    assert [disk.path for disk in found.disks()] == [tar]


async def test_a_folder_of_tars_for_our_definition_is_not_that_of_debians(
    tmp_path: Path, definition: Definition, places: Places
) -> None:
    places.settings_file.write_text(f"SUITE=trixie\nCACHE_DIR={tmp_path}\n")
    ours, debians = (folder / "cache-trixie-amd64.tar" for folder in (tmp_path, places.cache_dir))
    for tar in (ours, debians):
        tar.write_bytes(b"a tar")

    assert [disk.path for disk in (await cache_of(definition, places)).disks()] == [debians]


async def test_a_tar_that_the_definition_would_delete_stays_here(definition: Definition, places: Places) -> None:
    tar = places.cache_dir / "cache-trixie-amd64.tar"
    tar.write_bytes(b"a tar")
    os.utime(tar, (time.time() - 30 * 24 * 3600,) * 2)

    assert not (await cache_of(definition, places)).disks()


async def test_other_definitions_have_no_such_cache(definition: Definition, places: Places) -> None:
    found = await HelperCache.of(definition, replace(CALL, parameters={}), CommandRunner(), places)

    assert found.folder is None
    assert not found.disks()


async def test_a_new_tar_is_kept_for_the_next_time(tmp_path: Path, definition: Definition, places: Places) -> None:
    (tmp_path / "kept").write_bytes(b"a new tar\0\0\0")
    found = await cache_of(definition, places)

    found.take(tmp_path / "kept", ["cache-trixie-amd64.tar 9"], print)

    assert [(path.name, path.read_bytes()) for path in places.cache_dir.iterdir()] == [
        ("cache-trixie-amd64.tar", b"a new tar")
    ]


@pytest.mark.parametrize(
    "line", ["../cache-x.tar 9", "cache-.tar 9", "cache-x.tar", "cache-x.tar -1", "cache-x.tar 9999999999999"]
)
async def test_the_machine_cannot_name_another_file(
    tmp_path: Path, definition: Definition, places: Places, line: str
) -> None:
    found = await cache_of(definition, places)

    with pytest.raises(HostError, match="nonsense"):
        found.take(tmp_path / "kept", [line], print)


async def test_a_folder_that_cannot_be_written_keeps_nothing_and_says_so(
    tmp_path: Path, definition: Definition, places: Places
) -> None:
    found = await cache_of(definition, places)
    places.cache_dir.rmdir()
    places.cache_dir.touch()
    told: list[str] = []

    found.take(tmp_path / "kept", ["cache-trixie-amd64.tar 9"], told.append)

    assert "cache-trixie-amd64.tar is not kept for the next time" in told[0]


@pytest.mark.parametrize(("style", "needed"), [("none", False), ("msdos", True), ("", True)])
async def test_without_partitions_debians_own_needs_no_device_mapper(
    definition: Definition, places: Places, style: str, *, needed: bool
) -> None:
    places.settings_file.write_text(f"PARTITION_STYLE={style}\n" if style else "")
    (definition.path / "common.sh").write_text(f'kpartx -a\nCACHE_DIR="{places.cache_dir}"\n')

    needs = await needs_of_call(definition, replace(CALL, parameters={}), CommandRunner(), places)

    assert needs.device_mapper is needed


async def test_other_definitions_need_what_they_name(definition: Definition, places: Places) -> None:
    places.settings_file.write_text("PARTITION_STYLE=none\n")
    (definition.path / "common.sh").write_text("kpartx -a\n")

    assert (await needs_of_call(definition, CALL, CommandRunner(), places)).device_mapper
