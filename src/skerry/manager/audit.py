"""The audit trail: who did what, when, from where, and how it ended."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from skerry.manager.access import Caller, ManagerPermission
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.store.pages import Order, checked_limit, next_cursor
from skerry.manager.types import AuditEntry, ObjectKind, ObjectRef, Page

_a = tables.audit.c


class Audit:
    """Written by the API for each request that changes something, and for each sign-in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self,
        *,
        user: str,
        address: str,
        method: str,
        action: str,
        status: int,
        about: ObjectRef | None = None,
        detail: str = "",
    ) -> None:
        """Add an entry. Secrets must not be in `detail`."""
        row = {
            "at": now(),
            "user": user,
            "address": address,
            "method": method,
            "action": action,
            "object_kind": about and about.kind.value,
            "object_id": about and about.id,
            "object_name": about and about.name,
            "status": status,
            "detail": detail,
        }
        async with self._database.write() as writing:
            await writing.execute(sa.insert(tables.audit), row)

    async def list(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[AuditEntry]:
        """One page, newest first."""
        caller.require(ManagerPermission.AUDIT_VIEW, None, "the audit trail")
        query = sa.select(tables.audit).limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(Order(_a.at, _a.id, descending=True).apply(query, cursor))).all()
            total = (await connection.execute(sa.select(sa.func.count()).select_from(tables.audit))).scalar_one()
        items = tuple(_entry(row) for row in rows[:limit])
        return Page[AuditEntry](items=items, next_cursor=next_cursor(rows, limit, "at", "id"), total=total)


def _entry(row: sa.Row[Any]) -> AuditEntry:
    about = None
    if row.object_kind is not None:
        about = ObjectRef(kind=ObjectKind(row.object_kind), id=row.object_id, name=row.object_name)
    return AuditEntry(
        id=row.id,
        at=row.at,
        user=row.user,
        address=row.address,
        method=row.method,
        action=row.action,
        object=about,
        status=row.status,
        detail=row.detail,
    )
