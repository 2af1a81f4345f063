"""Groups of commands that are made when they are used: what a person did not ask for costs no time."""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

os.environ.setdefault("TYPER_USE_RICH", "0")  # plain help: quick, the same in a pipe and in the reference

import typer
from typer.core import TyperGroup

from skerry.cli.quick import quicken
from skerry.errors import BadInput

__all__ = ["Entry", "Lazy", "OnDemand", "group", "typer", "without_typers_own"]

_TYPERS_OWN = frozenset({"install_completion", "show_completion"})  # `skerry completion` is the one way


class Entry(Protocol):
    """A command that is not made yet."""

    @property
    def help(self) -> str:
        """One line about it."""

    def make(self) -> typer.Typer:
        """What Typer makes a command of."""


@dataclass(frozen=True)
class Lazy:
    """A command in a module that is not imported yet."""

    module: str
    help: str
    app: str = "app"  # the Typer in it

    def make(self) -> typer.Typer:
        """Import the module."""
        app = getattr(importlib.import_module(self.module), self.app)
        assert isinstance(app, typer.Typer)
        return app


def without_typers_own(parameters: list[Any]) -> list[Any]:
    """The parameters of a command but for those that Typer adds to every program."""
    return [parameter for parameter in parameters if parameter.name not in _TYPERS_OWN]


class OnDemand(TyperGroup):
    """Makes a command when it is used; listing them makes none."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Their names, in order."""
        del ctx
        return list(self.entries)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]  # noqa: ANN401 - Typer's own class
        """The command of the first word.

        Raises:
            BadInput: there is none; the hint has the nearest one.
        """
        word = args[0]
        if word not in self.entries and not word.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(word, self.entries, n=1)
            meant = f"did you mean {ctx.command_path} {near[0]}? " if near else ""
            raise BadInput(
                f"there is no command {word!r}", hint=f"{meant}{ctx.command_path} --help lists all of them"
            )
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401 - Typer's own class
        """The command with this name."""
        del ctx
        if cmd_name not in self.entries:
            return None
        if cmd_name not in self.commands:
            command = typer.main.get_command(self.entries[cmd_name].make())
            command.name = cmd_name
            command.params = without_typers_own(command.params)
            quicken(command)
            self.commands[cmd_name] = command
        return self.commands[cmd_name]

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]  # noqa: ANN401 - Typer's own class
        """All of them with their help."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])


def group(entries: Mapping[str, Entry]) -> type[OnDemand]:
    """The class of a group with these commands; more may come later."""
    return type("Group", (OnDemand,), {"entries": entries})
