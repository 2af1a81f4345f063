"""What may be put into a definition by a person who has the machine and not the host, on the real libvirt."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.host.suite.given import ONE, POOL, REF, TWO, machine, new, seed, volume

from skerry.errors import BadDefinition, Denied, NotFound
from skerry.host.agent import Host
from skerry.host.operations import definition, machines
from skerry.host.types import NewDisk

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
NVME = "<source type='pci' namespace='1'><address domain='0' bus='1' slot='0' function='0'/></source>"
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
    zone = "offset='timezone' timezone='Europe/Berlin'"
    await host.call(definition.define, await edited(host, "offset='utc'", zone))
    path = (await seed(host, "cd")).path
    cd = f"<disk device='cdrom'><source file='{path}'/><target dev='sda' bus='sata'/></disk>"
    await host.call(definition.define, await edited(host, "</devices>", f"{cd}<panic model='isa'/></devices>"))


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
        ("</os>", "<loader readonly='yes' type='rom'>/etc/shadow</loader></os>", "<loader> in <os>"),
        ("</os>", "<kernel><!-- -->/etc/shadow</kernel></os>", "/etc/shadow"),
        ("</emulator>", ".evil</emulator>", "evil"),
        ("</emulator>", "<!-- -->.evil</emulator>", "evil"),
        ("type='qcow2' discard", "type='raw' discard", "reads disk-1 as raw"),
        ("<source file='{disk}'/>", "", "file without a source"),
        (
            "</devices>",
            "<serial type='file'><source path='/etc/cron.d/x'/></serial></devices>",
            "<serial> with type='file'",
        ),
        ("</devices>", "<serial type='pty'><log file='/etc/cron.d/x'/></serial></devices>", "/etc/cron.d/x"),
        ("</devices>", "<serial type='tcp'><source mode='bind' host='::' service='1'/></serial></devices>", "tcp"),
        (
            "</devices>",
            "<filesystem type='mount'><source dir='/'/><target dir='r'/></filesystem></devices>",
            "<filesystem>",
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
        (
            "</devices>",
            f"<disk type='network'>{NBD}<target dev='vdz'/></disk></devices>",
            "<disk> with type='network'",
        ),
        ("</devices>", f"<disk type='nvme'>{NVME}<target dev='vdz'/></disk></devices>", "<disk> with type='nvme'"),
        ("</devices>", "<interface><source dev='eth0'/></interface></devices>", "<source> in <interface>"),
        ("</devices>", "<interface/></devices>", "without a type"),
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


async def test_a_card_goes_only_to_networks_that_the_host_offers(host: Host) -> None:
    await machine(host)
    card = "<interface type='bridge'><source bridge='br-of-the-host'/></interface></devices>"

    with pytest.raises(NotFound, match="br-of-the-host"):
        await host.call(definition.define, await edited(host, "</devices>", card))


async def test_a_disk_cannot_have_two_formats(host: Host) -> None:
    """libvirt would take the one, and a check the other."""
    await machine(host, "disk-1")

    with pytest.raises(BadDefinition, match="more than one <driver>"):
        await host.call(
            definition.define, await edited(host, "<driver ", "<driver name='qemu' type='raw'/><driver ")
        )


async def test_what_an_administrator_put_in_stays(host: Host) -> None:
    await machine(host)
    plain = await edited(host, "</devices>", "<vsock model='virtio'><cid auto='yes'/></vsock></devices>")
    await host.call(definition.define, plain.model_copy(update={"only": None}))

    changed = await host.call(definition.define, await edited(host, "65536", "98304"))
    assert changed.memory == 96 * 1024**2
    with pytest.raises(Denied, match="<vsock>"):
        await host.call(definition.define, await edited(host, "auto='yes'", "auto='no' address='7'"))


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
