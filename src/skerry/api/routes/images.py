"""The image library, and the uploads that fill it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from skerry.api.answers import json_answer
from skerry.api.declare import Routes
from skerry.api.doors import Calling, Cursor, Id, Limit, Ref, Words
from skerry.api.routes.vms import HOST_ERRORS
from skerry.errors import BadImage, Conflict, InUse, NameTaken, NoSpace, NotFound, TooLarge
from skerry.host.operation import Permission
from skerry.manager.types import (
    Image,
    ImageChanges,
    ImageKind,
    NewImage,
    NewUpload,
    ObjectKind,
    ObjectRef,
    Page,
    Upload,
)

images = Routes("Images", "/images", about=ObjectKind.IMAGE)
uploads = Routes("Uploads", "/uploads")


@images.get("", needs=Permission.STORAGE_VIEW, answers=Page[Image])
async def list_images(
    call: Calling, kind: ImageKind | None = None, q: Words = None, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """The images that one may see, by name."""
    return json_answer(await call.manager.images.list(call.caller, kind=kind, q=q, limit=limit, cursor=cursor))


@images.post("", needs=Permission.STORAGE_MODIFY, errors=(NotFound, NameTaken, InUse, BadImage, NoSpace))
async def add_image(call: Calling, new: NewImage) -> Response:
    """Import an image from an upload, or take a volume that is there; the task's result has its id."""
    return call.accepted(await call.manager.images.add(call.caller, new))


@images.get("/{id}", needs=Permission.STORAGE_VIEW, answers=Image, errors=(NotFound,))
async def get_image(call: Calling, ref: Ref) -> Response:
    """One image."""
    return json_answer(await call.manager.images.get(call.caller, ref))


@images.change(
    "PATCH", "/{id}", needs=Permission.STORAGE_MODIFY, answers=Image, status=200, errors=(NotFound, NameTaken)
)
async def change_image(call: Calling, ref: Ref, changes: ImageChanges) -> Response:
    """Rename an image, or describe it anew."""
    image = await call.manager.images.change(call.caller, ref, changes)
    call.about = ObjectRef(kind=ObjectKind.IMAGE, id=str(image.id), name=image.name)
    return json_answer(image)


@images.change("DELETE", "/{id}", needs=Permission.STORAGE_MODIFY, errors=(NotFound, InUse))
async def delete_image(call: Calling, ref: Ref) -> Response:
    """Remove an image and its volume, where no machine stands on it and no task needs it."""
    return call.accepted(await call.manager.images.delete(call.caller, ref))


@uploads.get("", needs=Permission.STORAGE_MODIFY, answers=Page[Upload])
async def list_uploads(call: Calling, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Uploads that were not imported yet, the oldest first: one's own, and for administrators all."""
    return json_answer(await call.manager.uploads.list(call.caller, limit=limit, cursor=cursor))


@uploads.post(
    "",
    needs=Permission.STORAGE_MODIFY,
    answers=Upload,
    status=201,
    errors=(NotFound, TooLarge, NoSpace, *HOST_ERRORS),
)
async def open_upload(call: Calling, new: NewUpload) -> Response:
    """Make room for bytes that will be sent, where there is enough."""
    return json_answer(await call.manager.uploads.open(call.caller, new), 201)


@uploads.get("/{id}", needs=Permission.STORAGE_MODIFY, answers=Upload, errors=(NotFound,))
async def get_upload(call: Calling, ref: Id) -> Response:
    """How much of an upload has arrived."""
    return json_answer(await call.manager.uploads.get(call.caller, ref))


@uploads.change(
    "PUT",
    "/{id}",
    needs=Permission.STORAGE_MODIFY,
    answers=Upload,
    status=200,
    errors=(NotFound, Conflict, InUse, NoSpace, *HOST_ERRORS),
    body={"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    written=False,  # an image may come in thousands of pieces; its beginning and its import are written down
)
async def send_upload(
    call: Calling,
    request: Request,
    ref: Id,
    offset: Annotated[int, Query(ge=0, description="What has been received so far.")] = 0,
) -> Response:
    """Send bytes from `offset` on, all that is left or a part; what arrived before a broken connection is kept."""
    return json_answer(await call.manager.uploads.write(call.caller, ref, offset, request.stream()))


@uploads.change("DELETE", "/{id}", needs=Permission.STORAGE_MODIFY, answers=None, errors=(InUse, *HOST_ERRORS))
async def delete_upload(call: Calling, ref: Id) -> Response:
    """Throw an upload away."""
    await call.manager.uploads.delete(call.caller, ref)
    return Response(status_code=204)
