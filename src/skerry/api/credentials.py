"""Who is behind a connection: the cookie of a browser's session, or the API token of a program."""

from __future__ import annotations

import asyncio

from starlette.requests import HTTPConnection

from skerry.errors import Unauthenticated, Unavailable
from skerry.manager.manager import Manager
from skerry.manager.people import Known

COOKIE = "skerry_session"
LOOK_S = 15.0  # how often an open channel is asked whether it may stay


def address_of(connection: HTTPConnection) -> str:
    """Where it comes from."""
    return connection.client.host if connection.client else ""


async def who(connection: HTTPConnection, *, renew: bool = True) -> tuple[Known, str | None]:
    """Who asks, and the secret of their session where they have one. A token wins over a cookie.

    Raises:
        Unauthenticated: nothing was shown, or it does not hold (any more).
    """
    manager: Manager = connection.app.state.manager
    token, cookie = _shown(connection)
    if token:
        return await manager.people.by_token(token, address_of(connection)), None
    if cookie:
        return await manager.people.by_session(cookie, address_of(connection), renew=renew), cookie
    raise Unauthenticated("nobody is signed in", hint="sign in, or send an API token as `Authorization: Bearer …`")


async def may_stay(connection: HTTPConnection) -> bool:
    """Whether what opened a channel still holds; an open page alone does not renew its session."""
    try:
        await who(connection, renew=False)
    except Unauthenticated:
        return False
    except Unavailable:
        return True  # the database will be back
    return True


async def until_signed_out(connection: HTTPConnection) -> None:
    """Return when the session or token of a channel has ended; never for one that was opened without."""
    if not any(_shown(connection)):
        await asyncio.Event().wait()
    stays = True
    while stays:
        await asyncio.sleep(LOOK_S)
        stays = await may_stay(connection)


def _shown(connection: HTTPConnection) -> tuple[str | None, str | None]:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return bearer or None, connection.cookies.get(COOKIE) or None
