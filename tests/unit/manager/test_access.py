"""Grants, and what they give in the tree of pools."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from skerry.errors import Denied, NotFound
from skerry.host.operation import Permission
from skerry.manager.access import ALL, PERMISSIONS, Access, Caller, ManagerPermission, Role, inherited

ROOT, QA, LAB, PROD = (uuid4() for _ in range(4))
TREE: dict[UUID, UUID | None] = {ROOT: None, QA: ROOT, LAB: QA, PROD: ROOT}


def test_a_grant_holds_below_its_pool_and_nowhere_else() -> None:
    held = inherited(TREE, [(QA, Role.USER)])

    assert set(held) == frozenset({QA, LAB})
    assert held[LAB] == PERMISSIONS[Role.USER]


def test_grants_add_up_on_the_way_down() -> None:
    held = inherited(TREE, [(ROOT, Role.MONITOR), (QA, Role.ADMIN)])

    assert held[PROD] == PERMISSIONS[Role.MONITOR]
    assert held[LAB] == ALL


def test_monitors_look_and_users_act_and_neither_manages_people() -> None:
    assert PERMISSIONS[Role.MONITOR] < PERMISSIONS[Role.USER] < PERMISSIONS[Role.ADMIN]
    assert Permission.VM_CONTROL not in PERMISSIONS[Role.MONITOR]
    assert ManagerPermission.USER_MANAGE not in PERMISSIONS[Role.USER]


def test_what_belongs_to_no_pool_needs_the_permission_anywhere() -> None:
    access = Access(pools=inherited(TREE, [(LAB, Role.MONITOR)]))

    assert access.allows(Permission.HOST_VIEW, None)
    assert not access.allows(Permission.VM_CONTROL, None)
    assert not Access().allows(Permission.HOST_VIEW, None)


def test_queries_are_limited_to_the_pools_of_the_permission() -> None:
    access = Access(pools=inherited(TREE, [(ROOT, Role.MONITOR), (QA, Role.USER)]))

    assert access.pools_with(Permission.VM_CONTROL) == frozenset({QA, LAB})
    assert Access(everything=True).pools_with(Permission.VM_CONTROL) is None


def test_what_may_not_be_seen_is_not_there_and_what_may_not_be_done_is_denied() -> None:
    anna = Caller("anna", Access(pools=inherited(TREE, [(QA, Role.MONITOR)])))

    anna.require_sight(Permission.VM_VIEW, QA, "machine web1")
    with pytest.raises(NotFound, match="there is no machine web1"):
        anna.require_sight(Permission.VM_VIEW, PROD, "machine web1")
    with pytest.raises(Denied, match="permission vm"):
        anna.require(Permission.VM_CONTROL, QA, "web1")
