"""Consoles of machines, opened once each with a ticket.

A ticket is in the database, so that another replica than the one that gave it may open it; only its hash is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import InvalidState, NotFound, Unauthenticated
from skerry.host.operation import ByteStream, MachineRef, Permission
from skerry.host.operations import consoles as on_host
from skerry.host.types import MachineState
from skerry.link.port import Link
from skerry.manager.access import Caller
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.types import ConsoleTicket

ConsoleKind = Literal["serial", "graphics"]

LIFETIME = timedelta(seconds=30)
_t = tables.console_tickets.c
_m = tables.machines.c
_OPEN = frozenset({MachineState.RUNNING, MachineState.PAUSED, MachineState.STOPPING})
_OPERATIONS = {"serial": on_host.console, "graphics": on_host.graphics}


@dataclass(frozen=True)
class OpenConsole:
    """A console that a ticket opened; who opens it closes the stream."""

    kind: ConsoleKind
    user: str
    machine: str  # its name
    stream: ByteStream


class Consoles:
    """Tickets work once, for 30 seconds, for one machine and kind."""

    def __init__(self, database: Database, link: Link) -> None:
        self._database = database
        self._link = link

    async def ticket(self, caller: Caller, ref: str, kind: ConsoleKind) -> ConsoleTicket:
        """A ticket for a console of a running machine."""
        row = await self._machine(caller, ref)
        if MachineState(row.state) not in _OPEN:
            raise InvalidState(f"{row.name} is {row.state}, so it has no console", hint="start it first")
        secret = secrets.token_urlsafe(24)
        expires = now() + LIFETIME
        ticket = {
            "secret_hash": _digest(secret),
            "user": caller.user,
            "machine_id": row.id,
            "kind": kind,
            "expires_at": expires,
        }
        async with self._database.write() as writing:
            await writing.execute(sa.delete(tables.console_tickets).where(_t.expires_at < now()))
            await writing.execute(sa.insert(tables.console_tickets), ticket)
        return ConsoleTicket(ticket=secret, path=f"/api/v1/consoles/{secret}", expires_at=expires)

    async def open(self, ticket: str) -> OpenConsole:
        """Use up a ticket.

        Raises:
            Unauthenticated: there is no such ticket, it is too old, or it was used.
        """
        which = _t.secret_hash == _digest(ticket)
        async with self._database.write() as writing:
            query = (
                sa.select(_t.user, _t.kind, _t.expires_at, _m.id, _m.name, _m.host)
                .join(tables.machines, _m.id == _t.machine_id)
                .where(which)
            )
            row = (await writing.execute(query)).one_or_none()
            await writing.execute(sa.delete(tables.console_tickets).where(which))
        if row is None or row.expires_at < now():
            raise Unauthenticated("this console ticket is not valid any more", hint="open the console again")
        kind: ConsoleKind = "serial" if row.kind == "serial" else "graphics"
        stream = await self._link.stream(row.host, _OPERATIONS[kind], MachineRef(uuid=row.id))
        return OpenConsole(kind, row.user, row.name, stream)

    async def _machine(self, caller: Caller, ref: str) -> sa.Row[Any, Any, Any, Any]:
        query = sa.select(_m.id, _m.name, _m.state, _m.pool_id).where(_names(ref), _m.creating.is_(False))
        async with self._database.read() as connection:
            row = (await connection.execute(query.limit(1))).one_or_none()
        if row is None:
            raise NotFound(f"there is no machine {ref}")
        caller.require_sight(Permission.VM_VIEW, row.pool_id, f"machine {ref}")
        caller.require(Permission.VM_CONSOLE, row.pool_id, row.name)
        return row


def _names(ref: str) -> sa.ColumnElement[bool]:
    try:
        return _m.id == UUID(ref)
    except ValueError:
        return _m.name == ref


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
