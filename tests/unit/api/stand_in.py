"""A manager that keeps everything in memory, as small as the API's own behaviour allows to see.

What a real manager does is tested in its own tests and in tests/integration/api; here only doors, shapes and
streams are looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from skerry.api.examples import EXAMPLES
from skerry.errors import BadInput, Conflict, NotFound, Unauthenticated
from skerry.host.operation import ByteStream
from skerry.manager.access import Access, Caller
from skerry.manager.consoles import OpenConsole
from skerry.manager.events import Hello, StreamItem
from skerry.manager.idempotency import Answer
from skerry.manager.manager import Manager
from skerry.manager.people import Known, SignedIn
from skerry.manager.types import (
    NewUpload,
    Page,
    Session,
    SignIn,
    Task,
    TokenWithSecret,
    Upload,
    User,
    Vm,
)

POOL = UUID(int=1)
PASSWORD = "right-password"
VM = cast("Vm", EXAMPLES["Vm"])
TASK = cast("Task", EXAMPLES["Task"])
UPLOAD = UUID(int=7)


def access_of(name: str) -> Access:
    """`admin` may do everything, anybody else may look at machines."""
    from skerry.host.operation import Permission

    return Access(everything=True) if name == "admin" else Access(pools={POOL: frozenset({Permission.VM_VIEW})})


@dataclass
class People:
    """Two people with one password; session and token secrets are their names with a prefix."""

    sessions: dict[str, Session] = field(default_factory=dict)

    async def sign_in(self, words: SignIn, address: str) -> SignedIn:
        if words.user not in {"admin", "guest"} or words.password != PASSWORD:
            raise Unauthenticated("the name or the password is wrong")
        secret = f"session-of-{words.user}"
        user = User(name=words.user, admin=words.user == "admin", created_at=datetime.now(UTC))
        self.sessions[secret] = Session(
            user=user,
            permissions=(),
            csrf_token=f"csrf-of-{words.user}",
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        )
        return SignedIn(self.sessions[secret], secret)

    async def by_session(self, secret: str, address: str, *, renew: bool = True) -> Known:
        if secret not in self.sessions:
            raise Unauthenticated("the session has ended")
        session = self.sessions[secret]
        return Known(Caller(session.user.name, access_of(session.user.name), address), session)

    async def by_token(self, secret: str, address: str) -> Known:
        if secret not in {"token-of-admin", "token-of-guest"}:
            raise Unauthenticated("there is no such token")
        name = secret.removeprefix("token-of-")
        return Known(Caller(name, access_of(name), address), None)

    async def sign_out(self, secret: str) -> None:
        self.sessions.pop(secret, None)

    async def add_token(self, caller: Caller, new: Any) -> TokenWithSecret:
        return cast("TokenWithSecret", EXAMPLES["TokenWithSecret"])


@dataclass
class Machines:
    """One machine; what is asked for is remembered."""

    asked: list[tuple[str, Any]] = field(default_factory=list)
    failure: BaseException | None = None
    page: Page[Vm] = field(default_factory=lambda: Page[Vm](items=(VM,), total=1))

    async def list(self, caller: Caller, which: Any, *, limit: int, cursor: str | None) -> Page[Vm]:
        self.asked.append(("list", (which, limit, cursor)))
        return self.page

    async def get(self, caller: Caller, ref: str) -> Vm:
        if ref not in {VM.name, str(VM.id)}:
            raise NotFound(f"there is no machine {ref}")
        return VM

    async def create(self, caller: Caller, new: Any) -> Task:
        self.asked.append(("create", new))
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return TASK.model_copy(update={"id": UUID(int=len(self.asked))})

    async def change(self, caller: Caller, ref: str, changes: Any, *, if_match: str | None) -> Task:
        self.asked.append(("change", if_match))
        return TASK

    async def define(self, caller: Caller, ref: str, xml: str, *, if_match: str) -> Any:
        self.asked.append(("define", if_match))
        return EXAMPLES["Definition"]


@dataclass
class Audit:
    """A list."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    async def record(self, **entry: Any) -> None:
        self.entries.append(entry)


@dataclass
class Idempotency:
    """A dictionary."""

    kept: dict[str, tuple[str, Answer | None]] = field(default_factory=dict)

    async def begin(self, caller: Caller, key: str, fingerprint: str) -> Answer | None:
        if key not in self.kept:
            self.kept[key] = fingerprint, None
            return None
        known, answer = self.kept[key]
        if known != fingerprint:
            raise BadInput("the key was used for another request")
        if answer is None:
            raise Conflict("the first request with this key is still being worked on")
        return answer

    async def finish(self, caller: Caller, key: str, answer: Answer) -> None:
        self.kept[key] = self.kept[key][0], answer

    async def forget(self, caller: Caller, key: str) -> None:
        del self.kept[key]


@dataclass
class Events:
    """Tells what the test puts in."""

    items: asyncio.Queue[StreamItem] = field(default_factory=asyncio.Queue)
    after: list[str | None] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def subscribe(self, caller: Caller, *, after: str | None = None) -> AsyncGenerator[StreamItem]:
        self.after.append(after)
        try:
            if after is None:
                yield Hello("e:7")
            while True:
                yield await self.items.get()
        finally:
            self.closed.set()


@dataclass
class Uploads:
    """Keeps the sizes of the pieces as they came."""

    pieces: list[int] = field(default_factory=list)

    async def open(self, caller: Caller, new: NewUpload) -> Upload:
        return Upload(id=UPLOAD, user="admin", size=new.size, received=0, expires_at=datetime.now(UTC))

    async def write(self, caller: Caller, upload_id: UUID, offset: int, chunks: AsyncIterator[bytes]) -> Upload:
        async for chunk in chunks:
            self.pieces.append(len(chunk))
        received = offset + sum(self.pieces)
        return Upload(id=upload_id, user="admin", size=1, received=received, expires_at=datetime.now(UTC))


class Pipe:
    """A console: what is written comes back in capitals."""

    def __init__(self) -> None:
        self.out: asyncio.Queue[bytes] = asyncio.Queue()
        self.out.put_nowait(b"login: ")
        self.closed = False

    async def read(self) -> bytes:
        return await self.out.get()

    async def write(self, data: bytes) -> None:
        await self.out.put(b"" if data == b"\x04" else data.upper())

    async def finish(self) -> None:
        await self.out.put(b"")

    async def close(self) -> None:
        self.closed = True


@dataclass
class Consoles:
    """One ticket, for one pipe."""

    pipe: Pipe = field(default_factory=Pipe)
    tickets: set[str] = field(default_factory=lambda: {"good-ticket"})

    async def open(self, ticket: str) -> OpenConsole:
        if ticket not in self.tickets:
            raise Unauthenticated("the ticket is not valid (any more)")
        self.tickets.remove(ticket)
        return OpenConsole("serial", "admin", VM.name, cast("ByteStream", self.pipe))


class StandIn(SimpleNamespace):
    """All of them."""

    people: People
    machines: Machines
    devices: Machines
    audit: Audit
    idempotency: Idempotency
    events: Events
    uploads: Uploads
    consoles: Consoles

    def __init__(self) -> None:
        machines = Machines()
        super().__init__(
            people=People(),
            machines=machines,
            devices=machines,
            audit=Audit(),
            idempotency=Idempotency(),
            events=Events(),
            uploads=Uploads(),
            consoles=Consoles(),
        )

    def manager(self) -> Manager:
        """As the app takes it."""
        return cast("Manager", self)
