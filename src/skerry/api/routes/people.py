"""People, their passwords and API tokens."""

from __future__ import annotations

from fastapi import Response

from skerry.api.answers import json_answer
from skerry.api.declare import Routes
from skerry.api.doors import Calling, Cursor, Id, Limit, Name, Need
from skerry.errors import Conflict, NameTaken, NotFound, TooManyTries, Unauthenticated
from skerry.manager.access import ManagerPermission
from skerry.manager.types import (
    NewToken,
    NewUser,
    ObjectKind,
    ObjectRef,
    Page,
    PasswordChange,
    Token,
    TokenWithSecret,
    User,
)

users = Routes("People", "/users", about=ObjectKind.USER)
tokens = Routes("API tokens", "/tokens", about=ObjectKind.TOKEN)


@users.get("", needs=ManagerPermission.USER_MANAGE, answers=Page[User])
async def list_users(call: Calling, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """The people who may sign in, by name."""
    return json_answer(await call.manager.people.users(call.caller, limit=limit, cursor=cursor))


@users.post("", needs=ManagerPermission.USER_MANAGE, answers=User, status=201, errors=(NameTaken,), once=False)
async def add_user(call: Calling, new: NewUser) -> Response:
    """Add a person."""
    call.about = ObjectRef(kind=ObjectKind.USER, id=new.name, name=new.name)
    return json_answer(await call.manager.people.add_user(call.caller, new), 201)


@users.change("DELETE", "/{name}", needs=ManagerPermission.USER_MANAGE, answers=None, errors=(NotFound, Conflict))
async def delete_user(call: Calling, name: Name) -> Response:
    """Remove a person, with their sessions and tokens."""
    await call.manager.people.delete_user(call.caller, name)
    return Response(status_code=204)


@users.change("PUT", "/me/password", needs=Need.SIGN_IN, answers=None, errors=(Unauthenticated, TooManyTries))
async def change_password(call: Calling, change: PasswordChange) -> Response:
    """Change one's own password; one's other sessions end."""
    await call.manager.people.change_password(call.caller, change, keep=call.secret)
    return Response(status_code=204)


@tokens.get("", needs=Need.SIGN_IN, answers=Page[Token])
async def list_tokens(call: Calling, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """One's own API tokens."""
    return json_answer(await call.manager.people.tokens(call.caller, limit=limit, cursor=cursor))


@tokens.post("", needs=Need.SIGN_IN, answers=TokenWithSecret, status=201, errors=(NameTaken,), once=False)
async def add_token(call: Calling, new: NewToken) -> Response:
    """Make an API token; its secret is shown in this answer and never again."""
    token = await call.manager.people.add_token(call.caller, new)
    call.about = ObjectRef(kind=ObjectKind.TOKEN, id=str(token.id), name=token.name)
    return json_answer(token, 201)


@tokens.change("DELETE", "/{id}", needs=Need.SIGN_IN, answers=None, errors=(NotFound,))
async def delete_token(call: Calling, ref: Id) -> Response:
    """End an API token."""
    await call.manager.people.delete_token(call.caller, ref)
    return Response(status_code=204)
