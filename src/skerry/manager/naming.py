"""Finding machines by what people call them, and keeping their names apart."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from skerry.errors import Conflict, NameTaken, NotFound
from skerry.host.operation import Permission
from skerry.manager.access import Caller
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.types import ObjectKind
from skerry.manager.vms import SELECTED

_m = tables.machines.c
_t = tables.tasks.c


def name_claim(name: str) -> str:
    """What a task claims that will give a machine this name."""
    return f"{ObjectKind.VM}:{name}"


async def find(reader: AsyncConnection | Writing, caller: Caller, ref: str) -> sa.Row[Any]:
    """The row of the machine that an id or a name means, and whether its host is online.

    Raises:
        NotFound: there is none, or the caller may not see it.
        Conflict: several hosts have machines of that name.
    """
    try:
        means = _m.id == UUID(ref)
    except ValueError:
        means = _m.name == ref.replace("\x00", "")
    result: sa.CursorResult[Any] = await reader.execute(SELECTED.where(means).limit(3))
    seen = [row for row in result.all() if caller.access.allows(Permission.VM_VIEW, row.pool_id)]
    if not seen:
        raise NotFound(f"there is no machine {ref[:80]}", hint="`skerry vm ls` lists all that you may see")
    if len(seen) > 1:
        hosts = " and ".join(str(row.host) for row in seen)
        raise Conflict(f"{ref} is the name of machines on {hosts}", hint="say which one by its id")
    return seen[0]


async def check_free(writing: Writing, name: str, *, but: UUID | None = None) -> None:
    """Make sure that no machine has this name, and that no unfinished task will give it to one.

    Raises:
        NameTaken: one has, or will have it.
    """
    has_it = sa.select(_m.id).where(_m.name == name)
    if but is not None:
        has_it = has_it.where(_m.id != but)
    will = sa.select(_t.id).where(_t.ended_at.is_(None), _t.name_claimed == name_claim(name))
    if (await writing.execute(has_it.limit(1))).first() or (await writing.execute(will.limit(1))).first():
        raise NameTaken(f"there is already a machine {name}", hint="choose another name")
