"""Language, keyboard, clock, services and protection: words about the running system."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from skerry.errors import BadInput
from skerry.images.recipe import Mistake, Recipe
from skerry.images.words.line import HOST_NAME, PLAIN, UNIT, Line, matching, no_climbing
from skerry.images.words.meaning import Firewall, Keyboard, Meaning, TimeServer

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?(\.[A-Za-z0-9-]{1,20})?(@[a-z]{1,20})?|C(\.UTF-8|\.utf8)?|POSIX")
_KEYMAP = re.compile(r"[A-Za-z0-9_.@+-]{1,60}")
_LAYOUT = re.compile(r"([a-z]{2,20})(?: ?\(([A-Za-z0-9_-]{1,40})\))?")
_XKB_OPTION = re.compile(r"[a-z0-9_]{1,30}:[A-Za-z0-9_+-]{1,40}")
_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?:(tcp|udp|sctp|dccp)")
_NAMED_PORT = re.compile(r"([a-z][a-z0-9+-]{0,30}):(tcp|udp)")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,60}")
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_AUTHSELECT = re.compile(r"[A-Za-z0-9_./=-]{1,60}")

# Keymaps of the console and layouts of XKB that do not have the same name.
_KEYMAP_OF = {
    "gb": "uk",
    "se": "sv-latin1",
    "dk": "dk-latin1",
    "br": "br-abnt2",
    "ch": "sg-latin1",
    "jp": "jp106",
    "be": "be-latin1",
    "latam": "la-latin1",
    "pt": "pt-latin1",
    "no": "no-latin1",
    "cz": "cz-lat2",
    "si": "slovene",
    "sk": "sk-qwerty",
    "hr": "croat",
    "ca": "cf",
    "tr": "trq",
    "fi": "fi",
    "il": "il-heb",
    "pl": "pl2",
    "ua": "ua-utf",
    "rs": "sr-cy",
    "ee": "et",
    "is": "is-latin1",
    "ir": "us",
    "kr": "us",
}
_LAYOUT_OF = {
    **{keymap: layout for layout, keymap in _KEYMAP_OF.items() if keymap != "us"},
    "uk": "gb",
    "sg": "ch",
    "fr_CH": "ch",
    "cf": "ca",
    "la": "latam",
    "sv": "se",
    "trq": "tr",
    "et": "ee",
    "croat": "hr",
    "slovene": "si",
    "br": "br",
    "jp106": "jp",
    "dvorak": "us (dvorak)",
    "pl2": "pl",
}
# What firewalld and /etc/services call ports, for nftables.
SERVICE_PORTS = {
    "ssh": ("22:tcp",),
    "http": ("80:tcp",),
    "https": ("443:tcp",),
    "http3": ("443:udp",),
    "smtp": ("25:tcp",),
    "smtps": ("465:tcp",),
    "smtp-submission": ("587:tcp",),
    "imap": ("143:tcp",),
    "imaps": ("993:tcp",),
    "pop3": ("110:tcp",),
    "pop3s": ("995:tcp",),
    "ftp": ("21:tcp",),
    "telnet": ("23:tcp",),
    "dns": ("53:tcp", "53:udp"),
    "domain": ("53:tcp", "53:udp"),
    "dhcp": ("67:udp",),
    "dhcpv6": ("547:udp",),
    "dhcpv6-client": ("546:udp",),
    "tftp": ("69:udp",),
    "ntp": ("123:udp",),
    "snmp": ("161:udp",),
    "syslog": ("514:udp",),
    "nfs": ("2049:tcp",),
    "mountd": ("20048:tcp", "20048:udp"),
    "rpc-bind": ("111:tcp", "111:udp"),
    "samba": ("139:tcp", "445:tcp"),
    "mdns": ("5353:udp",),
    "ldap": ("389:tcp",),
    "ldaps": ("636:tcp",),
    "kerberos": ("88:tcp", "88:udp"),
    "mysql": ("3306:tcp",),
    "postgresql": ("5432:tcp",),
    "redis": ("6379:tcp",),
    "cockpit": ("9090:tcp",),
    "libvirt": ("16509:tcp",),
    "libvirt-tls": ("16514:tcp",),
    "vnc-server": ("5900-5903:tcp",),
    "iscsi-target": ("3260:tcp",),
    "xmpp-client": ("5222:tcp",),
    "xmpp-server": ("5269:tcp",),
    "wireguard": ("51820:udp",),
}


def lang(meaning: Meaning, line: Line) -> Meaning:
    """Set the language, and generate more."""
    locale = _locale(line.text("lang"), line)
    more = tuple(_locale(each, line) for each in line.words("addsupport"))
    return replace(meaning, locale=locale, more_locales=(*meaning.more_locales, *more))


def _locale(text: str, line: Line) -> str:
    matching(_LOCALE, text, "locale")
    if text in {"C", "POSIX"}:
        return text
    base, dot, rest = text.partition(".")
    charset, at, modifier = rest.partition("@")
    if not dot:
        base, at, modifier = text.partition("@")
        charset = "UTF-8"
        line.remark(f"{text} is taken as {base}.UTF-8{at}{modifier}")
    if charset.lower().replace("-", "") == "utf8":
        charset = "UTF-8"
    return f"{base}.{charset}{at}{modifier}"


def keyboard(meaning: Meaning, line: Line) -> Meaning:
    """Set layouts; what is not said of the console follows from XKB, and the other way round."""
    keymap = line.text("vc_keymap")
    layouts = line.words("x_layouts")
    if not keymap and not layouts:
        # The one word of old recipes is a keymap; only if there is none of the name is it a layout.
        old = line.words("kbd") or line.words("keyboard")
        if len(old) != 1:
            raise BadInput("it needs one layout, or --vckeymap, or --xlayouts")
        keymap = old[0]
    layouts = tuple(_layout(each) for each in layouts) or (_layout_of(matching(_KEYMAP, keymap, "keymap")),)
    keymap = keymap or _keymap_of(layouts[0])
    options = tuple(matching(_XKB_OPTION, each, "option of XKB") for each in line.words("switch_options"))
    return replace(meaning, keyboard=Keyboard(matching(_KEYMAP, keymap, "keymap"), layouts, options))


def _layout(text: str) -> str:
    match = _LAYOUT.fullmatch(text)
    if not match:
        raise BadInput(f"{text[:80]!r} is not a layout of XKB, such as `de` or `cz (qwerty)`")
    layout, variant = match.groups()
    return f"{layout} ({variant})" if variant else layout


def _layout_of(keymap: str) -> str:
    base = keymap.split("-", maxsplit=1)[0].split("_", maxsplit=1)[0]
    found = _LAYOUT_OF.get(keymap) or _LAYOUT_OF.get(base) or base
    return found if _LAYOUT.fullmatch(found) else "us"


def _keymap_of(layout: str) -> str:
    name, _, variant = layout.partition(" ")
    return "dvorak" if variant == "(dvorak)" else _KEYMAP_OF.get(name, name)


def timezone(meaning: Meaning, line: Line) -> Meaning:
    """Set the zone, what the hardware clock shows, and who tells the time."""
    zone = no_climbing(matching(PLAIN, line.text("timezone") or "Etc/UTC", "time zone"), "time zone")
    if zone.startswith("/") or zone.endswith("/"):
        raise BadInput(f"{zone!r} is not a time zone")
    utc = bool(line.value("isUtc", default=False)) or zone in {"UTC", "Etc/UTC", "Etc/UCT", "Universal", "Zulu"}
    servers = tuple(TimeServer(matching(HOST_NAME, each, "host name")) for each in line.words("ntpservers"))
    if line.value("nontp", default=False):
        meaning = replace(meaning, set_time=False)
    return replace(meaning, timezone=zone, clock_is_utc=utc, time_servers=(*meaning.time_servers, *servers))


def timesource(meaning: Meaning, line: Line) -> Meaning:
    """Add a server of time, or none at all."""
    if line.value("ntp_disable", default=False):
        return replace(meaning, set_time=False)
    host = line.text("ntp_server", "ntp_pool")
    server = TimeServer(
        matching(re.compile(rf"{HOST_NAME.pattern}|[0-9a-fA-F:.]{{2,45}}"), host, "host name"),
        pool=bool(line.text("ntp_pool")),
        nts=bool(line.value("nts", default=False)),
    )
    return replace(meaning, time_servers=(*meaning.time_servers, server))


def services(meaning: Meaning, line: Line) -> Meaning:
    """Switch units on and off."""
    enabled = tuple(matching(UNIT, unit, "service") for unit in line.words("enabled"))
    disabled = tuple(matching(UNIT, unit, "service") for unit in line.words("disabled"))
    return replace(meaning, enabled=(*meaning.enabled, *enabled), disabled=(*meaning.disabled, *disabled))


def selinux(meaning: Meaning, line: Line) -> Meaning:
    """Set the mode."""
    modes: tuple[Literal["disabled", "enforcing", "permissive"], ...] = ("disabled", "enforcing", "permissive")
    mode = modes[int(line.value("selinux", default=1))]
    if mode != "disabled":
        line.remark("the first boot labels all files and starts again")
    return replace(meaning, selinux=mode)


def firewall(meaning: Meaning, line: Line) -> Meaning:
    """Say what may come in."""
    if line.value("use_system_defaults", default=False):
        return replace(meaning, firewall=None)
    ports = list(line.words("ports"))
    names = [matching(_SERVICE, each, "service") for each in line.words("services")]
    if line.value("telnet", default=False):
        names.append("telnet")
    made = Firewall(
        enabled=bool(line.value("enabled", default=True)),
        ports=tuple(port for each in ports for port in _ports(each)),
        services=tuple(dict.fromkeys(names)),
        removed_services=tuple(matching(_SERVICE, each, "service") for each in line.words("remove_services")),
        trusted=tuple(matching(_INTERFACE, each, "interface") for each in line.words("trusts")),
    )
    return replace(meaning, firewall=made)


def _ports(text: str) -> tuple[str, ...]:
    if match := _NAMED_PORT.fullmatch(text):
        name, protocol = match.groups()
        found = tuple(port for port in SERVICE_PORTS.get(name, ()) if port.endswith(protocol))
        if not found:
            raise BadInput(f"the port of {name!r} is not known: give its number, such as 143:tcp")
        return found
    match = _PORT.fullmatch(text if ":" in text else f"{text}:tcp")
    if not match:
        raise BadInput(f"{text[:80]!r} is not a port, such as 80:tcp or 1234-1240:udp")
    first, last, protocol = match.groups()
    if not 1 <= int(first) <= int(last or first) <= 65535:
        raise BadInput(f"{text!r} is not a port: ports are from 1 to 65535")
    return (f"{int(first)}-{int(last)}:{protocol}" if last else f"{int(first)}:{protocol}",)


def with_known_services(meaning: Meaning, recipe: Recipe, mistakes: list[Mistake]) -> Meaning:
    """The meaning without services that nftables needs as ports, and that have none here, which are mistakes."""
    wall = meaning.firewall
    # Where firewalld is installed, the services are its matter; see `instructions`.
    if not wall or meaning.family == "rpm" or not wall.enabled or "firewalld" in recipe.packages.names:
        return meaning
    unknown = [each for each in wall.services if each not in SERVICE_PORTS]
    if not unknown:
        return meaning
    place = next(command.place for command in reversed(recipe.commands) if command.name == "firewall")
    reason = f"firewall: the ports of {', '.join(unknown)} are not known: give them with --port"
    mistakes.append(Mistake(place, reason))
    known = tuple(each for each in wall.services if each in SERVICE_PORTS)
    return replace(meaning, firewall=replace(wall, services=known))


def authselect(meaning: Meaning, line: Line) -> Meaning:
    """Choose how people are known to the system."""
    if meaning.family == "deb":
        raise BadInput("Debian and Ubuntu have no authselect; their packages set up PAM")
    words = line.text("authselect").split()
    return replace(meaning, authselect=tuple(matching(_AUTHSELECT, each, "word of authselect") for each in words))


def xconfig(meaning: Meaning, line: Line) -> Meaning:
    """Start a graphical session, or not."""
    return replace(meaning, graphical=bool(line.value("startX", default=False)))
