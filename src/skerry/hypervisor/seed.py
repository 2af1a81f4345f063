"""What a guest is told at its first boot: a CD that cloud-init reads (its NoCloud source).

The CD is labelled `cidata` and holds meta-data (identity, name, keys of people) and user-data, byte for byte as it
was given. Names and keys travel in meta-data, so that nobody's YAML is rewritten.
"""

from __future__ import annotations

import asyncio
import errno
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from skerry.commands import Arg, Commands
from skerry.errors import BadInput, CommandFailed, HostError, NoSpace, TooLarge

DEFAULT_USER = "skerry"
MAX_USER_DATA = 256 * 1024  # bytes
MAX_NETWORK_CONFIG = 64 * 1024  # bytes
_MAX_DEPTH = 64  # of YAML; nobody's settings are nested deeper

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", re.ASCII)
_INSTANCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_KEY_TYPE = re.compile(
    r"(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp\d+|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
)
_KEY_DATA = re.compile(r"[A-Za-z0-9+/]{20,}={0,3}")
# What cloud-init tells formats apart by, beside cloud-config.
_OTHER_FORMATS = (
    "#!",
    "#include",
    "#cloud-boothook",
    "#cloud-config-archive",
    "#cloud-config-jsonp",
    "#part-handler",
    "## template: jinja",
    "Content-Type: multipart/",
    "MIME-Version:",
)


async def write_seed(
    path: Path,
    *,
    instance_id: str,
    hostname: str,
    user_data: str | None,
    ssh_keys: Sequence[str],
    commands: Commands,
    network_config: str | None = None,
) -> None:
    """Write the CD to `path`, replacing what is there.

    Without `user_data`, the guest gets a user `skerry` who may use sudo, and signs in with `ssh_keys`. With it,
    the keys belong to whatever user the image or the user-data makes first.

    Raises:
        BadInput, TooLarge: something cannot be meant for cloud-init; the message says what.
        NoSpace, HostError: the disk is full, or cannot be written.
    """
    files = await asyncio.to_thread(
        seed_files,
        instance_id=instance_id,
        hostname=hostname,
        user_data=user_data,
        ssh_keys=ssh_keys,
        network_config=network_config,
    )
    with tempfile.TemporaryDirectory(prefix="skerry-seed-") as name:  # 0700: user-data may hold secrets
        folder = Path(name)
        try:
            for file, text in files.items():
                (folder / file).write_bytes(text)
            path.unlink(missing_ok=True)
            await commands.run(iso_argv(path, folder), timeout=60)
        except OSError as exc:
            if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise NoSpace(f"there is no room for the seed of {hostname}", hint="free some space") from exc
            raise HostError(f"the seed of {hostname} cannot be written: {exc.strerror}") from exc
        except CommandFailed as exc:
            if "No space left" in exc.message:
                raise NoSpace(f"there is no room for the seed of {hostname}", hint="free some space") from exc
            raise


def iso_argv(path: Path, folder: Path) -> list[Arg]:
    """The command that makes the CD; Rock Ridge and Joliet keep its file names as they are."""
    return ["xorriso", "-as", "mkisofs", "-quiet", "-volid", "cidata", "-joliet", "-rock", "-o", path, folder]


def seed_files(
    *,
    instance_id: str,
    hostname: str,
    user_data: str | None,
    ssh_keys: Sequence[str],
    network_config: str | None = None,
) -> dict[str, bytes]:
    """The files of the CD, everything checked.

    Raises:
        BadInput, TooLarge: as `write_seed`.
    """
    if not _INSTANCE_ID.fullmatch(instance_id):
        raise BadInput(f"{_short(instance_id)} is not an instance id")
    if not _HOST_NAME.fullmatch(hostname):
        raise BadInput(
            f"{_short(hostname)} is not a host name",
            hint="letters, digits and hyphens, at most 63 between two dots",
        )
    keys = [checked_key(key) for key in ssh_keys if key.strip()]
    meta: dict[str, object] = {"instance-id": instance_id, "local-hostname": hostname}
    if keys:
        meta["public-keys"] = keys
    files = {"meta-data": json.dumps(meta, indent=1).encode() + b"\n"}  # JSON is YAML
    files["user-data"] = (check_user_data(user_data) if user_data else default_user_data(keys)).encode()
    if network_config:
        files["network-config"] = check_network_config(network_config).encode()
    return files


