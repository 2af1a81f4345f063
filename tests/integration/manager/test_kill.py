"""A manager that is killed at every point of a task: the task goes on or is undone, and nothing is done twice."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.fixtures.little_definition import write_definition
from tests.fixtures.socket_link import HostServer

from skerry.host.agent import Host
from skerry.host.simulated import simulated_host
from skerry.manager.store import tables
from skerry.manager.store.database import Database

_ANSWER_S = 60.0  # a deadline
# All of it is tried on SQLite; that PostgreSQL does not differ is seen from making machines.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_ANY = ("accepted", "claimed", "settling", "settled")


class ManagerProcess:
    """The manager, from outside."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object

    async def start(self) -> None:
        """Start it (again)."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fixtures.manager_process", *self.arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self.log,
            limit=16 * 1024 * 1024,
        )

    async def ask(self, **order: Any) -> Any:
        """Let it do something; None when it died."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            return None
        async with asyncio.timeout(_ANSWER_S):
            line = await self._process.stdout.readline()
        return json.loads(line)["answer"] if line else None

    async def died(self) -> None:
        """Wait until it has killed itself."""
        assert self._process is not None
        async with asyncio.timeout(_ANSWER_S):
            assert await self._process.wait() == -9, self.words()

    async def end(self) -> None:
        """End it in peace."""
        assert self._process is not None
        if self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            async with asyncio.timeout(_ANSWER_S):
                await self._process.wait()
        self.log.close()

    def words(self) -> str:
        """What it wrote."""
        self.log.seek(0)
        return self.log.read().decode()


