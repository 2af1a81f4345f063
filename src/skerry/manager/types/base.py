"""What all of these models are made of: pages of lists, references to things, patterns of texts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from skerry.values import Frozen

T = TypeVar("T")

MIB = 1024**2
PLAIN = r"^[^\x00-\x1F\x7F]*$"  # no control characters
HOSTNAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"
LINES = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F]*$"  # none but tabs and line breaks
Ref = Annotated[str, Field(min_length=1, max_length=128, pattern=PLAIN)]  # an id or a name


class Page(Frozen, Generic[T]):
    """One page of a list; `next_cursor` asks for the next one, and is null at the end."""

    items: tuple[T, ...]
    next_cursor: str | None = None
    total: int


class ObjectKind(StrEnum):
    """Kinds of things that tasks, facts and audit entries are about."""

    VM = "vm"
    IMAGE = "image"
    HOST = "host"
    TASK = "task"
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    POOL = "pool"
    NETWORK = "network"
    STORAGE_POOL = "storage-pool"
    VOLUME = "volume"


class ObjectRef(Frozen):
    """Names a thing, for people (name) and for programs (kind and id)."""

    kind: ObjectKind
    id: str
    name: str
