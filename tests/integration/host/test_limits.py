"""What may be put into a definition by a person who has the machine and not the host, on the real libvirt."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.host.suite.given import ONE, POOL, REF, TWO, machine, new, seed, volume

from skerry.errors import BadDefinition, Denied
from skerry.host.agent import Host
from skerry.host.operations import definition, machines
from skerry.host.types import NewDisk

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
NBD = "<source protocol='nbd' name='x'><host name='::1'/></source>"


async def edited(host: Host, old: str, new_text: str) -> definition.DefineMachine:
    """The stored definition with one change, as a person of the machine sends it."""
    xml = (await host.call(definition.show, REF)).xml
    assert old in xml
    return definition.DefineMachine(xml=xml.replace(old, new_text), only=ONE)


async def test_what_is_there_and_plain_hardware_may_stay_and_change(host: Host) -> None:
    await machine(host, "disk-1")

    changed = await host.call(definition.define, await edited(host, "65536", "98304"))
    assert changed.memory == 96 * 1024**2
    await host.call(definition.define, await edited(host, "discard='unmap'", "discard='ignore'"))
    await host.call(definition.define, await edited(host, "</memory>", "</memory><title>a/b c</title>"))


@pytest.mark.parametrize(
    ("old", "new_text", "told"),
    [
        ("<source file='{disk}'", "<source file='/etc/shadow'", "/etc/shadow"),
        ("<source file='{disk}'", "<source file='etc/shadow'", "etc/shadow"),
        ("<source file='{disk}'", "<source file='{other}'", "not this machine's: other"),
        ("<source file='{disk}'", "<source file='{seed}'", "not this machine's: other-seed"),
        ("<source file='{disk}'", "<source file='{folder}/../../x'", "outside"),
        ("</os>", "<kernel>/etc/shadow</kernel></os>", "/etc/shadow"),
        ("</os>", "<kernel>{other}</kernel></os>", "a disk of two"),
        ("</os>", "<loader readonly='yes' type='rom'>/etc/shadow</loader></os>", "/etc/shadow"),
        ("</emulator>", ".evil</emulator>", "evil"),
        ("</devices>", "<serial type='file'><source path='/etc/cron.d/x'/></serial></devices>", "type 'file'"),
        ("</devices>", "<serial type='pty'><log file='/etc/cron.d/x'/></serial></devices>", "/etc/cron.d/x"),
        ("</devices>", "<serial type='tcp'><source mode='bind' host='::' service='1'/></serial></devices>", "tcp"),
        (
            "</devices>",
            "<filesystem type='mount'><source dir='/'/><target dir='r'/></filesystem></devices>",
            "dir",
        ),
        ("</devices>", "<hostdev mode='subsystem' type='usb'/></devices>", "hostdev"),
        ("</devices>", "<interface type='direct'><source dev='eth0'/></interface></devices>", "direct"),
        ("<listen type='none'/>", "<listen type='address' address='0.0.0.0'/>", "listens"),
        ("</domain>", "<seclabel type='none'/></domain>", "seclabel"),
        (
            "</domain>",
            f"<q:commandline xmlns:q='{QEMU}'><q:arg value='-S'/></q:commandline></domain>",
            "commandline",
        ),
        ("</devices>", f"<disk type='network'>{NBD}<target dev='vdz'/></disk></devices>", "nbd:x"),
        (
            "</devices>",
            "<disk type='volume'><source pool='default' volume='x'/><target dev='vdz'/></disk></devices>",
            "default/x",
        ),
    ],
)
async def test_nothing_of_the_host_or_of_others_comes_in(host: Host, old: str, new_text: str, told: str) -> None:
    made = await machine(host, "disk-1")
    await volume(host, "other")
    await seed(host, "other-seed")
    cd = NewDisk(storage_pool=POOL, volume="other-seed", device="cdrom")
    two = new(TWO, "two", "other")
    await host.call(machines.create, two.model_copy(update={"disks": (*two.disks, cd)}))
    disk = Path(str(made.disks[0].source))
    names = {
        "disk": disk,
        "folder": disk.parent,
        "other": disk.parent / "other",
        "seed": disk.parent / "other-seed",
    }
    for name, path in names.items():
        old, new_text = old.replace(f"{{{name}}}", str(path)), new_text.replace(f"{{{name}}}", str(path))
    edit = await edited(host, old, new_text)

    for operation, args in (
        (definition.define, edit),
        (definition.check, definition.CheckDefinition(xml=edit.xml, only=ONE)),
    ):
        with pytest.raises(Denied, match=told):
            await host.call(operation, args)  # type: ignore[arg-type]
    assert await host.call(machines.show, REF) == made


async def test_a_cd_is_not_made_a_disk_that_can_be_written(host: Host) -> None:
    await seed(host, "cd")
    drive = NewDisk(storage_pool=POOL, volume="cd", device="cdrom")
    await host.call(machines.create, new().model_copy(update={"disks": (drive,)}))
    edit = await edited(host, "device='cdrom'", "device='disk'")

    with pytest.raises(Denied, match="others need: cd"):
        await host.call(definition.define, edit.model_copy(update={"xml": edit.xml.replace("<readonly/>", "")}))


async def test_the_definition_of_another_machine_is_not_taken(host: Host) -> None:
    await machine(host)
    await host.call(machines.create, new(TWO, "two"))
    edit = await edited(host, f"<uuid>{ONE}</uuid>", f"<!-- <uuid>{ONE}</uuid> --><uuid>{TWO}</uuid>")

    with pytest.raises(BadDefinition, match="another machine"):
        await host.call(definition.define, edit)
