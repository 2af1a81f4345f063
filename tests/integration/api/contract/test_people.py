"""People, sessions, tokens, pools, and the audit trail of them all."""

from __future__ import annotations

import pytest
from tests.integration.api.contract.cloud import PASSWORD, Cloud, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="package")


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
