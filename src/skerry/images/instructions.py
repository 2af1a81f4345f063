"""The recipe's words as instructions for the root, carried out after the packages and before the scripts.

They are one shell script, the same for both families where it can be: what the root has decides (a program, a
folder), not its name. What the root lacks for a word ends it with a sentence that names the package.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from skerry.images.firewall_rules import firewalld_words, nftables_rules, unknown_services
from skerry.images.network_files import manager_files, networkd_files
from skerry.images.words.meaning import Group, Keyboard, Meaning, User

_HEAD = """\
set -e
have() { command -v "$1" >/dev/null 2>&1; }
fail() { echo "$1" >&2; exit 1; }
put() { mkdir -p "${1%/*}"; printf %s "$2" > "$1"; }
"""
_quote = shlex.quote


def settings_script(meaning: Meaning) -> bytes:
    """The words of the recipe as a shell script that runs in the root before its own scripts."""
    parts = (_locale, _keyboard, _clock, _name, _people, _keys, _network, _firewall, _protection, _units)
    lines = [line for part in parts for line in part(meaning)]
    return (_HEAD + "\n".join(lines) + "\n").encode(errors="surrogateescape")


def _put(path: str, text: str) -> str:
    return f"put {path} {_quote(text)}"


def _locale(meaning: Meaning) -> Iterator[str]:
    yield _put("/etc/locale.conf", f"LANG={meaning.locale}\n")
    if meaning.family == "deb":
        yield "mkdir -p /etc/default && ln -sf ../locale.conf /etc/default/locale"
    wanted = [each for each in dict.fromkeys((meaning.locale, *meaning.more_locales)) if not _is_c(each)]
    if not wanted:
        return
    yield "if have locale-gen; then"
    for each in wanted:
        charset = each.partition("@")[0].partition(".")[2]
        yield f"  printf '%s\\n' {_quote(f'{each} {charset}')} >> /etc/locale.gen"
    yield "  locale-gen"
    yield "fi"
    for each in wanted:
        package = "locales" if meaning.family == "deb" else f"glibc-langpack-{each.split('_')[0]}"
        said = _quote(f"there is no locale {each}; is {package} in %packages?")
        yield f'case " $(echo $(locale -a)) " in *" {_known_name(each)} "*) ;; *) fail {said};; esac'


def _is_c(locale: str) -> bool:
    return locale in {"C", "POSIX", "C.UTF-8"}


def _known_name(locale: str) -> str:
    """As `locale -a` has it: `de_DE.utf8`."""
    base, _, modifier = locale.partition("@")
    language, _, charset = base.partition(".")
    return f"{language}.{re.sub('[^a-z0-9]', '', charset.lower())}" + (f"@{modifier}" if modifier else "")


def _keyboard(meaning: Meaning) -> Iterator[str]:
    keyboard = meaning.keyboard
    if keyboard is None:
        return
    layouts, variants = _layouts(keyboard)
    options = ",".join(keyboard.options)
    xkb = [f"XKBLAYOUT={layouts}", f"XKBVARIANT={variants}", f"XKBOPTIONS={options}"]
    lines = [f"KEYMAP={keyboard.keymap}", *(line for line in xkb if not line.endswith("="))]
    yield _put("/etc/vconsole.conf", "\n".join(lines) + "\n")
    if meaning.family == "deb":
        quoted = [f'{name}="{value}"' for name, _, value in (line.partition("=") for line in xkb)]
        yield _put("/etc/default/keyboard", "\n".join(['XKBMODEL="pc105"', *quoted]) + "\n")
    said = [("XkbLayout", layouts), ("XkbVariant", variants), ("XkbOptions", options)]
    chosen = "".join(f'    Option "{name}" "{value}"\n' for name, value in said if value)
    section = f'Section "InputClass"\n    Identifier "keyboard"\n    MatchIsKeyboard "on"\n{chosen}EndSection\n'
    yield f"[ ! -d /etc/X11 ] || {_put('/etc/X11/xorg.conf.d/00-keyboard.conf', section)}"


def _layouts(keyboard: Keyboard) -> tuple[str, str]:
    parts = [each.rstrip(")").partition(" (") for each in keyboard.layouts]
    variants = [variant for _, _, variant in parts]
    return ",".join(layout for layout, _, _ in parts), ",".join(variants) if any(variants) else ""


def _clock(meaning: Meaning) -> Iterator[str]:
    zone = f"/usr/share/zoneinfo/{meaning.timezone}"
    if meaning.timezone != "Etc/UTC":
        said = _quote(f"there is no time zone {meaning.timezone}; is tzdata in %packages?")
        yield f"[ -f {_quote(zone)} ] || fail {said}"
    yield f"ln -sf {_quote(zone)} /etc/localtime"
    yield f"[ ! -e /etc/timezone ] || echo {_quote(meaning.timezone)} > /etc/timezone"
    if not meaning.clock_is_utc:
        yield _put("/etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n")
    if not meaning.set_time:
        yield "for unit in systemd-timesyncd chrony chronyd ntpsec ntpd; do"
        yield '  if systemctl cat "$unit.service" >/dev/null 2>&1; then systemctl disable "$unit.service"; fi'
        yield "done"
    elif meaning.time_servers:
        yield from _time_servers(meaning)


def _time_servers(meaning: Meaning) -> Iterator[str]:
    chrony = "".join(
        f"{'pool' if each.pool else 'server'} {each.host} iburst{' nts' if each.nts else ''}\n"
        for each in meaning.time_servers
    )
    plain = "[Time]\nNTP=" + " ".join(each.host for each in meaning.time_servers) + "\n"
    yield "file=; for each in /etc/chrony/chrony.conf /etc/chrony.conf; do [ ! -e $each ] || file=$each; done"
    yield 'if [ -n "$file" ]; then'
    yield "  sed -i -E '/^(pool|server|sourcedir|peer) /d' \"$file\""
    yield f'  printf %s {_quote(chrony)} >> "$file"'
    yield "elif [ -e /usr/lib/systemd/systemd-timesyncd ]; then"
    if any(each.nts for each in meaning.time_servers):
        yield "  fail 'timesource --nts needs chrony in %packages'"
    yield f"  {_put('/etc/systemd/timesyncd.conf.d/50-recipe.conf', plain)}"
    yield "else fail 'nothing sets the clock: is systemd-timesyncd or chrony in %packages?'; fi"


def _name(meaning: Meaning) -> Iterator[str]:
    yield f"echo {_quote(meaning.hostname)} > /etc/hostname"
    yield _put("/etc/hosts", f"127.0.0.1\tlocalhost\n127.0.1.1\t{meaning.hostname}\n::1\tlocalhost\n")


def _people(meaning: Meaning) -> Iterator[str]:
    if meaning.groups or meaning.users:
        package = "passwd" if meaning.family == "deb" else "shadow-utils"
        yield f"have useradd || fail 'users and groups need {package} in %packages'"
    for group in meaning.groups:
        yield _group(group)
    for user in meaning.users:
        yield from _user(user)
    if meaning.root_password:
        yield _password("root", meaning.root_password.value)
    else:
        # Without the package passwd, root is as base-passwd makes it: with no password that fits.
        yield "if have passwd; then passwd --lock root; fi"
    if meaning.root_ssh:
        yield _put("/etc/ssh/sshd_config.d/40-root.conf", "PermitRootLogin yes\n")


def _group(group: Group) -> str:
    number = "" if group.gid is None else f"--gid {group.gid} "
    return f"getent group {group.name} >/dev/null || groupadd {number}{group.name}"


def _user(user: User) -> Iterator[str]:
    words = []
    if user.uid is not None:
        words += ["--uid", str(user.uid)]
    if user.gid is not None:
        yield f"getent group {user.gid} >/dev/null || groupadd --gid {user.gid} {user.name}"
        words += ["--gid", str(user.gid)]
    if user.groups:
        yield from (_group(each) for each in user.groups)
        words += ["--groups", ",".join(each.name for each in user.groups)]
    if user.gecos:
        words += ["--comment", _quote(user.gecos)]
    shell = user.shell or '"$([ -x /bin/bash ] && echo /bin/bash || echo /bin/sh)"'
    home = ["--home", user.home] if user.home else []
    new = " ".join(["useradd", "--create-home", "--shell", shell, *home, *words, user.name])
    append = ["--append"] if user.groups else []
    given = ["--shell", user.shell] if user.shell else []
    change = " ".join(["usermod", *given, *home, *append, *words, user.name])
    changed = change if len(change.split()) > 2 else ":"
    yield f"if getent passwd {user.name} >/dev/null; then {changed}; else {new}; fi"
    if user.password:
        yield _password(user.name, user.password.value)
    if user.locked:
        yield f"usermod --lock {user.name}"


def _password(name: str, crypted: str) -> str:
    return f"printf '%s:%s\\n' {name} {_quote(crypted)} | chpasswd --encrypted"


def _keys(meaning: Meaning) -> Iterator[str]:
    for each in meaning.ssh_keys:
        said = _quote(f"sshkey: there is no user {each.user}")
        yield f'home=$(getent passwd {each.user} | cut -d: -f6); [ -n "$home" ] || fail {said}'
        yield f'install -d -m 700 -o {each.user} -g "$(id -g {each.user})" "$home/.ssh"'
        yield f"printf '%s\\n' {_quote(each.key)} >> \"$home/.ssh/authorized_keys\""
        yield f'chown {each.user}: "$home/.ssh/authorized_keys"; chmod 600 "$home/.ssh/authorized_keys"'


def _network(meaning: Meaning) -> Iterator[str]:
    if not meaning.networks:
        return
    chosen = "systemd-networkd" in {unit.removesuffix(".service") for unit in meaning.enabled}
    if not chosen:
        yield "if have NetworkManager; then"
        for path, text in manager_files(meaning.networks).items():
            yield f"  {_put(path, text)}; chmod 600 {path}"
        yield "else"
    for path, text in networkd_files(meaning.networks).items():
        yield f"  {_put(path, text)}"
    yield "  if [ -x /usr/lib/systemd/systemd-networkd ]; then systemctl enable systemd-networkd"
    yield "  else echo 'note: nothing in %packages sets up the network'; fi"
    if not chosen:
        yield "fi"


def _firewall(meaning: Meaning) -> Iterator[str]:
    wall = meaning.firewall
    if wall is None:
        return
    yield "if have firewall-offline-cmd; then"
    yield f"  firewall-offline-cmd {' '.join(map(_quote, firewalld_words(wall)))}"
    yield f"  systemctl {'enable' if wall.enabled else 'disable'} firewalld"
    if wall.enabled:
        file = "/etc/nftables.conf" if meaning.family == "deb" else "/etc/sysconfig/nftables.conf"
        yield "elif have nft; then"
        if unknown := unknown_services(wall):
            yield f"  fail {_quote(f'firewall: only firewalld knows {unknown[0]}: is firewalld in %packages?')}"
        yield f"  {_put(file, nftables_rules(wall))}"
        yield "  systemctl enable nftables"
        yield "else fail 'there is no firewall: is nftables or firewalld in %packages?'; fi"
    else:
        yield "elif have nft; then systemctl disable nftables; fi"


def _protection(meaning: Meaning) -> Iterator[str]:
    if meaning.selinux:
        yield "if [ -e /etc/selinux/config ]; then"
        yield f"  sed -i 's/^SELINUX=.*/SELINUX={meaning.selinux}/' /etc/selinux/config"
        if meaning.selinux != "disabled":
            # Labels are the kernel's to write, and a build has no right to.
            yield "  : > /.autorelabel"
            yield "else fail 'selinux: is a policy such as selinux-policy-targeted in %packages?'"
        yield "fi"
    if meaning.authselect:
        yield "have authselect || fail 'authselect is not in %packages'"
        yield f"authselect {' '.join(map(_quote, meaning.authselect))} --force"
    yield from _certificates(meaning)


def _certificates(meaning: Meaning) -> Iterator[str]:
    anchors = [each for each in meaning.certificates if each.anchor]
    folder, update = {
        "deb": ("/usr/local/share/ca-certificates", "update-ca-certificates"),
        "rpm": ("/etc/pki/ca-trust/source/anchors", "update-ca-trust"),
    }[meaning.family]
    for each in meaning.certificates:
        body = each.body.decode(errors="surrogateescape")
        if each.folder:
            yield _put(f"{each.folder.rstrip('/')}/{each.name}", body)
        if each.anchor:
            # Debian's program takes no other ending.
            name = each.name if meaning.family == "rpm" or each.name.endswith(".crt") else f"{each.name}.crt"
            yield _put(f"{folder}/{name}", body)
    if anchors:
        yield f"have {update} || fail 'anchors of trust need ca-certificates in %packages'"
        yield update


def _units(meaning: Meaning) -> Iterator[str]:
    if meaning.graphical:
        yield "systemctl set-default graphical.target"
    yield from _each("disable", meaning.disabled)
    yield from _each("enable", meaning.enabled)


def _each(verb: str, units: Sequence[str]) -> Iterable[str]:
    return (f"systemctl {verb} {_quote(unit)}" for unit in units)
