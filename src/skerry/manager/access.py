"""Who may do what: permissions, roles that are sets of them, and grants of roles on pools that go downwards.

A `Caller` is who asks, and every service takes one as its first argument. Services check in one of two ways: a
thing at hand with `require`, a list by the pools that `pools_with` names, inside the query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from skerry.errors import Denied, NotFound
from skerry.host.operation import Permission


class ManagerPermission(StrEnum):
    """Permissions on what only managers have."""

    USER_MANAGE = "user.manage"
    AUDIT_VIEW = "audit.view"
    POOL_VIEW = "pool.view"
    POOL_MODIFY = "pool.modify"
    TASK_VIEW = "task.view"  # other people's tasks; one's own are always shown
    TASK_CANCEL = "task.cancel"  # other people's tasks


AnyPermission: TypeAlias = Permission | ManagerPermission

ALL: frozenset[AnyPermission] = frozenset({*Permission, *ManagerPermission})


class Role(StrEnum):
    """Named sets of permissions."""

    ADMIN = "admin"
    USER = "user"
    MONITOR = "monitor"


_MONITOR: frozenset[AnyPermission] = frozenset(
    {
        Permission.HOST_VIEW,
        Permission.VM_VIEW,
        Permission.STORAGE_VIEW,
        Permission.NETWORK_VIEW,
        ManagerPermission.POOL_VIEW,
        ManagerPermission.TASK_VIEW,
    }
)
PERMISSIONS: Mapping[Role, frozenset[AnyPermission]] = {
    Role.ADMIN: ALL,
    Role.USER: _MONITOR
    | {
        Permission.VM_CONTROL,
        Permission.VM_CONSOLE,
        Permission.VM_MODIFY,
        Permission.VM_CREATE,
        Permission.STORAGE_MODIFY,
    },
    Role.MONITOR: _MONITOR,
}


@dataclass(frozen=True)
class Access:
    """What one person may do in each pool, inheritance worked out."""

    everything: bool = False
    pools: Mapping[UUID, frozenset[AnyPermission]] = field(default_factory=dict)

    def allows(self, permission: AnyPermission, pool_id: UUID | None) -> bool:
        """Whether this may be done in that pool; None stands for what belongs to no pool: any grant will do."""
        if self.everything:
            return True
        if pool_id is None:
            return any(permission in granted for granted in self.pools.values())
        return permission in self.pools.get(pool_id, frozenset())

    def pools_with(self, permission: AnyPermission) -> frozenset[UUID] | None:
        """The pools in which this may be done, for use in a query; None means all there will ever be."""
        if self.everything:
            return None
        return frozenset(pool for pool, granted in self.pools.items() if permission in granted)

    def permissions(self) -> tuple[str, ...]:
        """All that may be done anywhere, for a page to hide what cannot be done."""
        held = ALL if self.everything else frozenset[AnyPermission]().union(*self.pools.values())
        return tuple(sorted(str(permission) for permission in held))


@dataclass(frozen=True)
class Caller:
    """Who asks, from where, and what they may do."""

    user: str
    access: Access
    address: str = ""

    def require(self, permission: AnyPermission, pool_id: UUID | None, what: str) -> None:
        """Raise unless this may be done.

        Raises:
            Denied: the message names the permission and the thing.
        """
        if not self.access.allows(permission, pool_id):
            raise Denied(
                f"{self.user} may not do this to {what}: the permission {permission} is missing",
                hint="an administrator can grant a role that has it",
            )

    def require_sight(self, permission: AnyPermission, pool_id: UUID | None, what: str) -> None:
        """As `require`, for looking: what one may not see is not there.

        Raises:
            NotFound: the same words as for a thing that does not exist.
        """
        if not self.access.allows(permission, pool_id):
            raise NotFound(f"there is no {what}")


SYSTEM = Caller("system", Access(everything=True))


def inherited(
    parents: Mapping[UUID, UUID | None], grants: Iterable[tuple[UUID, Role]]
) -> dict[UUID, frozenset[AnyPermission]]:
    """What grants on pools give in each pool of the tree: a grant holds for the pool and all below it."""
    granted: dict[UUID, frozenset[AnyPermission]] = {}
    for pool, role in grants:
        granted[pool] = granted.get(pool, frozenset()) | PERMISSIONS[role]
    held: dict[UUID, frozenset[AnyPermission]] = {}
    for pool in parents:
        above: UUID | None = pool
        collected: frozenset[AnyPermission] = frozenset()
        while above is not None:
            collected |= granted.get(above, frozenset())
            above = parents.get(above)
        if collected:
            held[pool] = collected
    return held
