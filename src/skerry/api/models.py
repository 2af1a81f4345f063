"""Bodies that only the REST API has; everything else is `skerry.manager.types`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skerry.host.types import Snapshot
from skerry.manager.types import Fact, SamplesOfHost, TaskProgress
from skerry.values import Frozen


class DefinitionText(Frozen):
    """A machine definition: libvirt's domain XML. What GET gave can be sent back as it is, edited."""

    xml: Annotated[str, Field(min_length=1, max_length=1024 * 1024)]
    etag: Annotated[str, Field(max_length=128)] | None = None  # as If-Match, where that header is not sent


class ConsoleRequest(Frozen):
    """Which console to open."""

    kind: Literal["serial", "graphics"]


class Snapshots(Frozen):
    """All snapshots of a machine, oldest first."""

    items: tuple[Snapshot, ...]


class StreamPosition(Frozen):
    """Where the event stream stands, or goes on: `epoch:n`."""

    id: str


EventData = StreamPosition | Fact | TaskProgress | SamplesOfHost
