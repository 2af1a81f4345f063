"""`skerry service`: the systemd unit under which `skerry up` runs at every boot.

The unit is hardened as far as libvirt allows. Where Skerry starts libvirtd itself QEMU becomes its descendant, so
stopping the unit ends Skerry alone (KillMode=process) and devices stay reachable.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from skerry.cli import output
from skerry.cli.program import Noun, Run, typer
from skerry.commands import CommandRunner
from skerry.errors import BadInput, SkerryError, Unavailable

UNIT = "skerry.service"

_TEMPLATE = """\
[Unit]
Description=Skerry: virtual machines, web page and API
After=network-online.target libvirtd.service virtqemud.service
Wants=network-online.target

[Service]
Type=notify
ExecStart={command} up --data-dir {data_dir}
Restart=on-failure
RestartSec=2
# Virtual machines outlive the manager: only the manager itself is stopped.
KillMode=process
TimeoutStopSec=30
LimitNOFILE=65536
{hardening}
[Install]
WantedBy={target}
"""

# What is left out on purpose, because libvirtd and QEMU below need it: PrivateDevices, ProtectKernelModules,
# ProtectKernelTunables, RestrictNamespaces, CapabilityBoundingSet, SystemCallFilter.
_SYSTEM_HARDENING = """\
StateDirectory=skerry
StateDirectoryMode=0711
NoNewPrivileges=yes
ProtectHome=read-only
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ReadWritePaths={data_dir}
RestrictRealtime=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_VSOCK AF_PACKET
"""
_USER_HARDENING = """\
NoNewPrivileges=yes
LockPersonality=yes
"""


def unit_text(*, user: bool, command: Path, data_dir: Path) -> str:
    """The whole unit.

    Raises:
        BadInput: a path cannot be written into a unit.
    """
    for path in (command, data_dir):
        if any(character in str(path) for character in "\n\"'\\"):
            raise BadInput(f"{path} cannot be named in a systemd unit")
    hardening = _USER_HARDENING if user else _SYSTEM_HARDENING.format(data_dir=_quoted(data_dir))
    return _TEMPLATE.format(
        command=_quoted(command),
        data_dir=_quoted(data_dir),
        hardening=hardening,
        target="default.target" if user else "multi-user.target",
    )


def _quoted(path: Path) -> str:
    """As systemd reads it: % and $ stand for themselves, blanks do not split."""
    text = str(path).replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if " " in text else text


def unit_path(*, user: bool) -> Path:
    """Where systemd looks for it."""
    if not user:
        return Path("/etc/systemd/system") / UNIT
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "systemd" / "user" / UNIT


SERVICE = Noun("Run Skerry at every boot, as a systemd unit.")
app = SERVICE.app

_PLAIN_USER = os.geteuid() != 0
_User = Annotated[bool, typer.Option("--user", help="The unit of this person, not of the whole machine.")]
_DataDir = Annotated[Path | None, typer.Option(help="The data folder.")]


@SERVICE.command("print")
def print_unit(run: Run, *, user: _User = _PLAIN_USER, data_dir: _DataDir = None) -> None:
    """Print the systemd unit."""
    unit = _unit(user=user, data_dir=data_dir)
    if run.json:
        output.put_json({"unit": unit})
    else:
        output.put(unit)


@SERVICE.command("install")
def install(run: Run, *, user: _User = _PLAIN_USER, data_dir: _DataDir = None) -> None:
    """Write the systemd unit, and tell systemd where it runs."""
    import asyncio  # noqa: PLC0415 - only this command needs it

    path, data = unit_path(user=user), _data_dir(data_dir).absolute()
    try:
        # systemd starts no unit that may write where nothing is.
        data.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as exc:
        raise Unavailable(f"the data folder {data} cannot be made: {exc.strerror}") from exc
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_unit(user=user, data_dir=data_dir), encoding="utf-8")
    except OSError as exc:
        raise Unavailable(
            f"{path} cannot be written: {exc.strerror}", hint="run it as root, or with --user for yourself"
        ) from exc
    if run.json:
        output.put_json({"file": str(path)})
    else:
        output.put_line(path)
    scope = ["--user"] if user else []
    words = " ".join(["systemctl", *scope])
    if Path("/run/systemd/system").is_dir():
        asyncio.run(CommandRunner().run(["systemctl", *scope, "daemon-reload"]))
    output.say(f"start it now and at every boot: {words} enable --now skerry")


def _unit(*, user: bool, data_dir: Path | None) -> str:
    return unit_text(user=user, command=_program(), data_dir=_data_dir(data_dir).absolute())


def _program() -> Path:
    """The `skerry` of this installation."""
    program = Path(sys.argv[0]).absolute()
    if program.name != "skerry":
        program = Path(sys.executable).parent / "skerry"
    if not program.exists():
        raise SkerryError(f"the program {program} is missing", hint="install Skerry with its scripts")
    return program


def _data_dir(given: Path | None) -> Path:
    """As `skerry up` would find it: the option, the environment, the file of settings."""
    from skerry.cli.up_settings import load_settings  # noqa: PLC0415 - only this command needs it

    return load_settings({"data_dir": given}).data_dir
