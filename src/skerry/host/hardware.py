"""Which parts of a definition are the machine's own matter: a table of what anybody may write who has the machine.

It names what is harmless and not what is dangerous, because libvirt learns new devices with every release. It is
narrower than libvirt's schema (domaincommon.rng of libvirt 9): nothing in it opens a port or a file of the host,
takes a device or a secret of it, shares memory with others, or takes more of its time than others get. What values
mean that look like paths, and whose volume a disk names, is for `limits` to look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

Known = frozenset[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What an element may have."""

    attributes: Mapping[str, frozenset[str]]  # with the values that they may have; none: any
    children: Mapping[str, Shape] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()  # none: any
    open: bool = False  # no part of it reaches the host, whatever it is


def _shape(attributes: str = "", children: Mapping[str, Shape] | None = None, texts: str = "") -> Shape:
    """A shape; attributes are given as `name`, or as `name=value|value`."""
    named = (word.partition("=") for word in attributes.split())
    values = {name: frozenset(filter(None, value.split("|"))) for name, _, value in named}
    return Shape(values, children or {}, frozenset(texts.split()))


_ANY = Shape({}, open=True)
_PLAIN = _shape()
_ON_EVENT = _shape(
    texts="destroy restart preserve rename-restart"
)  # and no dump of the memory into the host's files

_VIRTIO = "iommu ats packed page_per_vq"
_COMMON = {
    "alias": _shape("name"),
    "acpi": _shape("index"),
    "address": _shape(
        "type domain bus slot function multifunction controller target unit port slots cssid ssid devno iobase irq"
        " reg",
        {"zpci": _shape("uid fid")},
    ),
    "boot": _shape("order loadparm"),
    "driver": _shape(_VIRTIO),
}

_DISK = _shape(
    "type=file|volume device=disk|cdrom|floppy model snapshot",
    {
        **_COMMON,
        "driver": _shape(
            "name=qemu type cache error_policy rerror_policy io ioeventfd event_idx copy_on_read discard"
            f" discard_no_unref detect_zeroes iothread queues queue_size {_VIRTIO}",
            {"metadata_cache": _shape("", {"max_size": _shape("unit")})},
        ),
        "source": _shape("file pool volume startupPolicy index"),
        "backingStore": _PLAIN,
        "target": _shape("dev bus tray removable rotation_rate"),
        "geometry": _shape("cyls heads secs trans"),
        "blockio": _shape("logical_block_size physical_block_size discard_granularity"),
        "iotune": _ANY,
        **dict.fromkeys(("readonly", "serial", "wwn", "vendor", "product"), _PLAIN),
    },
)
_CARD_OFFLOADS = _shape("csum gso tso4 tso6 ecn ufo mrg_rxbuf")
_BANDWIDTH = _shape("average peak burst floor")
_INTERFACE = _shape(
    "type=network|bridge|user",
    {
        **_COMMON,
        "mac": _shape("address type check"),
        "source": _shape("network bridge"),
        "model": _shape("type"),
        "link": _shape("state"),
        "mtu": _shape("size"),
        "rom": _shape("enabled bar"),
        "bandwidth": _shape("", {"inbound": _BANDWIDTH, "outbound": _BANDWIDTH}),
        "driver": _shape(
            "name=qemu|vhost queues rx_queue_size tx_queue_size txmode ioeventfd event_idx rss rss_hash_report"
            f" {_VIRTIO}",
            {"host": _CARD_OFFLOADS, "guest": _CARD_OFFLOADS},
        ),
    },
)


def _character(attributes: str, target: str) -> Shape:
    """A serial port and its like; a log goes where it went, since its path is known or refused by `limits`."""
    clipboard, mouse = _shape("copypaste"), _shape("mode")
    children = {
        **_COMMON,
        "log": _shape("file append"),
        "target": _shape(target, {"model": _shape("name")}),
        "source": _shape("mode=bind", {"clipboard": clipboard, "mouse": mouse}),  # libvirt knows a path for it
    }
    return Shape(_shape(attributes).attributes, children)


_LOCAL = "pty|null|vc|spicevmc|qemu-vdagent"
_SERIAL_PORT = (
    "type=isa-serial|usb-serial|pci-serial|spapr-vio-serial|system-serial|sclp-serial|isa-debug|serial|virtio|sclp"
    "|sclplm port"
)
_AUDIO = _shape(
    "mixingEngine fixedSettings voices bufferLength", {"settings": _shape("frequency channels format")}
)
_COMPRESSION = _shape("compression")
_GRAPHICS = _shape(
    "type=vnc|spice port=-1 tlsPort=-1 autoport sharePolicy passwd passwdValidTo connected keymap powerControl"
    " defaultMode",
    {
        "listen": _shape("type=none"),
        "audio": _shape("id"),
        "channel": _shape("name mode"),
        "clipboard": _shape("copypaste"),
        "filetransfer": _shape("enable"),
        "mouse": _shape("mode"),
        "streaming": _shape("mode"),
        **dict.fromkeys(("image", "jpeg", "zlib", "playback"), _COMPRESSION),
    },
)
_VIDEO = _shape(
    "",
    {
        **_COMMON,
        "driver": _shape(f"name=qemu vgaconf {_VIRTIO}"),
        "model": _shape(
            "type ram vgamem vram vram64 heads primary",
            {"acceleration": _shape("accel2d accel3d=no"), "resolution": _shape("x y")},
        ),
    },
)
_BANKS = dict.fromkeys(("sha1", "sha256", "sha384", "sha512"), _PLAIN)
_CONTROLLER = _shape(
    "type=fdc|sata|ccid|scsi|usb|ide|isa|pci|virtio-serial index model ports vectors",
    {
        **_COMMON,
        "driver": _shape(f"queues cmd_per_lun max_sectors ioeventfd iothread {_VIRTIO}"),
        "master": _shape("startport"),
        "model": _shape("name"),
        "pcihole64": _shape("unit"),
        "target": _shape("chassisNr chassis port busNr index hotplug", {"node": _PLAIN}),
    },
)

