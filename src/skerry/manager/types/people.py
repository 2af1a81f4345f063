"""People, their sessions and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from skerry.host.types import MachineName
from skerry.manager.types.base import PLAIN
from skerry.values import Frozen


class User(Frozen):
    """A person who may sign in."""

    name: str
    admin: bool
    created_at: datetime


class NewUser(Frozen):
    """A person to add."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9._@-]{0,63}$")]
    password: Annotated[str, Field(min_length=8, max_length=256)]
    admin: bool = False


class PasswordChange(Frozen):
    """A new password for oneself."""

    old_password: Annotated[str, Field(max_length=256)]
    new_password: Annotated[str, Field(min_length=8, max_length=256)]


class SignIn(Frozen):
    """Name and password."""

    user: Annotated[str, Field(max_length=64, pattern=PLAIN)]
    password: Annotated[str, Field(max_length=256)]


class Session(Frozen):
    """Who is signed in; `csrf_token` goes into the header X-CSRF-Token of every request that changes something."""

    user: User
    permissions: tuple[str, ...]
    csrf_token: str
    expires_at: datetime


class NewToken(Frozen):
    """An API token to make."""

    name: MachineName
    expires_in_days: int | None = Field(default=90, ge=1, le=3650)


class Token(Frozen):
    """An API token, without its secret."""

    id: UUID
    name: str
    user: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenWithSecret(Token):
    """An API token at the only moment its secret is shown."""

    secret: str


class About(Frozen):
    """What anybody may know before signing in."""

    name: Literal["skerry"] = "skerry"
    version: str
    api: Literal["v1"] = "v1"
