"""The whole API over a real manager (SQLite, a simulated host), each answer checked against the document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from tests.fixtures.little_definition import write_definition
from tests.integration.api import contract

from skerry.api.app import create_app
from skerry.cli.up_settings import UpSettings
from skerry.host.simulated import simulated_host
from skerry.link.local import LocalLink
from skerry.manager.manager import Manager
from skerry.sizes import GIB, MIB

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "https://localhost/api/v1/"
PASSWORD = "annas-long-password"


@dataclass
class Cloud:
    """A manager with one host, and ways to speak to it."""

    app: FastAPI
    admin: httpx.AsyncClient
    new_client: Callable[[], httpx.AsyncClient]

    async def do(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask as admin."""
        return await self.admin.request(method, path, **more)

    async def done(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Ask for a task, and wait until it has succeeded."""
        answer = await self.do(method, path, **more)
        assert answer.status_code == 202, answer.text
        task = await self.ended(answer.json()["id"])
        assert task["state"] == "succeeded", task
        return task

    async def ended(self, task_id: str) -> dict[str, Any]:
        """The task when it has ended."""
        async with asyncio.timeout(60):
            while True:
                task = (await self.do("GET", f"tasks/{task_id}")).json()
                if task["state"] in {"succeeded", "failed", "cancelled"}:
                    return dict(task)
                await asyncio.sleep(0.02)

    async def make_vm(self, name: str, **more: Any) -> dict[str, Any]:
        """A machine that is stopped."""
        await self.done("POST", "vms", json={"name": name, "start": False, **more})
        return dict((await self.do("GET", f"vms/{name}")).json())

    async def import_image(self, name: str, content: bytes) -> dict[str, Any]:
        """An image of the library."""
        upload = (await self.do("POST", "uploads", json={"size": len(content)})).json()
        await self.do("PUT", f"uploads/{upload['id']}", content=content)
        await self.done("POST", "images", json={"name": name, "upload": upload["id"]})
        return dict((await self.do("GET", f"images/{name}")).json())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    """One for all tests of this file: the engine for tasks is one a process."""
    folder: Path = tmp_path_factory.mktemp("cloud")
    host = simulated_host("rack1-a", folder=folder)
    write_definition(folder / "guest-os")
    manager = Manager(
        UpSettings(data_dir=folder / "data", page_dir=folder, storage_pool="skerry"), LocalLink([host])
    )
    async with AsyncExitStack() as stack:
        await host.start()
        stack.push_async_callback(host.stop)
        stack.push_async_callback(manager.stop)
        await manager.start()
        password = await manager.people.first_password()
        app = create_app(manager, manager.settings)
        clients: list[httpx.AsyncClient] = []

        def new_client() -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(
                transport=transport, base_url=BASE, event_hooks={"response": [contract.check]}, timeout=30
            )
            clients.append(client)
            return client

        admin = new_client()
        session = await admin.post("sessions", json={"user": "admin", "password": password})
        admin.headers["X-CSRF-Token"] = session.json()["csrf_token"]
        async with asyncio.timeout(30):
            while not (await admin.get("storage-pools")).json()["items"]:
                await asyncio.sleep(0.02)
        yield Cloud(app, admin, new_client)
        for client in clients:
            await client.aclose()


async def sign_in(cloud: Cloud, user: str, password: str) -> httpx.AsyncClient:
    """A browser of this person."""
    client = cloud.new_client()
    answer = await client.post("sessions", json={"user": user, "password": password})
    assert answer.status_code == 201
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


async def test_a_session_knows_who_and_what(cloud: Cloud) -> None:
    session = (await cloud.do("GET", "sessions/current")).json()

    assert session["user"]["admin"] is True
    assert "vm.create" in session["permissions"]


async def test_wrong_passwords_and_unknown_users_look_alike_and_are_slowed_down(cloud: Cloud) -> None:
    stranger = cloud.new_client()
    wrong = await stranger.post("sessions", json={"user": "admin", "password": "wrong"})
    unknown = await stranger.post("sessions", json={"user": "nobody", "password": "wrong"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()

    answers = [
        await stranger.post("sessions", json={"user": f"nobody{number}", "password": "wrong"})
        for number in range(9)
    ]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_people_come_change_their_password_and_go(cloud: Cloud) -> None:
    assert (await cloud.do("POST", "users", json={"name": "anna", "password": PASSWORD})).status_code == 201
    assert (await cloud.do("POST", "users", json={"name": "anna", "password": PASSWORD})).status_code == 409
    assert "anna" in [user["name"] for user in (await cloud.do("GET", "users")).json()["items"]]


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


async def test_an_image_is_uploaded_in_pieces_imported_used_and_removed(cloud: Cloud) -> None:
    content = bytes(range(256)) * 4096 * 2
    upload = (await cloud.do("POST", "uploads", json={"size": len(content)})).json()
    first = await cloud.do("PUT", f"uploads/{upload['id']}", params={"offset": 0}, content=content[:MIB])
    assert first.json()["received"] == MIB
    wrong = await cloud.do("PUT", f"uploads/{upload['id']}", params={"offset": 5}, content=b"x")
    assert wrong.status_code == 409
    assert (await cloud.do("GET", f"uploads/{upload['id']}")).json()["received"] == MIB
    await cloud.do("PUT", f"uploads/{upload['id']}", params={"offset": MIB}, content=content[MIB:])

    task = await cloud.done("POST", "images", json={"name": "raw", "upload": upload["id"]})
    image = (await cloud.do("GET", f"images/{task['result']['image']}")).json()
    assert (image["name"], image["state"], image["size"]) == ("raw", "ready", len(content))
    changed = await cloud.do("PATCH", "images/raw", json={"description": "bytes"})
    assert changed.json()["description"] == "bytes"

    await cloud.make_vm("user-of-raw", disks=[{"kind": "image", "image": "raw"}])
    used = await cloud.do("DELETE", "images/raw")
    assert (used.status_code, used.json()["code"]) == (409, "in-use")
    assert "user-of-raw" in used.json()["detail"] + (used.json()["hint"] or "")
    await cloud.done("DELETE", "vms/user-of-raw")
    await cloud.done("DELETE", "images/raw")
    assert (await cloud.do("GET", "images", params={"q": "raw"})).json()["items"] == []


async def test_an_upload_is_thrown_away(cloud: Cloud) -> None:
    upload = (await cloud.do("POST", "uploads", json={"size": 10, "name": "debian.qcow2"})).json()
    assert upload in (await cloud.do("GET", "uploads")).json()["items"]

    assert (await cloud.do("DELETE", f"uploads/{upload['id']}")).status_code == 204
    assert (await cloud.do("GET", f"uploads/{upload['id']}")).status_code == 404


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


async def test_the_host_and_what_it_has_are_shown(cloud: Cloud) -> None:
    host = (await cloud.do("GET", "hosts/rack1-a")).json()
    assert host["online"] is True
    assert [one["name"] for one in (await cloud.do("GET", "hosts")).json()["items"]] == ["rack1-a"]
    assert (await cloud.do("GET", "networks", params={"host": "rack1-a"})).json()["total"] >= 1
    pools = (await cloud.do("GET", "storage-pools")).json()["items"]
    await cloud.make_vm("with-a-disk", disks=[{"kind": "empty", "size": GIB}])
    volumes = await cloud.do("GET", "volumes", params={"storage_pool": pools[0]["name"]})
    assert any("with-a-disk" in volume["name"] for volume in volumes.json()["items"])
    await cloud.done("DELETE", "vms/with-a-disk", params={"disks": "keep"})
    (left,) = (await cloud.do("GET", "volumes", params={"unused": True})).json()["items"]
    await cloud.done("DELETE", f"volumes/{left['storage_pool']}/{left['name']}")
    assert (await cloud.do("GET", "hosts/nobody")).status_code == 404


async def test_pages_hold_together(cloud: Cloud) -> None:
    for number in range(5):
        await cloud.make_vm(f"page-{number}")

    for query in ({"sort": "name"}, {"sort": "created_at", "descending": "true"}, {"sort": "state"}):
        whole = (await cloud.do("GET", "vms", params={**query, "limit": "500"})).json()
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await cloud.do("GET", "vms", params={**query, "limit": "2", **cursor})).json()
            found += [vm["id"] for vm in page["items"]]
            assert page["total"] == whole["total"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert found == [vm["id"] for vm in whole["items"]]


@pytest.mark.parametrize(
    "path", ["vms", "images", "tasks", "users", "tokens", "hosts", "pools", "audit", "volumes"]
)
async def test_a_made_up_cursor_is_refused(cloud: Cloud, path: str) -> None:
    for cursor in ("nonsense", "bm9uc2Vuc2U=", "W10", "\x00"):
        answer = await cloud.do("GET", path, params={"cursor": cursor})

        assert answer.status_code == 422, (cursor, answer.text)


async def test_filters_narrow_lists(cloud: Cloud) -> None:
    await cloud.make_vm("needle-in-hay")

    async def names(**query: str) -> list[str]:
        return [vm["name"] for vm in (await cloud.do("GET", "vms", params=query)).json()["items"]]

    assert await names(q="needle") == ["needle-in-hay"]
    assert await names(q="NEEDLE") == ["needle-in-hay"]
    assert await names(q="%") == []
    assert await names(q="needle", state="running") == []
    assert await names(q="needle", host="rack1-a", pool="default") == ["needle-in-hay"]
    assert await names(host="nobody") == []


async def test_tasks_tell_how_they_went(cloud: Cloud) -> None:
    vm = await cloud.make_vm("watched")
    tasks = (await cloud.do("GET", "tasks", params={"object": vm["id"], "kind": "vm.create"})).json()["items"]
    assert [task["state"] for task in tasks] == ["succeeded"]

    log = await cloud.do("GET", f"tasks/{tasks[0]['id']}/log", params={"after": 0})
    assert log.status_code == 200
    late = await cloud.do("POST", f"tasks/{tasks[0]['id']}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "invalid-state")
    facts = (await cloud.do("GET", "facts", params={"object": vm["id"]})).json()
    assert facts["total"] >= 1
    older = await cloud.do("GET", "facts", params={"object": vm["id"], "before": facts["items"][0]["id"]})
    assert older.json()["total"] <= facts["total"]


async def test_a_queued_task_is_cancelled(cloud: Cloud) -> None:
    await cloud.make_vm("queue")
    for action in ("start", *("pause", "resume") * 8):
        last = await cloud.do("POST", "vms/queue/actions", json={"action": action})
        assert last.status_code == 202

    await cloud.do("POST", f"tasks/{last.json()['id']}/cancel")

    assert (await cloud.ended(last.json()["id"]))["state"] == "cancelled"
    before = (await cloud.do("GET", "tasks", params={"kind": "vm.pause", "limit": "1"})).json()["items"][0]
    await cloud.ended(before["id"])
    assert (await cloud.do("GET", "vms/queue")).json()["state"] == "paused"


async def test_a_repeated_request_makes_one_machine(cloud: Cloud) -> None:
    ask = {"json": {"name": "once", "start": False}, "headers": {"Idempotency-Key": "make-once"}}

    first, again = await cloud.do("POST", "vms", **ask), await cloud.do("POST", "vms", **ask)
    other = await cloud.do("POST", "vms", json={"name": "other"}, headers={"Idempotency-Key": "make-once"})

    assert first.json() == again.json()
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    await cloud.ended(first.json()["id"])


async def test_tokens_do_what_their_owner_may_and_end(cloud: Cloud) -> None:
    made = (await cloud.do("POST", "tokens", json={"name": "ci"})).json()
    program = cloud.new_client()
    program.headers["Authorization"] = f"Bearer {made['secret']}"

    assert (await program.get("vms")).status_code == 200
    assert (await program.get("sessions/current")).status_code == 404
    assert [token["name"] for token in (await cloud.do("GET", "tokens")).json()["items"]] == ["ci"]
    assert (await cloud.do("DELETE", f"tokens/{made['id']}")).status_code == 204
    assert (await program.get("vms")).status_code == 401


async def test_pools_grow_and_are_cut(cloud: Cloud) -> None:
    root = (await cloud.do("GET", "pools")).json()["items"][0]

    made = (await cloud.do("POST", "pools", json={"name": "qa", "parent_id": root["id"]})).json()
    assert made["path"] == f"{root['path']}/qa"
    await cloud.make_vm("in-qa", pool_id=made["id"])
    assert (await cloud.do("DELETE", f"pools/{made['id']}")).status_code == 409
    await cloud.done("DELETE", "vms/in-qa")
    assert (await cloud.do("DELETE", f"pools/{made['id']}")).status_code == 204


async def test_a_plain_user_works_with_machines_and_not_with_people(cloud: Cloud) -> None:
    await cloud.do("POST", "users", json={"name": "bob", "password": PASSWORD})
    bob = await sign_in(cloud, "bob", PASSWORD)

    assert (await bob.get("vms")).status_code == 200
    for path in ("users", "audit"):
        assert (await bob.get(path)).status_code == 403
    changed = await bob.put("users/me/password", json={"old_password": PASSWORD, "new_password": PASSWORD + "2"})
    assert changed.status_code == 204
    wrong = await bob.put("users/me/password", json={"old_password": "wrong", "new_password": PASSWORD})
    assert wrong.status_code in {401, 422}
    assert (await cloud.do("DELETE", "users/bob")).status_code == 204
    assert (await bob.get("vms")).status_code == 401
    last = await cloud.do("DELETE", "users/admin")
    assert last.status_code == 409


async def test_consoles_of_machines_that_run(cloud: Cloud) -> None:
    await cloud.make_vm("console")
    stopped = await cloud.do("POST", "vms/console/consoles", json={"kind": "serial"})
    assert (stopped.status_code, stopped.json()["code"]) == (409, "invalid-state")

    await cloud.done("POST", "vms/console/actions", json={"action": "start"})
    ticket = (await cloud.do("POST", "vms/console/consoles", json={"kind": "serial"})).json()
    assert ticket["path"] == f"/api/v1/consoles/{ticket['ticket']}"
    assert (await cloud.do("GET", "vms/console/serial-log")).status_code == 200


async def test_the_audit_trail_has_it_all(cloud: Cloud) -> None:
    vm = await cloud.make_vm("audited")

    entries = (await cloud.do("GET", "audit")).json()["items"]

    mine = [entry for entry in entries if (entry["object"] or {}).get("name") == "audited"]
    assert [(entry["action"], entry["user"], entry["status"]) for entry in mine] == [("create_vm", "admin", 202)]
    assert mine[0]["object"]["id"] == vm["id"]


async def test_signing_out_ends_the_session(cloud: Cloud) -> None:
    await cloud.do("POST", "users", json={"name": "carl", "password": PASSWORD})
    carl = await sign_in(cloud, "carl", PASSWORD)
    cookie = carl.cookies["skerry_session"]

    assert (await carl.delete("sessions/current")).status_code == 204
    carl.cookies.set("skerry_session", cookie)
    assert (await carl.get("vms")).status_code == 401


async def test_every_operation_has_answered_well(cloud: Cloud) -> None:
    """Comes last in this file on purpose: it looks at what the tests above have asked."""
    await cloud.do("GET", "about")
    every = {
        operation["operationId"] for path in contract.DOCUMENT["paths"].values() for operation in path.values()
    }

    assert every - contract.seen == {"stream_events"}  # in test_server
