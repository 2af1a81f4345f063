"""People: sign-in, sessions, API tokens, passwords.

Secrets of sessions and tokens are random and long, so their plain SHA-256 is what the database keeps; passwords
are kept as argon2 hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from skerry.errors import BadInput, Conflict, NameTaken, NotFound, Unauthenticated
from skerry.manager.access import Access, Caller, ManagerPermission, Role, inherited
from skerry.manager.passwords import Passwords
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.store.pages import Order, checked_limit, next_cursor
from skerry.manager.tries import WrongTries
from skerry.manager.types import (
    NewToken,
    NewUser,
    Page,
    PasswordChange,
    Session,
    SignIn,
    Token,
    TokenWithSecret,
    User,
)

ADMIN = "admin"
_COARSE = timedelta(minutes=1)  # the last use of a session or token is written no more often
_TOKEN_PREFIX = "skt_"  # noqa: S105 - lets secret scanners recognise a token


@dataclass(frozen=True)
class SignedIn:
    """A session with the secret that goes into the cookie."""

    session: Session
    secret: str


@dataclass(frozen=True)
class Known:
    """Who is behind a request."""

    caller: Caller
    session: Session | None  # None: an API token


class People:
    """Who may sign in, and who is signed in."""

    def __init__(self, database: Database, settings: ManagerSettings) -> None:
        self._database = database
        self._settings = settings
        self._passwords = Passwords()
        self._tries = WrongTries()

    # ---- who is there

    async def access_of(self, user: str) -> Access:
        """What a person may do now.

        Raises:
            Unauthenticated: there is no such person any more.
        """
        async with self._database.read() as connection:
            return (await _known(connection, user))[1]

    async def sign_in(self, words: SignIn, address: str) -> SignedIn:
        """Begin a session.

        Raises:
            Unauthenticated: no such user, or not the password; the same words and time for both.
            TooManyTries: too many wrong ones for this user or from this address.
        """
        keys = (f"user:{words.user}", f"address:{address}")
        async with self._tries.one(*keys):
            if not await self._is_password_of(words.user, words.password):
                self._tries.wrong(*keys)
                raise Unauthenticated(
                    "this name and password do not belong together", hint="check both, and try again"
                )
            self._tries.right(*keys)
        secret = secrets.token_urlsafe(32)
        time = now()
        row = {
            "secret_hash": _digest(secret),
            "user": words.user,
            "created_at": time,
            "used_at": time,
            "expires_at": time + timedelta(days=self._settings.session_days),
        }
        async with self._database.write() as writing:
            await writing.execute(sa.insert(tables.sessions), row)
        known = await self.by_session(secret, address)
        assert known.session is not None
        return SignedIn(known.session, secret)

    async def by_session(self, secret: str, address: str, *, renew: bool = True) -> Known:
        """Who has this cookie (Unauthenticated when nobody); with `renew`, the session's idle time begins anew."""
        sessions = tables.sessions.c
        time = now()
        idle = timedelta(minutes=self._settings.session_idle_minutes)
        async with self._database.read() as connection:
            query = sa.select(sessions.user, sessions.used_at, sessions.expires_at).where(
                sessions.secret_hash == _digest(secret), sessions.expires_at > time, sessions.used_at > time - idle
            )
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise Unauthenticated("nobody is signed in", hint="sign in")
            user, access = await _known(connection, row.user)
        if renew and time - row.used_at > min(_COARSE, idle / 4):
            await self._used(tables.sessions, sessions.secret_hash == _digest(secret), time)
        expires = min(row.expires_at, time + idle)
        session = Session(
            user=user, permissions=access.permissions(), csrf_token=_csrf(secret), expires_at=expires
        )
        return Known(Caller(user.name, access, address), session)

    async def by_token(self, secret: str, address: str) -> Known:
        """Who has this API token (Unauthenticated when nobody)."""
        tokens = tables.tokens.c
        time = now()
        async with self._database.read() as connection:
            query = sa.select(tokens.user, tokens.used_at).where(
                tokens.secret_hash == _digest(secret),
                sa.or_(tokens.expires_at.is_(None), tokens.expires_at > time),
            )
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise Unauthenticated(
                    "this API token is not valid", hint="make a new one, or sign in: skerry login"
                )
            _, access = await _known(connection, row.user)
        if row.used_at is None or time - row.used_at > _COARSE:
            await self._used(tables.tokens, tokens.secret_hash == _digest(secret), time)
        return Known(Caller(row.user, access, address), None)

    async def _used(self, table: sa.Table, which: sa.ColumnElement[bool], time: datetime) -> None:
        async with self._database.write() as writing:
            await writing.execute(sa.update(table).where(which).values(used_at=time))

    async def sign_out(self, secret: str) -> None:
        """End a session; harmless when there is none."""
        sessions = tables.sessions
        async with self._database.write() as writing:
            await writing.execute(sa.delete(sessions).where(sessions.c.secret_hash == _digest(secret)))

    # ---- people

    async def users(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[User]:
        """One page of the people, by name."""
        caller.require(ManagerPermission.USER_MANAGE, None, "people")
        users = tables.users.c
        query = sa.select(users.name, users.admin, users.created_at).limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(Order(users.name, users.name).apply(query, cursor))).all()
            total = (await connection.execute(sa.select(sa.func.count()).select_from(tables.users))).scalar_one()
        items = tuple(_as_user(row) for row in rows[:limit])
        return Page[User](items=items, next_cursor=next_cursor(rows, limit, "name", "name"), total=total)

    async def add_user(self, caller: Caller, new: NewUser) -> User:
        """Add a person; who is no administrator gets the role `user` on the root pool."""
        caller.require(ManagerPermission.USER_MANAGE, None, "people")
        user = User(name=new.name, admin=new.admin, created_at=now())
        row = user.model_dump() | {"password_hash": await self._passwords.hash(new.password)}
        pools = tables.pools.c
        async with self._database.write() as writing:
            known = await writing.execute(sa.select(tables.users.c.name).where(tables.users.c.name == new.name))
            if known.first() is not None:
                raise NameTaken(f"there is a user {new.name} already", hint="choose another name")
            await writing.execute(sa.insert(tables.users), row)
            if not new.admin:
                root = (await writing.execute(sa.select(pools.id).where(pools.parent_id.is_(None)))).scalar_one()
                grant = {"user": new.name, "pool_id": root, "role": Role.USER.value}
                await writing.execute(sa.insert(tables.grants), grant)
        return user

    async def delete_user(self, caller: Caller, name: str) -> None:
        """Remove a person with their sessions and tokens; the last administrator stays (Conflict)."""
        caller.require(ManagerPermission.USER_MANAGE, None, "people")
        users = tables.users.c
        async with self._database.write() as writing:
            found = (await writing.execute(sa.select(users.admin).where(users.name == name))).one_or_none()
            if found is None:
                raise NotFound(f"there is no user {name}")
            others = sa.select(sa.func.count()).where(users.admin, users.name != name)
            if found.admin and (await writing.execute(others)).scalar_one() == 0:
                raise Conflict(f"{name} is the last administrator", hint="make somebody else one first")
            await writing.execute(sa.delete(tables.users).where(users.name == name))

    async def change_password(self, caller: Caller, change: PasswordChange, *, keep: str | None = None) -> None:
        """Change one's own password; all one's sessions end, except the one with the secret `keep`."""
        key = f"user:{caller.user}"
        async with self._tries.one(key):
            if not await self._is_password_of(caller.user, change.old_password):
                self._tries.wrong(key)
                raise BadInput("the old password is not right")
        others = tables.sessions.c.secret_hash != _digest(keep or "")
        await self._set_password(caller.user, change.new_password, others)

    async def _is_password_of(self, user: str, password: str) -> bool:
        """Also where there is no such user, and then it takes as long."""
        users = tables.users.c
        async with self._database.read() as connection:
            found = await connection.execute(sa.select(users.password_hash).where(users.name == user))
            kept = found.scalar_one_or_none()
        return await self._passwords.matches(kept, password)

    async def _set_password(self, user: str, password: str, sessions: sa.ColumnElement[bool]) -> None:
        hashed = await self._passwords.hash(password)
        users = tables.users
        async with self._database.write() as writing:
            await writing.execute(sa.update(users).where(users.c.name == user).values(password_hash=hashed))
            await writing.execute(sa.delete(tables.sessions).where(tables.sessions.c.user == user, sessions))

    async def first_password(self) -> str | None:
        """Make the administrator `admin` if there is no user yet, and give the password; None on later starts."""
        password = secrets.token_urlsafe(12)
        row = {
            "name": ADMIN,
            "admin": True,
            "created_at": now(),
            "password_hash": await self._passwords.hash(password),
        }
        async with self._database.write() as writing:
            if (await writing.execute(sa.select(tables.users.c.name).limit(1))).first() is not None:
                return None
            await writing.execute(sa.insert(tables.users), row)
        return password

    async def reset_password(self, name: str) -> str:
        """Give a person a new random password; their sessions end. `admin` is made again where it was deleted."""
        password = secrets.token_urlsafe(12)
        users = tables.users.c
        async with self._database.write() as writing:
            known = (await writing.execute(sa.select(users.name).where(users.name == name))).first()
            if known is None and name != ADMIN:
                raise NotFound(f"there is no user {name}")
            if known is None:
                row = {"name": ADMIN, "admin": True, "created_at": now(), "password_hash": ""}
                await writing.execute(sa.insert(tables.users), row)
        await self._set_password(name, password, sa.true())
        return password

    # ---- API tokens

    async def tokens(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[Token]:
        """One page of one's own API tokens."""
        tokens = tables.tokens.c
        own = tokens.user == caller.user
        query = sa.select(tables.tokens).where(own).limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(Order(tokens.name, tokens.id).apply(query, cursor))).all()
            count = sa.select(sa.func.count()).select_from(tables.tokens).where(own)
            total = (await connection.execute(count)).scalar_one()
        items = tuple(_as_token(row) for row in rows[:limit])
        return Page[Token](items=items, next_cursor=next_cursor(rows, limit, "name", "id"), total=total)

    async def add_token(self, caller: Caller, new: NewToken) -> TokenWithSecret:
        """Make an API token that may do what oneself may do."""
        time = now()
        days = new.expires_in_days
        token = TokenWithSecret(
            id=uuid4(),
            name=new.name,
            user=caller.user,
            created_at=time,
            expires_at=None if days is None else time + timedelta(days=days),
            last_used_at=None,
            secret=_TOKEN_PREFIX + secrets.token_urlsafe(32),
        )
        row = token.model_dump(exclude={"secret", "last_used_at"}) | {"secret_hash": _digest(token.secret)}
        tokens = tables.tokens.c
        async with self._database.write() as writing:
            same = sa.select(tokens.id).where(tokens.user == caller.user, tokens.name == new.name)
            if (await writing.execute(same)).first() is not None:
                raise NameTaken(
                    f"there is a token {new.name} already", hint="choose another name, or delete that one"
                )
            await writing.execute(sa.insert(tables.tokens), row)
        return token

    async def delete_token(self, caller: Caller, token_id: UUID) -> None:
        """End an API token of one's own."""
        tokens = tables.tokens.c
        async with self._database.write() as writing:
            done = await writing.execute(
                sa.delete(tables.tokens).where(tokens.id == token_id, tokens.user == caller.user)
            )
            if done.rowcount == 0:
                raise NotFound("there is no such token of yours")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _csrf(secret: str) -> str:
    """Follows from the session's secret, which no page can read; so it needs no place of its own."""
    return hmac.new(secret.encode(), b"csrf", "sha256").hexdigest()


async def _known(connection: AsyncConnection, name: str) -> tuple[User, Access]:
    users, pools, grants = tables.users.c, tables.pools.c, tables.grants.c
    query = sa.select(users.name, users.admin, users.created_at).where(users.name == name)
    found = (await connection.execute(query)).one_or_none()
    if found is None:
        raise Unauthenticated(f"there is no user {name} any more", hint="sign in as somebody else")
    if found.admin:
        return _as_user(found), Access(everything=True)
    rows = (await connection.execute(sa.select(grants.pool_id, grants.role).where(grants.user == name))).all()
    tree = (await connection.execute(sa.select(pools.id, pools.parent_id))).all()
    parents: Mapping[UUID, UUID | None] = {row.id: row.parent_id for row in tree}
    access = Access(pools=inherited(parents, ((row.pool_id, Role(row.role)) for row in rows)))
    return _as_user(found), access


def _as_user(row: sa.Row[Any, Any, Any]) -> User:
    return User(name=row.name, admin=row.admin, created_at=row.created_at)


def _as_token(row: sa.Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        user=row.user,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.used_at,
    )
