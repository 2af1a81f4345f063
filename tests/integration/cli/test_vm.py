"""What `skerry vm` asks for, and what it shows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import Skerry
from tests.integration.cli.fake_server import (
    DONE,
    IMAGE,
    VM,
    Fake,
    Reply,
    example,
    fact,
    hello,
    page,
    problem,
)

from skerry.manager import types as t

STARTING = VM | {"addresses": []}


@pytest.fixture
def creating(fake: Fake) -> Fake:
    """Creating web1 succeeds at once."""
    fake.on("POST", "/vms", Reply(202, DONE))
    fake.on("GET", f"/vms/{VM['id']}", VM)
    return fake


def _asked(fake: Fake) -> dict[str, Any]:
    """The body of the request to create, which the API's own model takes."""
    [request] = fake.got("POST", "/vms")
    t.NewVm.model_validate_json(request.body)
    return request.json  # type: ignore[no-any-return]


def test_ls_shows_state_size_and_addresses(skerry: Skerry, fake: Fake) -> None:
    running = VM | {"started_at": (dt.datetime.now(dt.UTC) - dt.timedelta(hours=75, minutes=5)).isoformat()}
    stopped = VM | {"name": "database-2", "state": "stopped", "pending_state": "running", "addresses": []}
    fake.on("GET", "/vms", page([running, stopped | {"started_at": None}]))

    assert skerry("vm", "ls").out == (
        "NAME        STATE               VCPUS  MEMORY  CPU       UP  ADDRESSES       HOST\n"
        "web1        running                 2   1 GiB  7 %  3 d 3 h  192.168.122.17  rack1-a\n"
        "database-2  stopped -> running      2   1 GiB    -        -  -               rack1-a\n"
    )


def test_ls_leaves_out_addresses_that_nobody_else_can_reach(skerry: Skerry, fake: Fake) -> None:
    address = VM["addresses"][0]
    several = [address | {"address": word} for word in ("fe80::1", "2001:db8::7", "127.0.0.1", "192.168.122.17")]
    fake.on("GET", "/vms", page([VM | {"addresses": several}]))

    assert "192.168.122.17, 2001:db8::7 " in skerry("vm", "ls").out


