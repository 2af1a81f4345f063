"""All that can be done with machines, in one place.

Plain functions that take an open connection and block: to be run by `Hypervisor.call`.
"""

from skerry.hypervisor.addresses import addresses
from skerry.hypervisor.devices import attach_disk, attach_nic, change_media, detach_disk, detach_nic
from skerry.hypervisor.lifecycle import (
    change,
    check_definition,
    define_machine,
    define_xml,
    pause,
    power_off,
    reboot,
    rename,
    reset,
    restore,
    resume,
    save,
    send_ctrl_alt_del,
    set_autostart,
    shutdown,
    start,
    undefine,
)
from skerry.hypervisor.reading import find_uuid, get_definition, get_machine, list_machines
from skerry.hypervisor.snapshots import create_snapshot, delete_snapshot, list_snapshots, revert_snapshot

__all__ = [
    "addresses", "attach_disk", "attach_nic", "change", "change_media", "check_definition", "create_snapshot",
    "define_machine", "define_xml", "delete_snapshot", "detach_disk", "detach_nic", "find_uuid", "get_definition",
    "get_machine", "list_machines", "list_snapshots", "pause", "power_off", "reboot", "rename", "reset", "restore",
    "resume", "revert_snapshot", "save", "send_ctrl_alt_del", "set_autostart", "shutdown", "start", "undefine",
]  # fmt: skip