def default_user_data(ssh_keys: Sequence[str]) -> str:
    """What a guest does when nobody says: make one user, who may use sudo."""
    user = {
        "name": DEFAULT_USER,
        "gecos": "Skerry",
        "groups": ["adm", "sudo"],
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "lock_passwd": True,
        "ssh_authorized_keys": list(ssh_keys),
    }
    return "#cloud-config\n" + json.dumps({"users": [user]}, indent=1) + "\n"


def check_user_data(text: str) -> str:
    """Return user-data that cloud-init will take.

    Raises:
        TooLarge: it is larger than cloud-init's media are meant for.
        BadInput: it is of no kind that cloud-init knows, or not valid YAML; the message has the line.
    """
    _check_size("user-data", text, MAX_USER_DATA)
    first = text.lstrip("\ufeff").partition("\n")[0].rstrip()  # not repeated below: it may hold a password
    if first.startswith(_OTHER_FORMATS):
        return text
    if first.startswith("#cloud-config"):
        _check_mapping("user-data", text)
    else:
        raise BadInput(
            "cloud-init does not know what user-data is by its first line",
            hint="begin with the line #cloud-config for YAML, or with #! for a script",
        )
    return text


def check_network_config(text: str) -> str:
    """Return a network configuration that cloud-init will take (its version 1 or 2).

    Raises:
        BadInput, TooLarge: as `check_user_data`.
    """
    _check_size("network-config", text, MAX_NETWORK_CONFIG)
    _check_mapping("network-config", text)
    return text


def checked_key(key: str) -> str:
    """A line of authorized_keys, without blanks around it.

    Raises:
        BadInput: it is not a public key of OpenSSH.
    """
    line = key.strip()
    if "PRIVATE KEY" in line:
        raise BadInput("that is a private key", hint="give the public one, from a file that ends in .pub")
    if "\n" in line or "\r" in line or not line.isprintable():
        raise BadInput("an SSH key is one line", hint="give each key on its own")
    words = line.split()
    types = [number for number, word in enumerate(words) if _KEY_TYPE.fullmatch(word)]
    if not types or len(words) <= types[0] + 1 or not _KEY_DATA.fullmatch(words[types[0] + 1]):
        raise BadInput(
            f"{_short(line)} is not a public SSH key", hint="it looks like: ssh-ed25519 AAAAC3Nza… name@machine"
        )
    return line


def _check_size(what: str, text: str, limit: int) -> None:
    if len(text.encode(errors="surrogateescape")) > limit:
        raise TooLarge(
            f"{what} is larger than {limit // 1024} KiB", hint="let it fetch the rest from a web server"
        )
    if "\0" in text:
        raise BadInput(f"{what} holds a zero byte: it is not text")


def _check_mapping(what: str, text: str) -> None:
    """One YAML document that is a mapping. It is only taken apart, so aliases cannot grow."""
    depth, top = 0, None
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.NodeEvent) and depth == 0:
                if top is not None:
                    raise BadInput(f"{what} has more than one YAML document")
                top = event
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                raise BadInput(f"{what} is nested more than {_MAX_DEPTH} deep")
    except yaml.MarkedYAMLError as exc:
        where = f" in line {exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise BadInput(f"{what} is not valid YAML{where}: {exc.problem}") from exc
    except yaml.YAMLError as exc:
        raise BadInput(f"{what} is not valid YAML: it has a character that YAML does not allow") from exc
    if top is not None and not isinstance(top, yaml.MappingStartEvent):
        raise BadInput(f"{what} is not a YAML mapping", hint="it is made of lines such as `hostname: web1`")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
