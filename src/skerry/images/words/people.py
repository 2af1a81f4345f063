"""Root, users, groups and keys."""

from __future__ import annotations

import re
from dataclasses import replace

from skerry.commands import Secret
from skerry.errors import BadInput
from skerry.images.crypted import salt_for, sha512_crypt
from skerry.images.words.line import Line, matching, no_climbing
from skerry.images.words.meaning import Group, Meaning, SshKey, User

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")  # as useradd of both families takes it
_IN_GROUP = re.compile(r"([a-z_][a-z0-9_-]{0,31})(?:\(([0-9]{1,10})\))?")
_PATH = re.compile(r"/[A-Za-z0-9_./@+-]{0,250}")
_GECOS = re.compile(r"[^:\x00-\x1f\x7f]{0,200}")
_CRYPTED = re.compile(r"[!-9;-~]{1,500}")  # neither blank nor colon
_KEY = re.compile(
    r"([!-~][ -~]* )?"  # options
    r"((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]{1,60}) ([A-Za-z0-9+/]{4,16000}={0,3})( [^\x00-\x1f\x7f]{0,200})?"
)
_MAX_ID = 2**32 - 2


def rootpw(meaning: Meaning, line: Line) -> Meaning:
    """Set root's password, or lock root."""
    if line.value("allow_ssh", default=False):
        meaning = replace(meaning, root_ssh=True)
    if line.value("lock", default=False):
        return replace(meaning, root_password=None)
    password = _password(line, "root")
    if password is None:
        raise BadInput("it needs a password, or --lock")
    return replace(meaning, root_password=password)


def user(meaning: Meaning, line: Line) -> Meaning:
    """Make a user; root is there already, and its password is that of `rootpw`, of which the last one holds."""
    name = matching(_NAME, line.text("name"), "name of a user")
    if any(each.name == name for each in meaning.users):
        raise BadInput(f"there is a user {name} already")
    groups = tuple(_membership(each) for each in line.words("groups"))
    if meaning.family == "deb" and any(group.name == "wheel" for group in groups):
        line.remark("the group that may use sudo is `sudo` in Debian and Ubuntu, not `wheel`")
    made = User(
        name,
        uid=_number(line, "uid"),
        gid=_number(line, "gid"),
        home=_path(line.text("homedir"), "home folder"),
        shell=_path(line.text("shell"), "shell"),
        gecos=matching(_GECOS, line.text("gecos"), "name of a person"),
        groups=groups,
        password=_password(line, name),
        locked=bool(line.value("lock", default=False)),
    )
    if name == "root" and (made.password or made.locked):
        meaning = replace(meaning, root_password=None if made.locked else made.password)
        made = replace(made, password=None, locked=False)
    return replace(meaning, users=(*meaning.users, made))


def group(meaning: Meaning, line: Line) -> Meaning:
    """Make a group."""
    made = Group(matching(_NAME, line.text("name"), "name of a group"), _number(line, "gid"))
    if any(each.name == made.name for each in meaning.groups):
        raise BadInput(f"there is a group {made.name} already")
    return replace(meaning, groups=(*meaning.groups, made))


def sshkey(meaning: Meaning, line: Line) -> Meaning:
    """Let a key in."""
    name = matching(_NAME, line.text("username"), "name of a user")
    key = line.text("key").strip()
    if not _KEY.fullmatch(key):
        raise BadInput("this is not a public key of SSH, such as `ssh-ed25519 AAAA… name`")
    return replace(meaning, ssh_keys=(*meaning.ssh_keys, SshKey(name, key)))


def _password(line: Line, name: str) -> Secret | None:
    text = line.text("password")
    if not text:
        return None
    if line.value("isCrypted", default=False):
        return Secret(matching(_CRYPTED, text, "crypted password"))
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise BadInput("the password has characters that cannot be typed")
    line.remark(
        "the plain password is hashed, and stays in the recipe: use --iscrypted (`openssl passwd -6` makes one)"
    )
    return Secret(sha512_crypt(text, salt_for("skerry", name)))


def _membership(text: str) -> Group:
    match = _IN_GROUP.fullmatch(text)
    if not match:
        raise BadInput(f"{text[:80]!r} is not a group, such as `adm` or `web(1005)`")
    name, number = match.groups()
    return Group(name, int(number) if number else None)


def _number(line: Line, name: str) -> int | None:
    found = line.value(name)
    if found in {None, ""}:
        return None
    number = int(found)
    if not 0 <= number <= _MAX_ID:
        raise BadInput(f"--{name} must be between 0 and {_MAX_ID}, not {number}")
    return number


def _path(text: str, what: str) -> str:
    return no_climbing(matching(_PATH, text, what), what) if text else ""
