"""Uploads: images on their way from a browser or a shell."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skerry.host.agent import Host
from skerry.host.operation import ByteStream, Nothing, Pace, Permission, Target, operation
from skerry.host.types import Frozen

UploadId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class UploadRef(Frozen):
    """Names an upload; the sender chose the id."""

    upload: UploadId


class OpenUpload(Frozen):
    """Where an upload goes on."""

    upload: UploadId
    offset: int = Field(default=0, ge=0)  # bytes that are already there


class UploadState(Frozen):
    """How much of an upload has come."""

    upload: str
    size: int  # bytes


@operation("upload.open", target=Target.HOST, permission=Permission.STORAGE_MODIFY, pace=Pace.LONG, streams=True)
async def open_upload(host: Host, args: OpenUpload) -> ByteStream:
    """Take the bytes of an image; after the sender finished, the end says that all is on the disk."""
    host.storage.uploads.remove_stale()
    return host.storage.uploads.open(args.upload, args.offset)


@operation("upload.show", target=Target.HOST, permission=Permission.STORAGE_MODIFY)
async def show(host: Host, args: UploadRef) -> UploadState:
    """Tell how much of an upload has come, so that it can go on from there."""
    return UploadState(upload=args.upload, size=host.storage.uploads.size(args.upload))


@operation("upload.delete", target=Target.HOST, permission=Permission.STORAGE_MODIFY)
async def delete(host: Host, args: UploadRef) -> Nothing:
    """Forget an upload."""
    host.storage.uploads.delete(args.upload)
    return Nothing()
