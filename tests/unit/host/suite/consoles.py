"""What is true of displays and serial consoles on every host, real or simulated."""

import asyncio

import pytest
from tests.unit.host.suite.given import MIB, ONE, POOL, REF, machine, new

from skerry.errors import (
    InvalidState,
)
from skerry.host.agent import Host
from skerry.host.operations import (
    consoles,
    machines,
    uploads,
    volumes,
)

# Writes "login: " to the serial port, and then whatever comes from there.
_BOOT_SECTOR = (
    bytes.fromhex(
        "31c0 8ed8 fc be227c"  # ds = 0, si = the text
        "ac 84c0 7406 baf803 ee ebf5"  # each letter of it to the port
        "bafd03 ec a801 74f8 baf803 ec ee ebf1"  # wait for a byte, and write it
    )
    + b"login: \0"
)


async def booting(host: Host) -> None:
    """The machine on a disk that boots, and talks on the serial port."""
    stream = await host.stream(uploads.open_upload, uploads.OpenUpload(upload="boot"))
    await stream.write(_BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa" + bytes(MIB - 512))
    await stream.finish()
    await stream.close()
    args = volumes.ImportVolume(storage_pool=POOL, name="boot", upload="boot", origin="boot")
    await host.call(volumes.import_image, args)
    await host.call(machines.create, new(ONE, "one", "boot"))


class ConsoleSuite:
    """Facts about consoles."""

    async def test_a_display_greets(self, host: Host) -> None:
        await machine(host)
        await host.call(machines.start, REF)

        stream = await host.stream(consoles.graphics, REF)

        async with asyncio.timeout(30):
            assert (await stream.read()).startswith(b"RFB 003.")
        await stream.close()
        await stream.close()

    async def test_a_serial_console_is_read_and_typed_into(self, host: Host) -> None:
        await booting(host)
        await host.call(machines.start, REF)

        stream = await host.stream(consoles.console, REF)
        await stream.write(b"ping")

        seen = b""
        async with asyncio.timeout(30):
            while b"ping" not in seen:
                seen += await stream.read()
        await stream.close()
        await stream.close()

    async def test_the_past_of_a_serial_console_is_kept(self, host: Host) -> None:
        await booting(host)
        await host.call(machines.start, REF)
        args = consoles.SerialLogRange(uuid=ONE, limit=1000)

        async with asyncio.timeout(30):
            while "login: " not in (await host.call(consoles.serial_log, args)).text:
                await asyncio.sleep(0.05)

    async def test_a_stopped_machine_has_no_console(self, host: Host) -> None:
        await machine(host)

        for operation in (consoles.console, consoles.graphics):
            with pytest.raises(InvalidState, match="one"):
                await host.stream(operation, REF)
