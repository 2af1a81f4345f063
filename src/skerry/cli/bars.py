"""Progress bars, drawn by Rich on stderr."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from skerry.cli.client import Json
from skerry.cli.output import safe

_DETAIL = 44  # columns


class TaskBars:
    """One bar for each task."""

    def __init__(self, drawn: Progress) -> None:
        self._drawn = drawn
        self._ids: dict[str, TaskID] = {}

    def show(self, task: Json) -> None:
        """Draw a task as it is now."""
        if task["id"] not in self._ids:
            self._ids[task["id"]] = self._drawn.add_task(safe(task["title"]), total=None, detail="")
        step = f"{task['step_number']}/{task['step_count']} {task['step']}" if task["step_count"] else task["step"]
        words = ", ".join(word for word in (step, task["detail"]) if word) or task["state"]
        self._drawn.update(
            self._ids[task["id"]],
            total=None if task["progress"] is None else 1.0,
            completed=1.0 if task["state"] == "succeeded" else task["progress"] or 0.0,
            detail=safe(words)[:_DETAIL],
        )


class _Words(TextColumn):
    """A field of a task as it is: a name with brackets in it is no markup."""

    def __init__(self, field: str, style: str = "") -> None:
        super().__init__("")
        self._field = field
        self._style = style

    def render(self, task: object) -> Text:
        """The field's text."""
        words = (
            getattr(task, "description", "") if self._field == "title" else getattr(task, "fields", {})["detail"]
        )
        return Text(str(words), style=self._style, no_wrap=True, overflow="ellipsis")


@contextlib.contextmanager
def task_bars() -> Iterator[TaskBars]:
    """Bars for tasks, gone when the context ends."""
    columns = (SpinnerColumn(), _Words("title"), BarColumn(24), TimeElapsedColumn(), _Words("detail", "dim"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        yield TaskBars(drawn)


class BytesBar:
    """How many bytes of a file are on the other side."""

    def __init__(self, drawn: Progress, id_: TaskID) -> None:
        self._drawn = drawn
        self._id = id_

    def moved(self, received: int) -> None:
        """So many have arrived."""
        self._drawn.update(self._id, completed=received)


@contextlib.contextmanager
def bytes_bar(title: str, size: int) -> Iterator[BytesBar]:
    """A bar for bytes on their way, gone when the context ends."""
    columns = (
        SpinnerColumn(),
        _Words("title"),
        BarColumn(24),
        DownloadColumn(binary_units=True),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        yield BytesBar(drawn, drawn.add_task(safe(title), total=size, detail=""))


class BuildBar:
    """Shows a build that runs on this machine; speaks skerry.progress.Progress, from any thread."""

    def __init__(self, drawn: Progress, id_: TaskID) -> None:
        self._drawn = drawn
        self._id = id_
        self._lock = threading.Lock()

    def step(self, name: str) -> None:
        """A new step begins."""
        with self._lock:
            self._drawn.print(Text(safe(name)))
            self._drawn.update(self._id, description=safe(name), total=None, completed=0, detail="")

    def update(self, fraction: float | None, detail: str = "") -> None:
        """Move the bar."""
        total = None if fraction is None else 1.0
        self._drawn.update(self._id, total=total, completed=fraction or 0.0, detail=safe(detail)[:_DETAIL])

    def log(self, line: str) -> None:
        """Show the last line that was said."""
        self._drawn.update(self._id, detail=safe(line)[:_DETAIL])


@contextlib.contextmanager
def build_bar(title: str) -> Iterator[BuildBar]:
    """A bar for a build, gone when the context ends."""
    columns = (SpinnerColumn(), _Words("title"), BarColumn(24), TimeElapsedColumn(), _Words("detail", "dim"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        yield BuildBar(drawn, drawn.add_task(safe(title), total=None, detail=""))
