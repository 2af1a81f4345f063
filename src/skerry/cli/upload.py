"""Files on their way to the server, in pieces, so that a broken connection costs one piece."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from skerry.cli.certificates import CannotReach, CertificateChanged
from skerry.cli.client import Json, Refused, path
from skerry.cli.program import Run, is_terminal
from skerry.errors import BadInput, Conflict

PIECE = 8 * 1024**2
GIVE_UP_S = 60.0  # how long a server may be away, such as for an upgrade
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


class UploadBroke(CannotReach):
    """The server was away for too long; what it has is kept there."""

    code = "upload-broke"


def upload(run: Run, content: BinaryIO, *, title: str, name: str = "", resume: str | None = None) -> str:
    """Send a file, or what is missing of it; returns the upload's id. `name` is what lists of uploads show.

    Raises:
        UploadBroke: the server was away for too long; the hint says how to go on.
        BadInput: the file is empty, or not the one that the upload began with.
    """
    size = os.fstat(content.fileno()).st_size
    if size == 0:
        raise BadInput("the file is empty")
    state = _state(run, resume) if resume else run.client.post("/uploads", {"size": size, "name": name})
    if state["size"] != size:
        raise BadInput(f"the upload {resume} is of a file of {state['size']} bytes; this one has {size}")
    with _bar(run, title, size) as moved:
        try:
            _send(run, content, state, moved)
        except CertificateChanged:
            raise
        except CannotReach as exc:
            raise UploadBroke(
                exc.message,
                hint=f"what arrived is kept there; go on with the same command and --resume {state['id']}",
            ) from exc
        except KeyboardInterrupt:
            with contextlib.suppress(CannotReach, Refused):
                run.client.delete(path("uploads", state["id"]))
            raise
    return str(state["id"])


def _state(run: Run, upload_id: str) -> Json:
    state: Json = run.client.get(path("uploads", upload_id))
    return state


def _send(run: Run, content: BinaryIO, state: Json, moved: Callable[[int], None]) -> None:
    """Send piece after piece from where the server is; ask it again where it is after a broken connection."""
    received, size, where = state["received"], state["size"], path("uploads", state["id"])
    away_since: float | None = None
    wait_s = _FIRST_WAIT_S
    while received < size:
        content.seek(received)
        piece = content.read(PIECE)
        if not piece:
            raise BadInput("the file became shorter while it was sent")
        try:
            answer = run.client.call("PUT", where, piece, query={"offset": received})
            received = answer.json()["received"]
        except CertificateChanged:
            raise
        except (CannotReach, Refused) as exc:
            if isinstance(exc, Refused) and exc.problem.get("status") != Conflict.http_status:
                raise
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > GIVE_UP_S:
                raise
            time.sleep(wait_s)  # a server that comes back must not be overrun
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
            with contextlib.suppress(CannotReach):
                received = _state(run, state["id"])["received"]
            continue
        away_since, wait_s = None, _FIRST_WAIT_S
        moved(received)


@contextlib.contextmanager
def _bar(run: Run, title: str, size: int) -> Iterator[Callable[[int], None]]:
    if run.json or not is_terminal(2) or run.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from skerry.cli.bars import bytes_bar  # noqa: PLC0415 - Rich, for terminals only

    with bytes_bar(title, size) as bar:
        yield bar.moved
