"""Images, uploads, hosts and tasks; and what all lists have in common."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from tests.integration.api.contract.cloud import Cloud

from skerry.sizes import GIB, MIB

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_cloud_says_what_it_is(cloud: Cloud) -> None:
    assert (await cloud.new_client().get("about")).json()["version"] == version("skerry")


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
    again = {"name": "same", "storage_pool": image["storage_pool"], "volume": image["volume"]}
    twice = await cloud.do("POST", "images", json=again)
    assert (twice.status_code, twice.json()["code"]) == (409, "in-use")

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
