"""KVM is believed when a guest has run under it, and not before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from skerry.commands import Arg, Output
from skerry.errors import CommandFailed, TimedOut, Unavailable
from skerry.hypervisor import accelerator
from skerry.hypervisor.accelerator import AcceleratorProbe, boot_sector, emulation_warning
from skerry.hypervisor.types import Accelerator


class Emulators:
    """Programs of which each does what it is told to."""

    def __init__(self, behaviour: Mapping[str, Output | Exception] | None = None) -> None:
        self.behaviour = behaviour or {}
        self.tried: list[str] = []

    async def run(self, argv: Sequence[Arg], **_options: Any) -> Output:
        self.tried.append(str(argv[0]))
        does = self.behaviour.get(str(argv[0]), Unavailable("not installed"))
        if isinstance(does, Exception):
            raise does
        return does


@pytest.fixture(autouse=True)
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device that opens."""
    node = tmp_path / "kvm"
    node.touch()
    monkeypatch.setattr(accelerator, "_KVM", node)
    monkeypatch.setattr(accelerator.platform, "machine", lambda: "x86_64")
    return node


async def test_a_guest_that_ran_means_kvm() -> None:
    found = await AcceleratorProbe(Emulators({"qemu-kvm": Output(33, "", "")})).result()

    assert found == Accelerator(kind="kvm", reason="a guest ran under /dev/kvm")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(TimedOut("slow"), "was not done after 3 s"), (CommandFailed("no ioctl"), "guests do not run: no ioctl")],
    ids=["it hangs", "it fails"],
)
async def test_a_device_that_opens_and_runs_no_guest_means_emulation(failure: Exception, reason: str) -> None:
    found = await AcceleratorProbe(Emulators({"qemu-system-x86_64": failure})).result()

    assert found.kind == "tcg"
    assert reason in found.reason


async def test_no_device_means_emulation_without_trying(device: Path) -> None:
    device.unlink()
    emulators = Emulators()

    found = await AcceleratorProbe(emulators).result()

    assert found.kind == "tcg"
    assert "there is no /dev/kvm" in found.reason
    assert emulators.tried == []


async def test_it_is_found_out_once() -> None:
    emulators = Emulators({"qemu-system-x86_64": Output(33, "", "")})
    probe = AcceleratorProbe(emulators)

    assert await probe.result() is await probe.result()
    assert len(emulators.tried) == 1


def test_the_guest_is_one_bootable_sector() -> None:
    sector = boot_sector()

    assert len(sector) == 512
    assert sector.endswith(b"\x55\xaa")


@pytest.mark.parametrize(
    ("kind", "version", "warned"), [("tcg", (7, 2), True), ("tcg", (10, 0), False), ("kvm", (7, 2), False)]
)
def test_old_emulators_are_warned_of(kind: str, version: tuple[int, int], warned: bool) -> None:
    found = Accelerator.model_validate({"kind": kind, "reason": ""})

    assert (emulation_warning(found, version) is not None) is warned