def test_ls_filters_on_the_server(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", page([]))

    result = skerry("vm", "ls", "--state", "running", "-q", "web", "--sort", "memory", "--descending")

    query = {"state": "running", "q": "web", "sort": "memory", "descending": "true", "limit": "500"}
    assert fake.requests[0].query == query
    assert (result.out, result.err) == ("", "no such machines; skerry vm ls lists all\n")


def test_ls_tells_the_next_step_where_there_is_nothing(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", page([]))

    assert skerry("vm", "ls").err.startswith("no machines; make one:")


def test_a_guest_cannot_send_orders_to_the_terminal(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms/web1", VM | {"title": "red\x1b[31m\x07\u202e"})

    out = skerry("vm", "show", "web1").out

    assert "Title:      red�[31m��\n" in out


def test_show_tells_disks_cards_and_kernel(skerry: Skerry, fake: Fake) -> None:
    kernel = {"kernel": "/boot/vmlinuz", "initrd": None, "command_line": "quiet"}
    fake.on("GET", "/vms/web1", VM | {"direct_kernel": kernel, "needs_restart": True})

    out = skerry("vm", "show", "web1").out

    assert "vda  disk  virtio  skerry/web1-0.qcow2  qcow2  10 GiB\n" in out
    assert "52:54:00:1a:2b:3c  network  default  virtio\n" in out
    assert "/boot/vmlinuz quiet\n" in out
    assert "running; shut it down and start it to use all changes" in out


def test_create_from_a_template_says_the_name_to_the_guest(skerry: Skerry, creating: Fake) -> None:
    result = skerry("vm", "create", "web1", "--template", "aos", "--memory", "1G", "--disk", "10G", "--disk", "5")

    assert result.status == 0, result.err
    asked = _asked(creating)
    assert asked["memory"] == 1024**3
    assert asked["disks"] == [
        {"kind": "image", "image": "aos", "full_copy": False, "size": 10 * 1024**3},
        {"kind": "empty", "size": 5 * 1024**3},
    ]
    assert asked["cloud_init"] == {"user_data": None, "ssh_keys": [], "hostname": "web1"}
    assert result.out == "Name:      web1\nState:     running\nAddresses: 192.168.122.17\n"


def test_create_takes_everything_at_once(skerry: Skerry, creating: Fake, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA ann@laptop\n")
    (tmp_path / "user.yaml").write_text("#cloud-config\n")
    creating.on("GET", "/pools", page([example("Pool")]))
    words = ["--memory", "2048", "--vcpus", "4", "--cd", "none", "--network", "lab", "--network", "bridge:br0"]
    words += ["--user-data", str(tmp_path / "user.yaml"), "--ssh-key", str(tmp_path / "key.pub")]
    words += ["--ssh-key", "ssh-ed25519 BBBB", "--secure-boot", "--tpm", "--kernel", "/k", "--append", "quiet"]
    words += [
        "--boot",
        "cdrom,hd",
        "--no-start",
        "--autostart",
        "--pool",
        example("Pool")["name"],
        "--title",
        "Web",
    ]

    assert skerry("vm", "create", "web1", *words).status == 0

    asked = _asked(creating)
    assert asked["memory"] == 2 * 1024**3
    assert asked["disks"] == [{"kind": "cdrom", "image": None}]
    assert asked["nics"] == [{"kind": "network", "network": "lab"}, {"kind": "bridge", "network": "br0"}]
    keys = ["ssh-ed25519 AAAA ann@laptop", "ssh-ed25519 BBBB"]
    assert asked["cloud_init"] == {"user_data": "#cloud-config\n", "ssh_keys": keys, "hostname": "web1"}
    assert (asked["firmware"], asked["secure_boot"], asked["tpm"]) == ("uefi", True, True)
    assert asked["direct_kernel"] == {"kernel": "/k", "initrd": None, "command_line": "quiet"}
    assert (asked["boot_order"], asked["start"], asked["autostart"]) == (["cdrom", "hd"], False, True)
    assert asked["pool_id"] == example("Pool")["id"]


def test_an_unknown_template_is_answered_with_near_names(skerry: Skerry, fake: Fake) -> None:
    fake.on("POST", "/vms", problem("not-found", 404, "there is no image asos"))
    fake.on("GET", "/images", page([IMAGE | {"name": "aos"}, IMAGE | {"name": "debian"}]))

    result = skerry("vm", "create", "web1", "--template", "asos", "--cd", "debian")

    assert result.status == 3
    assert "hint: did you mean aos? skerry image ls lists them\n" in result.err


def test_create_without_a_card(skerry: Skerry, creating: Fake) -> None:
    skerry("vm", "create", "web1", "--network", "none", "--no-wait")

    assert _asked(creating)["nics"] == []


def test_create_leaves_to_the_server_what_was_not_said(skerry: Skerry, creating: Fake) -> None:
    skerry("vm", "create", "web1", "--no-wait")

    assert {"nics", "cloud_init", "boot_order", "pool_id", "host"}.isdisjoint(_asked(creating))


def test_create_waits_for_the_address_as_long_as_it_was_told(skerry: Skerry, creating: Fake) -> None:
    creating.on("GET", f"/vms/{VM['id']}", STARTING)
    creating.tells([hello(), fact(VM, "e:9", "vm.changed")])

    result = skerry("vm", "create", "web1", "--template", "aos", "--wait-ip", "30")

    assert "Addresses: 192.168.122.17\n" in result.out


def test_create_does_not_wait_for_ever(skerry: Skerry, creating: Fake) -> None:
    creating.on("GET", f"/vms/{VM['id']}", STARTING)
    creating.tells([hello()])

    result = skerry("vm", "create", "web1", "--template", "aos", "--wait-ip", "0.2")

    assert result.status == 0
    assert "it has no address yet; look again: skerry vm show web1" in result.err


def test_create_with_json_prints_the_machine(skerry: Skerry, creating: Fake) -> None:
    assert skerry("vm", "create", "web1", "--json").json["addresses"][0]["address"] == "192.168.122.17"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--memory", "lots"], "--memory: 'lots' is not a size"),
        (["--disk", "-1"], "the size of a disk: '-1' is not a size"),
        (["--boot", "floppy"], "--boot: 'floppy' is not a boot order"),
        (["--initrd", "/i"], "--initrd and --append need --kernel"),
        (["--user-data", "/nowhere"], "/nowhere cannot be read: No such file or directory"),
        (["--ssh-key", "/nowhere"], "/nowhere cannot be read: No such file or directory"),
        (["--no-cloud-init", "--hostname", "x"], "--no-cloud-init leaves no way to tell the guest anything"),
        (["--vcpus", "0"], "Invalid value for '--vcpus'"),
    ],
)
def test_create_refuses_what_cannot_be_meant_before_it_asks(
    skerry: Skerry, creating: Fake, words: list[str], said: str
) -> None:
    result = skerry("vm", "create", "web1", *words)

    assert result.status == 2
    assert said in result.err
    assert not creating.got("POST", "/vms")


def test_create_refuses_a_private_key(skerry: Skerry, creating: Fake, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n")

    result = skerry("vm", "create", "web1", "--ssh-key", tmp_path / "id")

    assert result.status == 2
    assert f"{tmp_path / 'id'} is a private key" in result.err
    assert "secret" not in result.err


ACTIONS: list[tuple[list[str], str, str, Any]] = [
    (["poweroff", "web1"], "POST", "/vms/web1/actions", {"action": "poweroff"}),
    (["restore", "web1"], "POST", "/vms/web1/actions", {"action": "restore"}),
    (
        ["shutdown", "web1", "--timeout", "5", "--force"],
        "POST",
        "/vms/web1/actions",
        {"action": "shutdown", "timeout_s": 5.0, "force_after": True},
    ),
    (["rename", "web1", "web2"], "PATCH", "/vms/web1", {"name": "web2"}),
    (["autostart", "web1"], "PATCH", "/vms/web1", {"autostart": True}),
    (["autostart", "web1", "--off"], "PATCH", "/vms/web1", {"autostart": False}),
    (
        ["set", "web1", "--vcpus", "4", "--memory", "2G", "--boot", "hd", "--no-kernel"],
        "PATCH",
        "/vms/web1",
        {"vcpus": 4, "memory": 2 * 1024**3, "boot_order": ["hd"], "remove_direct_kernel": True},
    ),
    (["set", "web1", "--description", ""], "PATCH", "/vms/web1", {"description": ""}),
    (
        ["clone", "web1", "web2", "--full", "--start"],
        "POST",
        "/vms/web1/clone",
        {"name": "web2", "full_copy": True, "start": True},
    ),
    (["disk", "add", "web1", "10G"], "POST", "/vms/web1/disks", {"kind": "empty", "size": 10 * 1024**3}),
    (
        ["disk", "add", "web1", "--image", "aos"],
        "POST",
        "/vms/web1/disks",
        {"kind": "image", "image": "aos", "full_copy": False, "size": None},
    ),
    (["disk", "add", "web1", "--cd", "iso"], "POST", "/vms/web1/disks", {"kind": "cdrom", "image": "iso"}),
    (["disk", "resize", "web1", "vda", "20G"], "PATCH", "/vms/web1/disks/vda", {"size": 20 * 1024**3}),
    (["disk", "resize", "web1", "vda", "+5G"], "PATCH", "/vms/web1/disks/vda", {"size": 15 * 1024**3}),
    (["disk", "media", "web1", "sda", "iso"], "PUT", "/vms/web1/disks/sda/media", {"image": "iso"}),
    (["disk", "media", "web1", "sda", "none"], "PUT", "/vms/web1/disks/sda/media", {"image": None}),
    (
        ["nic", "add", "web1", "lab", "--model", "e1000e"],
        "POST",
        "/vms/web1/nics",
        {"kind": "network", "network": "lab", "model": "e1000e", "mac": None},
    ),
    (
        ["snapshot", "create", "web1", "before", "--description", "x"],
        "POST",
        "/vms/web1/snapshots",
        {"name": "before", "description": "x"},
    ),
]


@pytest.mark.parametrize(("words", "method", "path", "body"), ACTIONS, ids=[" ".join(row[0]) for row in ACTIONS])
def test_each_command_asks_for_what_it_says(
    skerry: Skerry, fake: Fake, words: list[str], method: str, path: str, body: Any
) -> None:
    fake.on(method, path, Reply(202, DONE))
    for name in ("web1", "web2"):
        fake.on("GET", f"/vms/{name}", VM)

    result = skerry("vm", *words)

    assert result.status == 0, result.err
    assert fake.got(method, path)[0].json == body


REMOVALS = [
    (["delete", "web1"], "/vms/web1", {"disks": "delete", "force": "false"}),
    (["delete", "web1", "--keep-disks", "--force"], "/vms/web1", {"disks": "keep", "force": "true"}),
    (["disk", "rm", "web1", "vdb", "--delete"], "/vms/web1/disks/vdb", {"delete": "true"}),
    (["snapshot", "delete", "web1", "before"], "/vms/web1/snapshots/before", {}),
]


@pytest.mark.parametrize(("words", "path", "query"), REMOVALS, ids=[" ".join(row[0]) for row in REMOVALS])
def test_what_is_lost_for_good_must_be_confirmed(
    skerry: Skerry, fake: Fake, words: list[str], path: str, query: dict[str, str]
) -> None:
    fake.on("DELETE", path, Reply(202, DONE))

    refused = skerry("vm", *words)
    assert refused.status == 2
    assert "say so with --yes" in refused.err
    assert not fake.requests

    assert skerry("vm", *words, "--yes").status == 0
    assert fake.requests[0].query == query


def test_harmless_removals_are_not_asked_about(skerry: Skerry, fake: Fake) -> None:
    fake.on("DELETE", "/vms/web1/nics/52:54:00:1a:2b:3c", Reply(202, DONE))
    fake.on("DELETE", "/vms/web1/disks/vdb", Reply(202, DONE))

    assert skerry("vm", "nic", "rm", "web1", "52:54:00:1a:2b:3c").status == 0
    assert skerry("vm", "disk", "rm", "web1", "vdb").status == 0


def test_set_without_anything_to_change_is_wrong(skerry: Skerry, fake: Fake) -> None:
    result = skerry("vm", "set", "web1")

    assert result.status == 2
    assert not fake.requests


def test_set_tells_when_a_machine_must_be_off_once(skerry: Skerry, fake: Fake) -> None:
    fake.on("PATCH", "/vms/web1", Reply(202, DONE))
    fake.on("GET", "/vms/web1", VM | {"needs_restart": True})

    assert "only when it was off: skerry vm shutdown web1" in skerry("vm", "set", "web1", "--vcpus", 4).err


def test_growing_a_disk_that_is_not_there_names_those_that_are(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms/web1", VM)

    assert "web1 has no disk vdz\nhint: it has vda" in skerry("vm", "disk", "resize", "web1", "vdz", "+1G").err


def test_log_prints_what_the_guest_wrote(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms/web1/serial-log", Reply(200, b"\x1b[1mBooting\nlogin: ", "text/plain"))

    assert skerry("vm", "log", "web1").out == "\x1b[1mBooting\nlogin: "


def test_snapshots_are_listed(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms/web1/snapshots", example("Snapshots"))

    result = skerry("vm", "snapshot", "ls", "web1")

    assert result.out.startswith("NAME")
    assert example("Snapshots")["items"][0]["name"] in result.out


@pytest.mark.parametrize(
    ("drives", "word", "asked", "body"),
    [
        (["sda"], "netinst", ("PUT", "/vms/web1/disks/sda/media"), {"image": "netinst"}),
        (["sda", "sdb-seed"], "none", ("PUT", "/vms/web1/disks/sda/media"), {"image": None}),
        (["sda-seed"], "netinst", ("POST", "/vms/web1/disks"), {"kind": "cdrom", "image": "netinst"}),
    ],
    ids=["insert", "eject, and leave the first settings", "a machine without a drive gets one"],
)
def test_set_changes_the_cd_of_the_only_drive(
    skerry: Skerry, fake: Fake, drives: list[str], word: str, asked: tuple[str, str], body: dict[str, Any]
) -> None:
    disks = [
        VM["disks"][0] | {"target": name[:3], "device": "cdrom", "volume": name if "-seed" in name else None}
        for name in drives
    ]
    fake.on("GET", "/vms/web1", VM | {"disks": disks})
    fake.on(*asked, Reply(202, DONE))
    fake.on("GET", f"/tasks/{DONE['id']}", DONE)

    result = skerry("vm", "set", "web1", "--cd", word)

    assert result.status == 0, result.err
    (request,) = fake.got(*asked)
    assert request.json == body


def test_set_does_not_guess_which_of_several_drives_is_meant(skerry: Skerry, fake: Fake) -> None:
    drives = [VM["disks"][0] | {"target": name, "device": "cdrom", "volume": None} for name in ("sda", "sdb")]
    fake.on("GET", "/vms/web1", VM | {"disks": drives})

    result = skerry("vm", "set", "web1", "--cd", "netinst")

    assert result.status != 0
    assert "several CD drives: sda, sdb" in result.err
    assert "skerry vm disk media web1 DRIVE netinst" in result.err


def test_uptime_is_told(skerry: Skerry, fake: Fake) -> None:
    since = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=3, seconds=5)
    vm = VM | {"started_at": since.isoformat()}
    fake.on("GET", "/vms", page([vm]))
    fake.on("GET", "/vms/web1", vm)

    assert "3 min" in skerry("vm", "ls").out
    assert "for 3 min" in skerry("vm", "show", "web1").out


def test_a_definition_gets_its_parameters_and_an_empty_disk(skerry: Skerry, creating: Fake) -> None:
    words = ("--os-param", "filesystem=xfs", "--os-param", "extra_pkgs=a=b,c")

    skerry("vm", "create", "web1", "--guest-os", "debootstrap+trixie", *words)

    asked = _asked(creating)
    assert asked["guest_os"] == "debootstrap+trixie"
    assert asked["os_parameters"] == {"filesystem": "xfs", "extra_pkgs": "a=b,c"}
    assert asked["disks"] == [{"kind": "empty", "size": 4 * 1024**3}]
    assert "cloud_init" not in asked


@pytest.mark.parametrize("words", [("filesystem",), ("=xfs",), ("a=1", "--os-param", "a=2")])
def test_what_is_no_parameter_is_told(skerry: Skerry, words: tuple[str, ...]) -> None:
    result = skerry("vm", "create", "web1", "--guest-os", "debootstrap", "--os-param", *words)

    assert result.status == 2
    assert "--os-param" in result.err
