"""Which machines a list shows: of all that a person may see, those in a state, on a host, in a pool, of a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from skerry.host.operation import Permission
from skerry.manager.access import Caller
from skerry.manager.sight import in_pools
from skerry.manager.store import tables
from skerry.manager.store.pages import part_of_name
from skerry.manager.types import VmState

_m = tables.machines.c
_h = tables.hosts.c


@dataclass(frozen=True)
class MachineFilter:
    """Which machines a list shows, and in which order."""

    states: Sequence[VmState] = ()
    host: str | None = None
    pool: str | None = None  # id or name; with all pools below it
    q: str | None = None  # a part of the name
    sort: Literal["name", "created_at", "state", "memory", "vcpus"] = "name"
    descending: bool = False


def clauses(caller: Caller, which: MachineFilter) -> list[sa.ColumnElement[bool]]:
    """What holds of each; machines are joined with their hosts."""
    wanted = [in_pools(caller, Permission.VM_VIEW, _m.pool_id)]
    if which.states:
        wanted.append(sa.or_(*(_in_state(state) for state in which.states)))
    if which.host is not None:
        wanted.append(_m.host == which.host)
    if which.pool is not None:
        wanted.append(_m.pool_id.in_(_pools_below(which.pool)))
    if which.q:
        wanted.append(part_of_name(_m.name, which.q))
    return wanted


def _in_state(state: VmState) -> sa.ColumnElement[bool]:
    online = sa.func.coalesce(_h.online, sa.false())
    if state is VmState.CREATING:
        return _m.creating
    if state is VmState.UNREACHABLE:
        return sa.and_(_m.creating.is_(False), sa.not_(online))
    return sa.and_(_m.creating.is_(False), online, _m.state == state.value)


def _pools_below(word: str) -> sa.Select[tuple[UUID]]:
    """The pool of this id or name, and all below it."""
    top, below = tables.pools.alias("top"), tables.pools.alias("below")
    try:
        named = top.c.id == UUID(word)
    except ValueError:
        named = sa.or_(top.c.name == word, top.c.path == word)
    under = sa.or_(below.c.id == top.c.id, below.c.path.startswith(top.c.path + "/", autoescape=False))
    return sa.select(below.c.id).join_from(top, below, under).where(named)
