"""From Ganeti's variables and the node's files to an installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from skerry.commands import GRACE_S, Arg, Commands, Output, Secret
from skerry.guestos.content import Store
from skerry.guestos.create import Order, create
from skerry.guestos.environment import parameter_variable, read_call
from skerry.guestos.instance import Script
from skerry.guestos.parameters import BY_OS_PARAMETER, Settings
from skerry.guestos.settings import Places
from skerry.guestos.settings_files import load
from skerry.images.cache import Cache
from skerry.images.settings import load_settings
from skerry.progress import Progress

_GANETIS = ("OS_", "OSP_", "INSTANCE_", "DISK_", "NIC_")


async def create_as_told(
    environ: Mapping[str, str], places: Places, cwd: Path, commands: Commands, progress: Progress
) -> None:
    """Install the guest that Ganeti's variables and the node's files describe.

    Raises:
        BadInput, BadSettings: with all that is wrong in them.
        As `create`.
    """
    call = read_call(Script.CREATE, environ)
    loaded = await load(environ, places, commands)
    for warning in loaded.warnings:
        progress.log(f"note: {warning}")
    settings, build = loaded.settings, load_settings()
    more = {**loaded.exported, **_proxies(settings)}
    commands = WithEnvironment(commands, more) if more else commands
    cache = Cache(build.cache, build.image_cache_size, commands)
    await cache.prepare()
    store = Store(cache, commands, Steps(progress), keep=settings.generate_cache, days=settings.clean_cache_days)
    order = Order(call.instance, settings, {**_ganetis(environ), **more}, cwd, progress, loaded.asked)
    await create(order, store)


def _proxies(settings: Settings) -> dict[str, str]:
    return dict.fromkeys(("http_proxy", "https_proxy"), settings.proxy) if settings.proxy else {}


def _ganetis(environ: Mapping[str, str]) -> dict[str, str | Secret]:
    """What hooks see of our environment."""
    hidden = {parameter_variable(name) for name, row in BY_OS_PARAMETER.items() if row.secret}
    return {
        name: Secret(value) if name in hidden else value
        for name, value in environ.items()
        if name.startswith(_GANETIS) or name in {"HYPERVISOR", "DEBUG_LEVEL", "PATH"}
    }


@dataclass(frozen=True)
class Steps:
    """What a log shows of the builder: its steps; errors have the last lines of programs anyway."""

    progress: Progress

    def step(self, name: str) -> None:
        """Hand it on."""
        self.progress.step(name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """Hand it on."""
        self.progress.update(fraction, detail)

    def log(self, line: str) -> None:
        """Hand on what is meant for people."""
        if line.startswith("note: "):
            self.progress.log(line)


@dataclass(frozen=True)
class WithEnvironment:
    """Commands that get some variables beside their own, such as the proxy of the settings."""

    commands: Commands
    environment: Mapping[str, str]

    async def run(
        self,
        argv: Sequence[Arg],
        *,
        stdin: bytes | None = None,
        env: Mapping[str, str | Secret] | None = None,
        cwd: Path | None = None,
        timeout: float = 60.0,  # noqa: ASYNC109 - handed on
        ok: Sequence[int] = (0,),
        on_line: Callable[[str], None] | None = None,
        stdout_to: IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
        grace: float = GRACE_S,
    ) -> Output:
        """Run a program to its end; see `Commands.run`."""
        return await self.commands.run(
            argv,
            stdin=stdin,
            env={**self.environment, **(env or {})},
            cwd=cwd,
            timeout=timeout,
            ok=ok,
            on_line=on_line,
            stdout_to=stdout_to,
            pass_fds=pass_fds,
            grace=grace,
        )
