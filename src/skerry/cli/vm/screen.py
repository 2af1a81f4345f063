"""The graphical console on a unix socket of this machine, where a VNC viewer finds it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from skerry.cli import output
from skerry.cli.client import path as api_path
from skerry.cli.program import Run
from skerry.cli.vm.channel import carry, open_console
from skerry.errors import BadInput, SkerryError


def offer(run: Run, name: str, where: Path | None) -> None:
    """Listen on a unix socket that only this person can open; each viewer gets the machine's screen."""
    run.client.get(api_path("vms", name))  # an unknown machine is told now, not to the viewer
    with _listening(where) as (listener, place):
        output.put_line(f"vnc+unix://{place}")
        output.flush()
        output.say(
            f"the screen of {name} is there until Ctrl-C; look at it with: remote-viewer vnc+unix://{place}"
        )
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                viewer, _ = listener.accept()
                of_its_own = Run(environ=run.environ, server_url=run.server_url)  # a client is for one thread
                threading.Thread(target=_serve, args=(of_its_own, name, viewer), daemon=True).start()


@contextlib.contextmanager
def _listening(where: Path | None) -> Iterator[tuple[socket.socket, Path]]:
    folder = None if where else Path(tempfile.mkdtemp(prefix="skerry-"))  # 0700
    place = where or (folder or Path()) / "vnc"
    with contextlib.ExitStack() as undo:
        if folder:
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        listener = undo.enter_context(socket.socket(socket.AF_UNIX))
        try:
            listener.bind(str(place))
        except OSError as exc:
            raise BadInput(f"{place} cannot be made a socket: {exc.strerror or exc}") from exc
        undo.callback(place.unlink, missing_ok=True)
        place.chmod(0o600)
        listener.listen()
        yield listener, place.absolute()


def _serve(run: Run, name: str, viewer: socket.socket) -> None:
    """One viewer, until it or the screen goes."""
    try:
        with viewer, open_console(run, name, "graphics") as channel:
            carry(channel, viewer.fileno(), put=viewer.sendall, take=lambda data: (data, not data))
    except SkerryError as exc:
        output.show_error(exc, as_json=run.json)
    except OSError:
        pass  # the viewer may go at any time
    finally:
        run.client.close()
