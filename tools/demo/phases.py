"""The demo's picture: one line for the phase that runs, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

screen = Console(stderr=True)


@dataclass
class Phases:
    """Names the long parts, draws the current one, and keeps how long each took."""

    drawn: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    reused: set[str] = field(default_factory=set)

    @contextmanager
    def phase(self, name: str, title: str) -> Iterator[Bar]:
        """Time and draw one phase."""
        started = time.monotonic()
        task = self.drawn.add_task(title, total=None, detail="")
        try:
            yield Bar(self.drawn, task)
        finally:
            self.drawn.remove_task(task)
        self.seconds[name] = round(time.monotonic() - started, 1)
        again = " [dim](as before)[/dim]" if name in self.reused else ""
        screen.print(f"[green]✓[/green] {title:26} {self.seconds[name]:6.1f} s{again}", highlight=False)


def progress_of_phases() -> Progress:
    """One line for the phase that runs; what guests and programs say in it is text, never markup."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", table_column=Column(min_width=24, no_wrap=True)),
        BarColumn(bar_width=28),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", style="dim", markup=False, table_column=Column(ratio=1, no_wrap=True)),
        expand=True,
        console=screen,
        transient=True,
    )


@dataclass
class Bar:
    """One line of progress; speaks the Progress protocol, so that the builder can write to it."""

    drawn: Progress
    task: TaskID

    def step(self, name: str) -> None:
        """Show the step."""
        self.drawn.update(self.task, detail=name[:60])

    def update(self, fraction: float | None, detail: str = "") -> None:
        """Move the bar."""
        if fraction is None:
            self.drawn.update(self.task, total=None)
        else:
            self.drawn.update(self.task, total=1.0, completed=fraction)
        if detail:
            self.step(detail)

    def log(self, line: str) -> None:
        """Lines of output stay out of the demo's picture."""