DEVICES: Mapping[str, Shape] = {
    "disk": _DISK,
    "interface": _INTERFACE,
    "controller": _CONTROLLER,
    "serial": _character(f"type={_LOCAL}", _SERIAL_PORT),
    "parallel": _character(f"type={_LOCAL}", "port"),
    "console": _character(f"type={_LOCAL}", _SERIAL_PORT),
    "channel": _character(f"type={_LOCAL}|unix", "type=virtio name state"),
    "redirdev": _character("type=spicevmc bus=usb", ""),
    "smartcard": _character("type=spicevmc mode=passthrough", ""),
    "graphics": _GRAPHICS,
    "video": _VIDEO,
    "input": _shape("type=tablet|mouse|keyboard bus model", _COMMON),
    "sound": _shape("model multichannel", {**_COMMON, "codec": _shape("type"), "audio": _shape("id")}),
    "audio": _shape("id type=none|spice timerPeriod", {"input": _AUDIO, "output": _AUDIO}),
    "hub": _shape("type=usb", _COMMON),
    "watchdog": _shape("model action=reset|shutdown|poweroff|pause|none|inject-nmi", _COMMON),
    "memballoon": _shape("model autodeflate freePageReporting", {**_COMMON, "stats": _shape("period")}),
    "rng": _shape(
        "model",
        {
            **_COMMON,
            "backend": _shape("model=random|builtin", texts="/dev/urandom /dev/random /dev/hwrng"),
            "rate": _shape("bytes period"),
        },
    ),
    "tpm": _shape(
        "model",
        {
            **_COMMON,
            "backend": _shape("type=emulator version persistent_state", {"active_pcr_banks": _shape("", _BANKS)}),
        },
    ),
    "panic": _shape("model", _COMMON),
    "iommu": _shape(
        "model=intel|virtio", {**_COMMON, "driver": _shape("intremap caching_mode eim iotlb aw_bits")}
    ),
    "emulator": _PLAIN,  # the one that is there: another path is refused by `limits`
}
"""Children of `<devices>`."""

# No <loader> and no <nvram>: those that libvirt chose are known, and others would be files of the host.
_OS = _shape(
    "firmware",
    {
        "type": _shape("arch machine"),
        "firmware": _shape("", {"feature": _shape("enabled name")}),
        "boot": _shape("dev"),
        "bootmenu": _shape("enable timeout"),
        "bios": _shape("useserial rebootTimeout"),
        "smbios": _shape("mode"),
        **dict.fromkeys(("kernel", "initrd", "cmdline"), _PLAIN),
    },
)
OTHERS: Mapping[str, Shape] = {
    **dict.fromkeys(("name", "uuid", "genid", "title", "description", "iothreads"), _PLAIN),
    **dict.fromkeys(
        ("metadata", "cpu", "features", "clock", "pm", "vcpus", "iothreadids", "defaultiothread"), _ANY
    ),
    **dict.fromkeys(("on_poweroff", "on_reboot", "on_crash"), _ON_EVENT),
    "memory": _shape("unit dumpCore"),
    "currentMemory": _shape("unit"),
    "maxMemory": _shape("unit slots"),
    "vcpu": _shape("placement=static current"),
    "os": _OS,
    "sysinfo": Shape({"type": frozenset({"smbios"})}, open=True),
}
"""Children of `<domain>` but its devices."""


def known_parts(root: etree._Element) -> Known:
    """All that a definition has, each part with its place."""
    return frozenset(_identity(element) for element in root.iter(etree.Element))


def is_known(element: etree._Element, known: Known) -> bool:
    """Whether a part is as it was, where it was."""
    return _identity(element) in known


def foreign_part(element: etree._Element, shapes: Mapping[str, Shape], known: Known) -> str | None:
    """What in an element is neither known nor harmless, in words; None if all of it is one of them.

    What an administrator put in may stay: a part that is as it was is not looked at.
    """
    if is_known(element, known):
        return None
    shape = shapes.get(str(element.tag))
    if shape is None:
        return _words(element)
    if foreign := _foreign_attribute(element, shape):
        return f"{_words(element)} with {foreign}"
    text = (element.text or "").strip()
    if shape.texts and text and text not in shape.texts:
        return f"{_words(element)} with {text[:200]!r}"
    if shape.open:
        return None
    found = (foreign_part(child, shape.children, known) for child in element.iterchildren(etree.Element))
    return next(filter(None, found), None)


def _foreign_attribute(element: etree._Element, shape: Shape) -> str | None:
    for key, text in element.items():
        name, value = str(key), str(text)
        values = shape.attributes.get(name)
        if (values is None and not (shape.open and not shape.attributes)) or (values and value not in values):
            return f"{name}={value[:200]!r}"
    return None


def place_of(element: etree._Element) -> str:
    """Where an element stands below its root, such as `devices/disk/source`."""
    words = [str(element.tag), *(str(parent.tag) for parent in element.iterancestors())]
    return "/".join(reversed(words[:-1]))


def _identity(element: etree._Element) -> tuple[str, bytes]:
    # Exclusive: a name space that the root declares and this part does not use makes no difference.
    return place_of(element), etree.tostring(element, method="c14n", exclusive=True)


def _words(element: etree._Element) -> str:
    """An element and where it stands, for people."""
    names = [f"<{etree.QName(element).localname}>"]
    names += [f"<{etree.QName(one).localname}>" for one in element.iterancestors()][:-1]
    return " in ".join(name for name in names if name != "<devices>")
