"""The library of images, and uploads on their way into it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from skerry.host.types import Description, MachineName
from skerry.manager.types.base import PLAIN, Ref
from skerry.values import Frozen


class ImageKind(StrEnum):
    """What an image is for."""

    TEMPLATE = "template"  # a disk that machines are cloned from
    ISO = "iso"  # a CD


class Image(Frozen):
    """An image in the library."""

    id: UUID
    name: str
    kind: ImageKind
    state: Literal["importing", "ready", "failed", "deleting"]
    pool_id: UUID
    description: str = ""
    format: str = ""
    size: int = 0  # bytes the guest sees
    allocation: int = 0  # bytes used on the host
    sha256: str | None = None  # of what was imported
    storage_pool: str = ""
    volume: str = ""
    created_at: datetime
    used_by: tuple[str, ...] = ()  # names of machines cloned from it


class NewImage(Frozen):
    """An image to import from an upload or from a volume that is already there."""

    name: MachineName
    description: Description = ""
    upload: UUID | None = None
    storage_pool: Ref | None = None  # with `volume`: take this volume, which needs no sha256
    volume: Ref | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None


class ImageChanges(Frozen):
    """What to change about an image; null leaves a thing as it is."""

    name: MachineName | None = None
    description: Description | None = None


class NewUpload(Frozen):
    """Bytes that will be sent."""

    size: int = Field(ge=1)
    name: Annotated[str, Field(max_length=256, pattern=PLAIN)] = ""  # of the file, for people


class Upload(Frozen):
    """Bytes on their way; send the rest from `received` on, before it is thrown away at `expires_at`."""

    id: UUID
    name: str = ""
    user: str
    size: int
    received: int
    expires_at: datetime
