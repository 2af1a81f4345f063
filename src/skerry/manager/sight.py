"""Which facts and tasks a person may see: the same rule as a test of one, and as a clause of a query."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from skerry.host.operation import Permission
from skerry.manager.access import Access, AnyPermission, Caller, ManagerPermission
from skerry.manager.store import tables
from skerry.manager.types import Fact, ObjectKind

PERMISSION_TO_SEE: Mapping[ObjectKind, AnyPermission] = {
    ObjectKind.VM: Permission.VM_VIEW,
    ObjectKind.IMAGE: Permission.STORAGE_VIEW,
    ObjectKind.HOST: Permission.HOST_VIEW,
    ObjectKind.TASK: ManagerPermission.TASK_VIEW,
    ObjectKind.USER: ManagerPermission.USER_MANAGE,
    ObjectKind.TOKEN: ManagerPermission.USER_MANAGE,
    ObjectKind.POOL: ManagerPermission.POOL_VIEW,
    ObjectKind.NETWORK: Permission.NETWORK_VIEW,
    ObjectKind.STORAGE_POOL: Permission.STORAGE_VIEW,
    ObjectKind.VOLUME: Permission.STORAGE_VIEW,
}


def may_see_fact(user: str, access: Access, fact: Fact) -> bool:
    """Whether a person may see a fact."""
    if fact.object.kind == ObjectKind.TASK and fact.user == user:
        return True
    return access.allows(PERMISSION_TO_SEE[fact.object.kind], fact.pool_id)


def in_pools(
    caller: Caller, permission: AnyPermission, column: sa.ColumnElement[object]
) -> sa.ColumnElement[bool]:
    """Only what is in pools where the caller has this permission; what is in no pool needs it in any."""
    pools = caller.access.pools_with(permission)
    if pools is None:
        return sa.true()
    if not pools:
        return sa.false()
    return sa.or_(column.in_(sorted(pools)), column.is_(None))


def visible_facts(caller: Caller) -> sa.ColumnElement[bool]:
    """Only the facts that the caller may see."""
    if caller.access.everything:
        return sa.true()
    facts = tables.facts.c
    kinds = [
        sa.and_(facts.object_kind == kind, in_pools(caller, permission, facts.pool_id))
        for kind, permission in PERMISSION_TO_SEE.items()
    ]
    own_tasks = sa.and_(facts.object_kind == ObjectKind.TASK, facts.user == caller.user)
    return sa.or_(own_tasks, *kinds)


def visible_tasks(caller: Caller) -> sa.ColumnElement[bool]:
    """Only the tasks that the caller may see: one's own, and those in pools where one may look."""
    tasks = tables.tasks.c
    return sa.or_(tasks.user == caller.user, in_pools(caller, PERMISSION_TO_SEE[ObjectKind.TASK], tasks.pool_id))
