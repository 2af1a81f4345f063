"""Machines from their making to their end."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.api.contract.cloud import Cloud

from skerry.manager.idempotency import Idempotency
from skerry.sizes import GIB, MIB

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_machine_from_its_making_to_its_end(cloud: Cloud) -> None:
    disks = [{"kind": "empty", "size": GIB}]
    vm = await cloud.make_vm("life", title="Ünïcode 🐧", description="two\nlines", disks=disks)
    assert (vm["state"], vm["title"], vm["description"]) == ("stopped", "Ünïcode 🐧", "two\nlines")
    assert [disk["device"] for disk in vm["disks"]] == ["disk"]
    assert "start" in vm["actions"]

    for action, state in (
        ("start", "running"),
        ("pause", "paused"),
        ("resume", "running"),
        ("reboot", "running"),
        ("reset", "running"),
        ("save", "saved"),
        ("restore", "running"),
        ("shutdown", "stopped"),
        ("start", "running"),
        ("poweroff", "stopped"),
    ):
        await cloud.done("POST", "vms/life/actions", json={"action": action})
        assert (await cloud.do("GET", "vms/life")).json()["state"] == state, action

    refused = await cloud.do("POST", "vms/life/actions", json={"action": "pause"})
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid-state")
    await cloud.done("DELETE", "vms/life")
    assert (await cloud.do("GET", "vms/life")).status_code == 404


async def test_a_name_is_taken_once(cloud: Cloud) -> None:
    await cloud.make_vm("twice")

    again = await cloud.do("POST", "vms", json={"name": "twice"})

    assert (again.status_code, again.json()["code"]) == (409, "name-taken")
    assert "twice" in again.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"memory": 100 * 1024 * GIB},
        {"disks": [{"kind": "image", "image": "no-such-image"}]},
        {"host": "no-such-host"},
        {"pool_id": "00000000-0000-0000-0000-00000000dead"},
        {"title": "half \ud800"},
        {"title": "nul \0"},
        {"description": "bell \a"},
        {"direct_kernel": {"kernel": "/boot/vmlinuz\0"}},
        {"memory": 0},
        {"vcpus": 10**9},
        {"cloud_init": {"user_data": "x" * (300 * 1024)}},
    ],
    ids=lambda body: str(body)[:40].encode("ascii", "replace").decode(),
)
async def test_a_machine_that_cannot_be_is_refused_and_leaves_nothing(cloud: Cloud, body: dict[str, Any]) -> None:
    import json

    content = json.dumps({"name": "impossible", **body})
    answer = await cloud.do("POST", "vms", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code in {404, 422}, answer.text
    assert (await cloud.do("GET", "vms/impossible")).status_code == 404


async def test_a_machine_is_changed_unless_it_changed_meanwhile(cloud: Cloud) -> None:
    await cloud.make_vm("changing")
    etag = (await cloud.do("GET", "vms/changing")).headers["etag"]

    await cloud.done("PATCH", "vms/changing", json={"vcpus": 3, "title": "new"}, headers={"If-Match": etag})
    vm = (await cloud.do("GET", "vms/changing")).json()
    assert (vm["vcpus"], vm["title"]) == (3, "new")

    late = await cloud.do("PATCH", "vms/changing", json={"vcpus": 4}, headers={"If-Match": etag})
    if late.status_code == 202:  # what is queued before may be what changed it: then the task finds out
        task = await cloud.ended(late.json()["id"])
        assert task["error"]["code"] == "changed"
    else:
        assert late.status_code == 412
    assert (await cloud.do("GET", "vms/changing")).json()["vcpus"] == 3

    await cloud.done("PATCH", "vms/changing", json={"name": "changed"})
    assert (await cloud.do("GET", "vms/changed")).status_code == 200
    assert (await cloud.do("GET", "vms/changing")).status_code == 404


async def test_a_definition_is_read_checked_and_replaced(cloud: Cloud) -> None:
    await cloud.make_vm("defined")
    read = await cloud.do("GET", "vms/defined/definition")
    etag, xml = read.headers["etag"], read.json()["xml"]

    checked = await cloud.do("POST", "vms/defined/definition/check", json={"xml": xml})
    assert checked.status_code == 200
    for bad in ("no xml", "<network/>", "<domain>"):
        answer = await cloud.do("POST", "vms/defined/definition/check", json={"xml": bad})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad-definition")

    replaced = await cloud.do("PUT", "vms/defined/definition", json={"xml": xml}, headers={"If-Match": etag})
    assert replaced.status_code == 200
    given = replaced.json()
    again = await cloud.do("PUT", "vms/defined/definition", json=given)
    assert again.status_code == 200, "what GET and PUT give can be sent back as it is"
    differ = await cloud.do("PUT", "vms/defined/definition", json=given, headers={"If-Match": '"other"'})
    assert differ.status_code == 422
    old = await cloud.do("PUT", "vms/defined/definition", json=given | {"etag": "stale"})
    assert old.status_code == 412
    stale = await cloud.do("PUT", "vms/defined/definition", json={"xml": xml}, headers={"If-Match": '"stale"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "changed")


async def test_disks_and_cards_come_and_go(cloud: Cloud) -> None:
    iso = bytes(0x8000) + b"\x01CD001\x01" + bytes(MIB)
    await cloud.import_image("iso", iso)
    disks = [{"kind": "empty", "size": GIB}, {"kind": "cdrom", "image": "iso"}]
    await cloud.make_vm("devices", disks=disks, nics=[])

    await cloud.done("POST", "vms/devices/disks", json={"kind": "empty", "size": GIB})
    vm = (await cloud.do("GET", "vms/devices")).json()
    targets = [disk["target"] for disk in vm["disks"] if disk["device"] == "disk"]
    assert len(targets) == 2

    await cloud.done("PATCH", f"vms/devices/disks/{targets[1]}", json={"size": 2 * GIB})
    await cloud.done("DELETE", f"vms/devices/disks/{targets[1]}", params={"delete": "true"})
    cd = next(disk["target"] for disk in vm["disks"] if disk["device"] == "cdrom")
    for image in (None, "iso"):
        await cloud.done("PUT", f"vms/devices/disks/{cd}/media", json={"image": image})

    await cloud.done("POST", "vms/devices/nics", json={"network": "default"})
    (nic,) = (await cloud.do("GET", "vms/devices")).json()["nics"]
    await cloud.done("DELETE", f"vms/devices/nics/{nic['mac']}")

    vm = (await cloud.do("GET", "vms/devices")).json()
    assert (len(vm["disks"]), vm["nics"]) == (2, [])
    for method, path in (("PATCH", "disks/vdz"), ("DELETE", "disks/vdz"), ("DELETE", "nics/52:54:00:00:00:99")):
        body = {"json": {"size": 2 * GIB}} if method == "PATCH" else {}
        assert (await cloud.do(method, f"vms/devices/{path}", **body)).status_code == 404


async def test_snapshots_are_taken_gone_back_to_and_forgotten(cloud: Cloud) -> None:
    await cloud.make_vm("snapped", disks=[{"kind": "empty", "size": GIB}])

    await cloud.done("POST", "vms/snapped/snapshots", json={"name": "before"})
    assert [one["name"] for one in (await cloud.do("GET", "vms/snapped/snapshots")).json()["items"]] == ["before"]
    await cloud.done("POST", "vms/snapped/snapshots/before/revert")
    await cloud.done("DELETE", "vms/snapped/snapshots/before")
    assert (await cloud.do("GET", "vms/snapped/snapshots")).json()["items"] == []


async def test_a_machine_is_cloned(cloud: Cloud) -> None:
    await cloud.make_vm("sheep", disks=[{"kind": "empty", "size": GIB}])

    await cloud.done("POST", "vms/sheep/clone", json={"name": "dolly"})

    sheep, dolly = [(await cloud.do("GET", f"vms/{name}")).json() for name in ("sheep", "dolly")]
    assert sheep["id"] != dolly["id"]
    assert sheep["nics"][0]["mac"] != dolly["nics"][0]["mac"]
    assert sheep["disks"][0]["volume"] != dolly["disks"][0]["volume"]


async def test_a_machine_is_made_with_a_guest_os_definition(cloud: Cloud) -> None:
    (one,) = (await cloud.do("GET", "guest-oses")).json()["items"]
    assert (one["host"], one["name"], one["variants"]) == ("rack1-a", "little", ["calm", "stormy"])
    assert (await cloud.do("GET", "guest-oses", params={"host": "nobody"})).status_code == 404

    wanted = {"guest_os": "little+calm", "disks": [{"kind": "empty", "size": 16 * 1024**2}]}
    await cloud.make_vm("installed", **wanted, os_parameters={"words": "some"})
    await cloud.done("DELETE", "vms/installed")

    body = {"name": "refused", **wanted, "os_parameters": {"wrds": "some"}}
    refused = await cloud.do("POST", "vms", json=body)
    assert refused.status_code == 422
    assert refused.json()["hint"] == "did you mean words?"


async def test_consoles_of_machines_that_run(cloud: Cloud) -> None:
    await cloud.make_vm("console")
    stopped = await cloud.do("POST", "vms/console/consoles", json={"kind": "serial"})
    assert (stopped.status_code, stopped.json()["code"]) == (409, "invalid-state")

    await cloud.done("POST", "vms/console/actions", json={"action": "start"})
    ticket = (await cloud.do("POST", "vms/console/consoles", json={"kind": "serial"})).json()
    assert ticket["path"] == f"/api/v1/consoles/{ticket['ticket']}"
    assert (await cloud.do("GET", "vms/console/serial-log")).status_code == 200


async def test_a_repeated_request_makes_one_machine(cloud: Cloud) -> None:
    ask = {"json": {"name": "once", "start": False}, "headers": {"Idempotency-Key": "make-once"}}

    first, again = await cloud.do("POST", "vms", **ask), await cloud.do("POST", "vms", **ask)
    other = await cloud.do("POST", "vms", json={"name": "other"}, headers={"Idempotency-Key": "make-once"})

    assert first.json() == again.json()
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    assert first.headers["location"] == again.headers["location"]
    await cloud.ended(first.json()["id"])


async def test_the_answer_to_a_key_is_kept_with_its_task_and_not_later(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Idempotency, "finish")
    ask = {"json": {"name": "kept", "start": False}, "headers": {"Idempotency-Key": "keep-it"}}

    first, again = await cloud.do("POST", "vms", **ask), await cloud.do("POST", "vms", **ask)

    assert (first.status_code, again.status_code, first.content) == (202, 202, again.content)
    await cloud.ended(first.json()["id"])
