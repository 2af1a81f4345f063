"""`skerry up` as a process: everything started in order, everything stopped in the reverse one.

What can fail without having touched anything comes first: the lock on the data folder, the port, the certificate.
Then the hypervisor, the host and the manager, and last the web server, which opens the door to people.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from skerry.api.app import create_app
from skerry.api.certificate import Certificate, ensure_certificate, given_certificate
from skerry.api.guard import own_names
from skerry.api.server import serving
from skerry.cli.listening import listen, url
from skerry.cli.running import announced, only_one, tell_systemd
from skerry.cli.up_settings import UpSettings, pool_name
from skerry.host.real import real_host
from skerry.host.settings import HostSettings, LocalSettings
from skerry.hypervisor.connection import Hypervisor
from skerry.hypervisor.daemon import LibvirtDaemons
from skerry.link.local import LocalLink
from skerry.manager.manager import Manager

_log = logging.getLogger(__name__)

_LOOK_AT_CERTIFICATE_S = 24 * 3600.0
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Ready:
    """What a person must know when Skerry is ready."""

    url: str
    fingerprint: str  # of the certificate
    own_certificate: bool  # browsers will ask about it
    password: str | None  # of the administrator, when it was just made


async def serve(settings: UpSettings, announce: Callable[[Ready], None], *, reset_password: bool = False) -> None:
    """Run until a signal asks to stop; `announce` is called once, when everything answers.

    Raises:
        SkerryError: it cannot be started; what had begun is stopped again.
    """
    with _signals() as asked_to_stop, only_one(settings.data_dir):
        life = asyncio.create_task(_live(settings, announce, reset_password=reset_password), name="life")
        stop = asyncio.create_task(asked_to_stop.wait())
        await asyncio.wait({life, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if asked_to_stop.is_set():
            _log.info("stopping; virtual machines keep running")
            tell_systemd("STOPPING=1")
            life.cancel()
            await asyncio.wait({life})
        if not life.cancelled():
            life.result()


async def _live(settings: UpSettings, announce: Callable[[Ready], None], *, reset_password: bool) -> None:
    """Start everything, and stay until the task is cancelled."""
    async with AsyncExitStack() as stack:
        sockets = listen(settings.listen, settings.port)
        for opened in sockets:
            stack.enter_context(opened)
        certificate = _certificate(settings)
        context = certificate.context()
        settings = replace(settings, storage_pool=pool_name(settings))
        manager = await stack.enter_async_context(_manager(settings))
        password = await _password(manager, reset=reset_password)
        app = create_app(manager, settings)
        server = await stack.enter_async_context(
            serving(app, sockets, context, trusted_proxies=settings.trusted_proxies)
        )
        if certificate.own:
            stack.enter_context(_background(_keep_certificate(settings, certificate, context), "certificate"))
        address = url(sockets, (*settings.names, socket.gethostname().lower()))
        note = announced(settings.data_dir, address, version("skerry"), certificate.fingerprint)
        stack.enter_context(note)
        if settings.ready_file is not None:
            stack.enter_context(_ready_file(settings.ready_file, address))
        announce(Ready(address, certificate.fingerprint, certificate.own, password))
        tell_systemd("READY=1")
        await asyncio.wait({server})
        server.result()


@contextlib.asynccontextmanager
async def _manager(settings: UpSettings) -> AsyncIterator[Manager]:
    """Host, link and manager, running."""
    of_host = HostSettings(
        name=settings.host_name,
        data=settings.data_dir,
        storage_pool=settings.storage_pool,
        **{each.name: getattr(settings, each.name) for each in fields(LocalSettings)},
    )
    daemons = LibvirtDaemons(settings.libvirt_folder, of_host.uri)
    await daemons.ensure()  # a libvirt that is not installed is told now, and not from task to task
    connection = Hypervisor(of_host.uri, before_connect=daemons.ensure, definitions=of_host.libvirt_definitions)
    host = real_host(of_host, connection=connection)
    await host.start()
    try:
        manager = Manager(settings, LocalLink([host]))
        try:
            await manager.start()
            host.storage.check_pools()  # volumes of somebody else under our name: better told now than mixed up
            yield manager
        finally:
            await manager.stop()
    finally:
        await host.stop()


async def _password(manager: Manager, *, reset: bool) -> str | None:
    """The administrator's password, where one was made now."""
    first = await manager.people.first_password()
    return await manager.people.reset_password("admin") if reset and first is None else first


def _certificate(settings: UpSettings) -> Certificate:
    if settings.certificate is not None and settings.key is not None:
        return given_certificate(settings.certificate, settings.key)
    return ensure_certificate(settings.data_dir / "tls", _names(settings), now=dt.datetime.now(dt.UTC))


def _names(settings: UpSettings) -> set[str]:
    """What the certificate has to name: how people may reach us."""
    return {*own_names(), *settings.names, "127.0.0.1", "::1", *(set(settings.listen) - _EVERYWHERE)}


async def _keep_certificate(settings: UpSettings, certificate: Certificate, context: ssl.SSLContext) -> None:
    """Renew our own certificate in time, without a restart."""
    while True:
        await asyncio.sleep(_LOOK_AT_CERTIFICATE_S)
        renewed = _certificate(settings)
        if renewed != certificate:
            renewed.load_into(context)
            certificate = renewed
            _log.info("the certificate was renewed; its fingerprint is %s", renewed.fingerprint)


@contextlib.contextmanager
def _background(work: Coroutine[Any, Any, None], name: str) -> Iterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()


@contextlib.contextmanager
def _ready_file(file: Path, address: str) -> Iterator[None]:
    """Tell other programs the address, in one step, as long as we answer."""
    new = file.with_name(file.name + ".new")
    new.write_text(address + "\n", encoding="utf-8")
    new.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """An event that a signal to end sets; a second one ends the process without waiting."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def on_signal() -> None:
        if asked.is_set():
            os._exit(1)  # whoever asks twice does not want to wait; tasks go on at the next start
        asked.set()

    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield asked
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
