"""Where a host runs the scripts of a definition."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from tests.fixtures.little_definition import write_definition

from skerry.errors import CommandFailed
from skerry.guestos.definition import Definition
from skerry.guestos.helper_running import HelperRunner
from skerry.guestos.instance import Call, Instance
from skerry.guestos.needs import Helper, abilities
from skerry.host.guest_oses import GuestOses
from skerry.sizes import MIB

UUID_ = UUID("6f1e9c1e-7a55-4c1d-9c39-0f8f4dbb1a02")
MAPPING = '#!/bin/sh\n[ -e "$DISK_0_PATH" ] || exit\nexit 0\nkpartx -a "$DISK_0_PATH"\n'


async def no_programs() -> None:
    raise AssertionError("no machine is started")


@dataclass(frozen=True)
class Recorded(HelperRunner):
    """A helper machine that only notes what it is to do."""

    calls: list[Call] = field(default_factory=list)
    fails: bool = False

    async def run(
        self, definition: Definition, call: Call, *, on_line: Callable[[str], None], limit_s: float
    ) -> None:
        del definition, limit_s
        on_line("in the machine")
        self.calls.append(call)
        if self.fails:
            raise CommandFailed("the create script failed")


async def install(folder: Path, helper: Helper, runner: HelperRunner | None) -> list[str]:
    """The log of an installation; the disk is `folder`/disk."""
    guest_oses = GuestOses([folder / "os"], helper=helper, helper_runner=runner)
    found = guest_oses.find("little+calm")
    instance = Instance("web1.example.org", found.name, "kvm", (), uuid=str(UUID_))
    lines: list[str] = []
    disks = [(folder / "disk", 16 * MIB)]
    await guest_oses.install(found, instance, {}, disks, limit_s=60, on_line=lines.append)
    return lines


async def test_what_works_here_runs_here(tmp_path: Path) -> None:
    write_definition(tmp_path / "os")
    runner = Recorded(no_programs)  # type: ignore[arg-type]

    assert "installed" in await install(tmp_path, "auto", runner)
    assert not runner.calls


@pytest.mark.skipif(abilities().device_mapper and os.geteuid() == 0, reason="here is device mapper")
async def test_what_lacks_device_mapper_here_runs_in_the_helper_machine(tmp_path: Path) -> None:
    write_definition(tmp_path / "os", create=MAPPING)
    runner = Recorded(no_programs)  # type: ignore[arg-type]

    assert await install(tmp_path, "auto", runner) == ["in the machine"]
    assert [disk.size_mib for disk in runner.calls[0].instance.disks] == [16]
    assert (tmp_path / "disk").stat().st_size == 16 * MIB


async def test_all_run_in_the_helper_machine_where_that_is_set(tmp_path: Path) -> None:
    write_definition(tmp_path / "os")

    assert await install(tmp_path, "always", Recorded(no_programs)) == ["in the machine"]  # type: ignore[arg-type]


async def test_none_does_where_that_is_set_or_there_is_no_machine(tmp_path: Path) -> None:
    write_definition(tmp_path / "os", create=MAPPING)

    assert await install(tmp_path, "never", Recorded(no_programs)) == []  # type: ignore[arg-type]
    (tmp_path / "disk").unlink()
    assert await install(tmp_path, "auto", None) == []


async def test_a_failure_there_leaves_no_disk(tmp_path: Path) -> None:
    write_definition(tmp_path / "os")

    with pytest.raises(CommandFailed):
        await install(tmp_path, "always", Recorded(no_programs, fails=True))  # type: ignore[arg-type]

    assert [path.name for path in tmp_path.iterdir()] == ["os"]
