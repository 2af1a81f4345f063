"""Rows of images, and the images in them as people see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.types import Image, ImageKind, ObjectKind, ObjectRef

_i = tables.images.c
_m = tables.machines.c
_mi = tables.machine_images.c


def image_ref(row: sa.Row[Any]) -> ObjectRef:
    """An image, named."""
    return ObjectRef(kind=ObjectKind.IMAGE, id=str(row.id), name=row.name)


async def image_of_volume(
    reader: AsyncConnection | Writing, host: str, storage_pool: str, volume: str
) -> str | None:
    """The name of the image that a volume is."""
    here = (_i.host == host, _i.storage_pool == storage_pool, _i.volume == volume)
    name: str | None = (await reader.execute(sa.select(_i.name).where(*here).limit(1))).scalar_one_or_none()
    return name


async def images_of(reader: AsyncConnection | Writing, rows: Sequence[sa.Row[Any]]) -> tuple[Image, ...]:
    """The images in these rows, with the machines that stand on them."""
    query = (
        sa.select(_mi.image_id, _m.name)
        .join_from(tables.machine_images, tables.machines, _m.id == _mi.machine_id)
        .where(_mi.image_id.in_([row.id for row in rows]))
        .order_by(_m.name)
    )
    users: dict[UUID, list[str]] = {}
    result: sa.CursorResult[Any] = await reader.execute(query)
    for row in result.all():
        users.setdefault(row.image_id, []).append(row.name)
    return tuple(_image(row, users.get(row.id, ())) for row in rows)


def _image(row: sa.Row[Any], users: Sequence[str]) -> Image:
    return Image(
        id=row.id,
        name=row.name,
        kind=ImageKind(row.kind),
        state=row.state,
        pool_id=row.pool_id,
        description=row.description,
        format=row.format,
        size=row.size,
        allocation=row.allocation,
        sha256=row.sha256,
        storage_pool=row.storage_pool,
        volume=row.volume,
        created_at=row.created_at,
        used_by=tuple(users),
    )


async def tell_image(writing: Writing, image_id: UUID, summary: str, *, user: str | None = None) -> Image:
    """Leave the fact that an image changed; the image."""
    row = (await writing.execute(sa.select(tables.images).where(_i.id == image_id))).one()
    image = (await images_of(writing, [row]))[0]
    writing.tell("image.changed", image_ref(row), summary, pool_id=image.pool_id, user=user, data=image)
    return image


async def tell_image_removed(writing: Writing, image_id: UUID, *, user: str | None = None) -> None:
    """Leave the fact that an image is about to go."""
    row = (await writing.execute(sa.select(tables.images).where(_i.id == image_id))).one_or_none()
    if row is not None:
        writing.tell("image.removed", image_ref(row), f"{row.name} was removed", pool_id=row.pool_id, user=user)
