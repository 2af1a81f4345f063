"""A manager: all its parts, wired."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import sqlalchemy as sa

from skerry.errors import Unavailable
from skerry.link.port import Link
from skerry.manager.audit import Audit
from skerry.manager.consoles import Consoles
from skerry.manager.devices import Devices
from skerry.manager.events import Events
from skerry.manager.files import EXECUTOR, TASKS_DATABASE, finish_restore
from skerry.manager.guest_oses import GuestOses
from skerry.manager.hosts import Hosts
from skerry.manager.idempotency import Idempotency
from skerry.manager.images import Images
from skerry.manager.inventory import Inventory
from skerry.manager.machines import Machines
from skerry.manager.people import People
from skerry.manager.pools import Pools
from skerry.manager.retention import Retention
from skerry.manager.settings import ManagerSettings
from skerry.manager.store.database import Database
from skerry.manager.store.notices import Notices
from skerry.manager.store.schema import bring_up_to_date
from skerry.manager.tasks import changing, disks, library, making, power, removing, snapshots, volumes
from skerry.manager.tasks.engine import Engine
from skerry.manager.tasks.kind import Kinds
from skerry.manager.tasks.liveness import Liveness
from skerry.manager.tasks.service import Tasks
from skerry.manager.tasks.work import Tools
from skerry.manager.tasks.workflows import Workflows
from skerry.manager.uploads import Uploads
from skerry.manager.volumes import Volumes

_HOSTS_S = 10.0  # for hosts that are present to tell what there is


class Manager:
    """The control plane over a link and a database."""

    def __init__(self, settings: ManagerSettings, link: Link) -> None:
        self.settings = settings
        self.link = link
        self._database = Database(settings.database_url)
        self._executor = _executor_id(settings.data_dir)
        self.events = Events(self._database)
        self._inventory = Inventory(self._database, link, self.events)
        samples = self._inventory.samples
        self.people = People(self._database, settings)
        self.audit = Audit(self._database)
        self.pools = Pools(self._database)
        self.idempotency = Idempotency(self._database, self._executor)
        self.uploads = Uploads(self._database, link, settings)
        self.images = Images(self._database, self.uploads, settings.storage_pool)
        self.hosts = Hosts(self._database, samples.of_host)
        self.volumes = Volumes(self._database, link, self.hosts)
        self.guest_oses = GuestOses(link, self.hosts, settings)
        self.machines = Machines(self._database, link, samples, settings, self.guest_oses)
        self.devices = Devices(self._database, settings)
        self.consoles = Consoles(self._database, link)
        kinds = _all_kinds()
        self.tasks = Tasks(self._database, kinds)
        self._workflows = Workflows(self._tasks_url(), self._executor)
        self._engine = self._new_engine(kinds)
        self._retention = Retention(
            self._database,
            settings,
            forget=self._workflows.forget,
            remove_uploads=self.uploads.remove_stale,
        )
        self._notices = None if self._database.is_sqlite else Notices(self._database.url, self.events.look)
        self._liveness = None if self._database.is_sqlite else self._new_liveness()

    async def start(self) -> None:
        """Open the database (migrating it), begin to listen to hosts, and go on with unfinished tasks.

        Raises:
            Unavailable: the database cannot be used, or is of a newer version.
        """
        try:
            await self._start_all()
        except BaseException:
            await self.stop()
            raise

    async def _start_all(self) -> None:
        if self._database.is_sqlite:
            self._close_files_to_others()
        await bring_up_to_date(self._database)
        await self.events.start(self.people.access_of)
        if self._notices is not None:
            self._notices.start()
        await self._inventory.start()
        # Whoever is told that we are ready shall find the hosts; one that is away is waited for no longer.
        if self.link.present():
            await self._inventory.first_listing(_HOSTS_S)
        await self._engine.start()
        if self._liveness is not None:
            await self._liveness.start()
        self._retention.start()

    async def stop(self) -> None:
        """Stop listening and working; tasks go on at the next start. May be called twice."""
        await self._retention.stop()
        if self._liveness is not None:
            await self._liveness.stop()
        await self._engine.stop()
        await self._inventory.stop()
        if self._notices is not None:
            await self._notices.stop()
        await self.events.stop()
        await self._database.close()

    def _close_files_to_others(self) -> None:
        """Make the files before SQLite does, which would let everybody read them."""
        for name in (Path(self._database.url.database or "").name, TASKS_DATABASE):
            file = self.settings.data_dir / name
            try:
                file.touch(mode=0o600)
                file.chmod(0o600)  # one that was there: brought back by hand, or by an early `skerry restore`
            except OSError as exc:
                raise Unavailable(f"the database {name} cannot be made: {exc.strerror}") from exc

    def _tasks_url(self) -> sa.URL:
        if not self._database.is_sqlite:
            return self._database.url  # in a schema of its own
        return sa.URL.create("sqlite", database=str(self.settings.data_dir / TASKS_DATABASE))

    def _new_engine(self, kinds: Kinds) -> Engine:
        return Engine(
            self._workflows,
            self._executor,
            kinds,
            Tools(self._database, self.link, self._inventory),
            self.events,
            workers=self.settings.task_workers,
        )

    def _new_liveness(self) -> Liveness:
        return Liveness(
            self._database,
            self._executor,
            take_over=self._engine.take_over,
            give_up=self._engine.give_up,
        )


def _all_kinds() -> Kinds:
    kinds = Kinds()
    for module in (power, making, removing, changing, disks, snapshots, library, volumes):
        kinds.add(module.KINDS)
    return kinds


def _executor_id(data_dir: Path) -> str:
    """Who this manager is, for as long as its data folder lives: tasks that it began are found by this id."""
    file = data_dir / EXECUTOR
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        finish_restore(data_dir)
        if file.exists():
            return file.read_text(encoding="ascii").strip()
        new = file.with_suffix(".new")
        with new.open("w", encoding="ascii") as opened:
            opened.write(f"manager-{secrets.token_hex(8)}\n")
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)
        return file.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise Unavailable(f"the data folder {data_dir} cannot be used: {exc.strerror}") from exc