class World:
    """A host that stays, and a manager that comes and goes."""

    def __init__(self, host: Host, server: HostServer, manager: ManagerProcess, folder: Path) -> None:
        self.host = host
        self.server = server
        self.manager = manager
        self.folder = folder
        self._seen = ""  # the newest task that was told of

    async def killed(self, point: str, **order: Any) -> dict[str, Any]:
        """Let the manager be killed at this point of a task, start it again, and say how the task ended."""
        await self.manager.ask(kill=point, **order)
        await self.manager.died()
        await self.manager.start()
        return await self.ended()

    async def ended(self) -> dict[str, Any]:
        """How the newest task ended."""
        tasks = await self.manager.ask(do="settle")
        assert tasks is not None, self.manager.words()
        newest: dict[str, Any] = tasks[0]
        assert newest["id"] != self._seen, f"nothing came after {newest['title']!r}"
        self._seen = newest["id"]
        return newest

    async def known(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What the manager knows, when it has heard of what the host did last."""
        async with asyncio.timeout(_ANSWER_S):
            while True:
                found: dict[str, Any] = await self.manager.ask(do="know")
                if condition(found):
                    return found
                await asyncio.sleep(0.02)

    async def on_host(self) -> tuple[list[str], list[str]]:
        """Names of machines and of volumes."""
        machines = await self.host.hypervisor.machines()
        volumes = await self.host.storage.driver("skerry").volumes()
        return sorted(machine.name for machine in machines), sorted(volume.name for volume in volumes)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    host = simulated_host("harbour", folder=tmp_path / "host")
    await host.start()
    with tempfile.TemporaryDirectory(prefix="skerry-") as short:  # socket paths have a limit
        server = HostServer(host, Path(short) / "s")
        await server.start()
        url = "" if database_url.startswith("sqlite") else database_url
        manager = ManagerProcess([f"{short}/s", str(tmp_path / "data"), url])
        await manager.start()
        world = World(host, server, manager, tmp_path)
        try:
            await world.known(lambda known: known["hosts"] == ["harbour"])
            yield world
        finally:
            await manager.end()
            await server.stop()
            await host.stop()


def points(*keys: str) -> list[str]:
    """Everywhere in a task with these steps; between one and the next, nothing differs."""
    return [*_ANY, f"{keys[0]} before", *(f"{key} {when}" for key in keys for when in ("after", "recorded"))]


@on_sqlite
async def test_an_installation_by_a_definition_that_is_killed_makes_one_whole_machine(world: World) -> None:
    write_definition(world.folder / "host" / "guest-os", variants="")
    for number, point in enumerate(("guest-os after", "kernel after", "volume after")):
        task = await world.killed(point, do="create", name=f"vm{number}", guest_os="little")

        assert task["state"] == "succeeded", (point, task["error"])
        machines, volumes = await world.on_host()
        assert machines == [f"vm{each}" for each in range(number + 1)]
        assert len(volumes) == 2 * (number + 1), (point, volumes)  # each a disk and a seed
        assert not list((world.folder / "host" / "uploads").iterdir()), point


async def test_a_create_that_is_killed_anywhere_makes_one_whole_machine(world: World) -> None:
    for number, point in enumerate(points("volume", "seed", "define", "start")):
        name = f"vm{number}"
        task = await world.killed(point, do="create", name=name)

        assert task["state"] == "succeeded", (point, task)
        known = await world.known(lambda known: states(known).get(name) == "running")  # noqa: B023
        machines, volumes = await world.on_host()
        assert machines == sorted(known["machines"]), point
        assert whose(volumes, name) == ["0", "seed"], point
    addresses = [nic["mac"] for machine in known["machines"].values() for nic in machine["nics"]]
    assert len(set(addresses)) == len(addresses) == number + 1


async def test_what_the_version_before_began_is_finished_after_the_upgrade_of_the_schema(
    world: World, database_url: str
) -> None:
    await world.manager.ask(do="create", name="web1", kill="volume recorded")
    await world.manager.died()
    ours = f"sqlite:///{world.folder / 'data' / 'skerry.db'}"
    database = Database(ours if database_url.startswith("sqlite") else database_url)
    async with database.write() as writing:  # as that version left it
        await writing.execute(sa.text("ALTER TABLE uploads DROP COLUMN name"))
        for order in ("created_at", "state", "memory", "vcpus"):
            await writing.execute(sa.text(f"DROP INDEX ix_machines_{order}"))
        await writing.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))

    await world.manager.start()
    task = await world.ended()

    assert task["state"] == "succeeded"
    assert (await world.on_host())[0] == ["web1"]
    async with database.read() as connection:
        assert (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar() == "0003"
        assert (await connection.execute(sa.select(tables.uploads.c.name))).all() == []
    await database.close()


@on_sqlite
async def test_a_create_that_fails_is_undone_wherever_it_is_killed(world: World) -> None:
    for point in points("volume", "seed", "define", "undo define", "undo seed", "undo volume"):
        task = await world.killed(point, do="create", name="web1", fail="start")
        if task["state"] == "succeeded":  # killed before the step that was told to fail
            await world.manager.ask(do="delete", name="web1")
            task = await world.ended()
            assert task["state"] == "succeeded", (point, task)

        known = await world.known(lambda known: "web1" not in known["machines"])
        assert await world.on_host() == ([], []), (point, task)
        assert task["not_undone"] == []
        assert known["machines"] == {}


@on_sqlite
async def test_starting_and_stopping_are_done_once_wherever_they_are_killed(world: World) -> None:
    await world.manager.ask(do="create", name="web1")
    await world.ended()
    for point in points("start"):
        for action, state in (("poweroff", "stopped"), ("start", "running")):
            before = world.server.calls.count(f"vm.{action}")
            task = await world.killed(point.replace("start", action), do="act", name="web1", action=action)

            assert task["state"] == "succeeded", (point, task)
            await world.known(lambda known: states(known)["web1"] == state)  # noqa: B023
            assert world.server.calls.count(f"vm.{action}") == before + 1, point


@on_sqlite
async def test_a_delete_that_is_killed_anywhere_leaves_nothing(world: World) -> None:
    for number, point in enumerate(points("power", "undefine", "delete")):
        name = f"vm{number}"
        await world.manager.ask(do="create", name=name)
        await world.ended()

        task = await world.killed(point, do="delete", name=name)

        assert task["state"] == "succeeded", (point, task)
        await world.known(lambda known: name not in known["machines"])  # noqa: B023
        assert await world.on_host() == ([], []), point


@on_sqlite
async def test_an_import_that_is_killed_anywhere_takes_one_image_in(world: World) -> None:
    file = world.folder / "image.raw"
    file.write_bytes(b"\x00" * 4096)
    for number, point in enumerate(points("volume")):
        name = f"image{number}"
        task = await world.killed(point, do="import", name=name, file=str(file))

        assert task["state"] == "succeeded", (point, task)
        known = await world.known(lambda known: name in known["images"])  # noqa: B023
        assert known["images"][name]["state"] == "ready"
        _, volumes = await world.on_host()
        assert len([volume for volume in volumes if volume.startswith(f"{name}-")]) == 1, point

    for number, point in enumerate(points("volume")):
        task = await world.killed(point, do="delete_image", name=f"image{number}")
        assert task["state"] == "succeeded", (point, task)
    assert (await world.known(lambda known: known["images"] == {}))["images"] == {}
    assert await world.on_host() == ([], [])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_another_manager_ends_what_a_killed_one_began(world: World, database_url: str) -> None:
    for number, point in enumerate(["claimed", "volume after", "define recorded", "settling"]):
        name = f"vm{number}"
        await world.manager.ask(kill=point, do="create", name=name)
        await world.manager.died()

        other = ManagerProcess([world.manager.arguments[0], str(world.folder / "other"), database_url])
        await other.start()
        tasks = await other.ask(do="settle")

        assert tasks is not None, other.words()
        assert [task["state"] for task in tasks] == ["succeeded"] * (number + 1), (point, tasks[0])
        assert (await world.on_host())[0].count(name) == 1
        await other.end()
        await world.manager.start()
        await world.known(lambda known: states(known).get(name) == "running")  # noqa: B023


def states(known: dict[str, Any]) -> dict[str, str]:
    """What the machines are doing."""
    return {name: machine["state"] for name, machine in known["machines"].items()}


def whose(volumes: list[str], machine: str) -> list[str]:
    """What the volumes of a machine are for."""
    return [name.rpartition("-")[2] for name in volumes if name.startswith(f"{machine}-")]
