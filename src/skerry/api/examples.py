"""One true example of everything that the API takes and gives, for the OpenAPI document.

They are made from the models themselves, so that a field that changes breaks the type check and not the reader.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel

from skerry.api import models as m
from skerry.host import types as h
from skerry.host.guest_os_types import OsParameter
from skerry.manager import types as t

_AT = dt.datetime(2026, 3, 14, 9, 26, 53, tzinfo=dt.UTC)
_VM_ID = UUID("0190c1d2-5a6b-7c8d-9e0f-1a2b3c4d5e6f")
_IMAGE_ID = UUID("0190c1d0-1111-7222-8333-444455556666")
_TASK_ID = UUID("0190c1d3-aaaa-7bbb-8ccc-ddddeeeeffff")
_POOL_ID = UUID("0190c1c0-0000-7000-8000-000000000001")
_UPLOAD_ID = UUID("0190c1cf-2222-7333-8444-555566667777")
_GIB = 1024**3
_ETAG = "3f9a1c5e7b2d4860"
_MAC = "52:54:00:1a:2b:3c"
_XML = "<domain type='kvm'>\n  <name>web1</name>\n  …\n</domain>\n"

_VM_REF = t.ObjectRef(kind=t.ObjectKind.VM, id=str(_VM_ID), name="web1")
_SAMPLE = h.MachineSample(
    uuid=_VM_ID,
    cpu=0.07,
    memory=310 * 1024**2,
    resident=420 * 1024**2,
    disk_read=0.0,
    disk_write=8192.0,
    net_receive=1200.0,
    net_send=800.0,
)
_VM = t.Vm(
    id=_VM_ID,
    name="web1",
    host="rack1-a",
    pool_id=_POOL_ID,
    owner="admin",
    title="The web server",
    state=t.VmState.RUNNING,
    pending_state=t.VmState.RUNNING,
    actions=(t.VmAction.SHUTDOWN, t.VmAction.POWEROFF, t.VmAction.REBOOT, t.VmAction.PAUSE, "edit", "console"),
    vcpus=2,
    memory=_GIB,
    max_vcpus=2,
    max_memory=_GIB,
    firmware=h.Firmware.BIOS,
    domain_type="kvm",
    autostart=True,
    persistent=True,
    disks=(
        h.Disk(
            target="vda",
            device="disk",
            bus="virtio",
            source="skerry/web1-0.qcow2",
            storage_pool="skerry",
            volume="web1-0.qcow2",
            format="qcow2",
            size=10 * _GIB,
            allocation=190 * 1024**2,
        ),
    ),
    nics=(h.Nic(mac=_MAC, kind="network", network="default", model="virtio"),),
    boot_order=("hd", "cdrom", "network"),
    consoles=h.Consoles(graphics=True, serial=True),
    addresses=(
        h.Address(
            mac=_MAC,
            address="192.168.122.17",
            prefix=24,
            family="ipv4",
            source=h.AddressSource.LEASE,
            interface="ens2",
        ),
    ),
    needs_restart=False,
    template="aos",
    etag=_ETAG,
    created_at=_AT,
    started_at=_AT,
    sample=_SAMPLE,
)
_TASK = t.Task(
    id=_TASK_ID,
    kind="vm.create",
    title="Create web1",
    object=_VM_REF,
    pool_id=_POOL_ID,
    state=t.TaskState.RUNNING,
    step="Clone the disk",
    step_number=2,
    step_count=4,
    progress=0.4,
    user="admin",
    created_at=_AT,
    started_at=_AT,
)
_IMAGE = t.Image(
    id=_IMAGE_ID,
    name="aos",
    kind=t.ImageKind.TEMPLATE,
    state="ready",
    pool_id=_POOL_ID,
    description="A small Debian with cloud-init",
    format="qcow2",
    size=2 * _GIB,
    allocation=170 * 1024**2,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    storage_pool="skerry",
    volume="aos.qcow2",
    created_at=_AT,
    used_by=("web1",),
)
_NETWORK = h.Network(
    name="default",
    kind="network",
    active=True,
    autostart=True,
    bridge="virbr0",
    forward="nat",
    addresses=("192.168.122.1/24",),
    dhcp=True,
)
_STORAGE_POOL = h.StoragePool(
    name="skerry",
    kind="dir",
    active=True,
    path="/var/lib/skerry/images",
    capacity=500 * _GIB,
    allocation=120 * _GIB,
    available=380 * _GIB,
    managed=True,
)
_USER = t.User(name="admin", admin=True, created_at=_AT)
_TOKEN = t.Token(id=_TASK_ID, name="ci", user="admin", created_at=_AT, expires_at=None, last_used_at=_AT)

_HOST = t.HostInfo(
    name="rack1-a",
    online=True,
    since=_AT,
    facts=h.HostFacts(
        name="rack1-a",
        uuid=UUID("0190c1b0-9999-7888-8777-666655554444"),
        architecture="x86_64",
        cpu_model="EPYC-Rome",
        cpus=16,
        memory=64 * _GIB,
        free_memory=40 * _GIB,
        kernel="6.12.0-1-amd64",
        os="Debian GNU/Linux 13 (trixie)",
        libvirt_version="11.3.0",
        qemu_version="10.0.2",
        libvirt_uri="qemu:///system",
        accelerator=h.Accelerator(kind="kvm", reason="a boot sector ran under it"),
        uefi=True,
        tpm=True,
    ),
    networks=(_NETWORK,),
    storage_pools=(_STORAGE_POOL,),
    vms=3,
    running_vms=1,
    cpu=0.08,
    free_memory=40 * _GIB,
)
_FACT = t.Fact(
    id="0190c1b1:1042",
    at=_AT,
    kind="vm.removed",
    object=_VM_REF,
    pool_id=_POOL_ID,
    user="admin",
    summary="web1 was deleted",
)

_ALL: tuple[BaseModel, ...] = (
    _VM,
    _TASK,
    _IMAGE,
    _NETWORK,
    _STORAGE_POOL,
    _HOST,
    _USER,
    _TOKEN,
    _FACT,
    t.VolumeInfo(
        host="rack1-a",
        unused=False,
        used_by=("web1",),
        name="web1-0.qcow2",
        storage_pool="skerry",
        path="/var/lib/skerry/images/web1-0.qcow2",
        format="qcow2",
        capacity=10 * _GIB,
        allocation=190 * 1024**2,
    ),
    t.GuestOs(
        host="rack1-a",
        name="debootstrap",
        path="/usr/share/ganeti/os/debootstrap",
        usable=True,
        variants=("default",),
        parameters=(OsParameter(name="filesystem", help="The filesystem to use for the root"),),
        api_versions=(20, 15, 10),
    ),
    h.Definition(xml=_XML, etag=_ETAG),
    h.NewNic(network="default"),
    m.DefinitionText(xml=_XML),
    m.ConsoleRequest(kind="serial"),
    m.Snapshots(items=(h.Snapshot(name="before-upgrade", created_at=_AT, current=True),)),
    t.About(version="0.1.0"),
    t.SignIn(user="admin", password="correct-horse-battery"),  # noqa: S106 - an example
    t.Session(user=_USER, permissions=("vm.view", "vm.control"), csrf_token="c7b1…", expires_at=_AT),  # noqa: S106
    t.NewUser(name="alice", password="correct-horse-battery"),  # noqa: S106 - an example
    t.PasswordChange(old_password="correct-horse-battery", new_password="staple-battery-horse"),  # noqa: S106
    t.NewToken(name="ci"),
    t.TokenWithSecret(**_TOKEN.model_dump(), secret="skerry_…"),  # noqa: S106 - an example
    t.NewVm(
        name="web1",
        vcpus=2,
        memory=_GIB,
        disks=(t.TemplateDisk(image="aos", size=10 * _GIB),),
        cloud_init=t.CloudInit(ssh_keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5… alice",)),
    ),
    t.VmChanges(vcpus=4, memory=2 * _GIB),
    t.VmActionRequest(action=t.VmAction.SHUTDOWN, timeout_s=60, force_after=True),
    t.VmClone(name="web2"),
    t.EmptyDisk(size=20 * _GIB),
    t.DiskResize(size=20 * _GIB),
    t.MediaChange(image="debian-13-netinst"),
    t.NewSnapshot(name="before-upgrade"),
    t.ConsoleTicket(ticket="q3VbXw…", path="/api/v1/consoles/q3VbXw…", expires_at=_AT),
    t.NewImage(name="aos", upload=_UPLOAD_ID),
    t.ImageChanges(description="A small Debian with cloud-init"),
    t.NewUpload(size=178257920, name="aos.qcow2"),
    t.Upload(id=_UPLOAD_ID, name="aos.qcow2", user="admin", size=178257920, received=8388608, expires_at=_AT),
    t.TaskLogLine(number=1, at=_AT, text="cloned aos.qcow2 to web1-0.qcow2"),
    t.AuditEntry(
        id=7,
        at=_AT,
        user="admin",
        address="127.0.0.1",
        method="POST",
        action="create_vm",
        object=_VM_REF,
        status=202,
    ),
    t.Pool(id=_POOL_ID, name="default", parent_id=None, path="/default"),
    t.NewPool(name="qa", parent_id=_POOL_ID),
)

EXAMPLES: Mapping[str, BaseModel] = {type(example).__name__: example for example in _ALL}
