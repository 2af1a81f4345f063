"""The shape of the command line: nouns, each a module that is imported when it is used, and their commands.

`--json`, `--debug` and `--server` belong to every command: they are declared here once. A command is a function
whose first argument is the `Run` that it belongs to.
"""

from __future__ import annotations

import copy
import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_origin

from skerry.cli import output
from skerry.cli.client import Client, Json
from skerry.cli.credentials import Credentials, Server, default_path
from skerry.cli.groups import Entry, group, typer
from skerry.errors import BadInput

__all__ = [
    "COMMON",
    "Noun",
    "Run",
    "is_terminal",
    "single",
    "typer",
    "with_common_options",
]

F = TypeVar("F", bound=Callable[..., None])


@dataclass
class Run:
    """One run of the program: what every command was told, and the server it talks to."""

    json: bool = False
    debug: bool = False
    server_url: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @functools.cached_property
    def credentials(self) -> Credentials:
        """What logins left behind."""
        return Credentials(default_path(self.environ))

    @functools.cached_property
    def server(self) -> Server:
        """The server to talk to."""
        return self.credentials.current(self.environ, self.server_url)

    @functools.cached_property
    def client(self) -> Client:
        """Speaks to the server as the person who is signed in."""
        return Client(self.server, debug=self.debug)

    def table(self, items: Iterable[Json], columns: Sequence[output.Column], *, empty: str) -> None:
        """Show a list."""
        if self.json:
            output.put_json(list(items))
        else:
            output.put_table(items, columns, empty=empty)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is lost for good.

        Raises:
            BadInput: there is nobody to ask.
            typer.Abort: the answer was no.
        """
        if yes:
            return
        if not is_terminal(0) or not is_terminal(2):
            raise BadInput("this cannot be taken back, and there is nobody to ask", hint="say so with --yes")
        typer.confirm(output.safe(question), abort=True, err=True)


def is_terminal(descriptor: int) -> bool:
    """Whether a person sits at this end."""
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


COMMON: Mapping[str, tuple[Any, Any]] = {
    "json": (Annotated[bool, typer.Option("--json", help="Print JSON.")], False),
    "debug": (Annotated[bool, typer.Option("--debug", help="Show requests, and tracebacks of errors.")], False),
    "server": (
        Annotated[str | None, typer.Option("--server", metavar="URL", help="Talk to this server.")],
        None,
    ),
}


@dataclass(frozen=True)
class _Verb:
    """A command of a noun."""

    function: Callable[..., None]

    @property
    def help(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def make(self) -> typer.Typer:
        """What Typer makes a command of."""
        return single(self.function)


class Noun:
    """The commands of one noun; `app` is what Typer knows of them."""

    def __init__(self, help: str) -> None:  # noqa: A002 - Typer's word
        self.help = help
        self._verbs: dict[str, Entry] = {}
        self.app = typer.Typer(cls=group(self._verbs), help=help, no_args_is_help=True, add_completion=False)
        self.app.callback()(_nothing)

    def command(self, name: str) -> Callable[[F], F]:
        """Make a command of a function; its docstring is the help."""

        def add(function: F) -> F:
            self._put(name, _Verb(function))
            return function

        return add

    def add(self, noun: Noun, name: str) -> None:
        """Put a noun below this one: `vm disk`."""
        self._put(name, noun)

    def make(self) -> typer.Typer:
        """What Typer makes a group of."""
        return self.app

    def _put(self, name: str, entry: Entry) -> None:
        """Keep them by name, whichever modules they come from."""
        entries = sorted([*self._verbs.items(), (name, entry)], key=lambda item: item[0])
        self._verbs.clear()
        self._verbs.update(entries)


def single(function: F) -> typer.Typer:
    """The Typer of a command that has no verbs, such as `login`."""
    app = typer.Typer(add_completion=False)
    app.command()(with_common_options(function))
    return app


def _nothing() -> None:
    pass


def with_common_options(function: Callable[..., None]) -> Callable[..., None]:
    """The function as Typer calls it: the common options go into its run."""
    signature = inspect.signature(function, eval_str=True)
    own = [_with_metavar(parameter) for name, parameter in signature.parameters.items() if name != "run"]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in COMMON.items()
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

    @functools.wraps(function)
    def called(*, ctx: typer.Context, json: bool, debug: bool, server: str | None, **arguments: Any) -> None:  # noqa: ANN401 - of the command
        run = ctx.find_root().obj
        assert isinstance(run, Run)
        run.json, run.debug, run.server_url = run.json or json, run.debug or debug, server or run.server_url
        function(run, **arguments)

    called.__signature__ = signature.replace(parameters=[context, *keyword_only, *common])  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in (context, *keyword_only, *common)}
    del called.__wrapped__  # Typer would look at the function behind it
    return called


def _with_metavar(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter, shown in capitals as what it is: `--memory MEMORY`, where nothing better was said."""
    kind: Any = parameter.annotation
    info: Any = typer.Argument()
    if get_origin(kind) is Annotated:
        kind, info = get_args(kind)[:2]
    info = copy.copy(info)
    if info.metavar is None and bool not in {kind, *get_args(kind)}:
        word = next((name for name in info.param_decls or () if name.startswith("--")), parameter.name)
        info.metavar = word.removeprefix("--").replace("-", "_").upper()
    return parameter.replace(annotation=Annotated[kind, info])
