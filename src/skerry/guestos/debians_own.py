"""What is known of Debian's own definition, ganeti-instance-debootstrap, beyond Ganeti's interface.

Its settings are ours, and so is the reader of them: they tell which of its cached roots a run takes, and whether
it partitions the disk.
"""

from __future__ import annotations

from dataclasses import replace

from skerry.commands import Commands
from skerry.errors import BadInput, BadSettings
from skerry.guestos.definition import Definition, readable
from skerry.guestos.environment import environment_of
from skerry.guestos.instance import Call, Script
from skerry.guestos.needs import Needs, needs_of
from skerry.guestos.parameters import Settings
from skerry.guestos.settings import Places
from skerry.guestos.settings_files import load

_COMMON = "common.sh"  # of its scripts


def is_debians_own(definition: Definition, places: Places) -> bool:
    """Whether its scripts are those, by the folder in which they keep roots.

    Raises:
        BadDefinition: they may not be read.
    """
    common = definition.path / _COMMON
    with readable(definition):
        return common.is_file() and str(places.cache_dir) in common.read_text(errors="replace")


async def settings_on_host(
    definition: Definition, call: Call, commands: Commands, places: Places
) -> Settings | None:
    """What a run would find; None for other definitions, and where there are settings that we do not know."""
    if not is_debians_own(definition, places):
        return None
    try:
        return (await load(environment_of(call), places, commands)).settings
    except (BadInput, BadSettings):
        return None


async def needs_of_call(
    definition: Definition, call: Call, commands: Commands, places: Places | None = None
) -> Needs:
    """What a run needs: without partitions, Debian's own needs no device mapper, though it names kpartx."""
    needs = needs_of(definition)
    if not needs.device_mapper or call.script is not Script.CREATE:
        return needs
    settings = await settings_on_host(definition, call, commands, places or Places())
    return replace(needs, device_mapper=settings is None or settings.partition_style != "none")
