"""What is true of machines' definitions on every host, real or simulated."""

import pytest
from tests.unit.host.suite.given import MIB, ONE, REF, machine

from skerry.errors import (
    BadDefinition,
    BadInput,
    Changed,
)
from skerry.host.agent import Host
from skerry.host.operation import Nothing
from skerry.host.operations import (
    definition,
    machines,
)
from skerry.host.types import (
    MachineChanges,
)


class DefinitionSuite:
    """Facts about definitions."""

    async def test_a_definition_is_edited_as_xml(self, host: Host) -> None:
        made = await machine(host)
        stored = await host.call(definition.show, REF)
        assert stored.etag == made.etag
        edited = stored.xml.replace(str(64 * 1024), str(96 * 1024))

        args = definition.DefineMachine(xml=edited, expected_etag=stored.etag)
        changed = await host.call(definition.define, args)

        assert changed.memory == 96 * MIB
        assert changed.etag != stored.etag
        with pytest.raises(Changed, match="one"):
            await host.call(definition.define, args)

    async def test_a_check_changes_nothing(self, host: Host) -> None:
        made = await machine(host)
        stored = await host.call(definition.show, REF)

        checked = await host.call(definition.check, definition.CheckDefinition(xml=stored.xml))

        assert "<name>one</name>" in checked.xml
        assert await host.call(machines.list_machines, Nothing()) == (made,)

    @pytest.mark.parametrize(
        "xml", ["", "<", "not xml", "<network/>", "<domain/>", "<domain><name>x</name></domain>"]
    )
    async def test_what_is_no_domain_is_refused(self, host: Host, xml: str) -> None:
        if xml:
            with pytest.raises(BadDefinition):
                await host.call(definition.define, definition.DefineMachine(xml=xml))
            with pytest.raises(BadDefinition):
                await host.call(definition.check, definition.CheckDefinition(xml=xml))
        assert await host.call(machines.list_machines, Nothing()) == ()

    async def test_entities_do_not_expand(self, host: Host) -> None:
        xml = '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><domain><name>&e;</name><memory>1</memory></domain>'

        with pytest.raises(BadDefinition):
            await host.call(definition.define, definition.DefineMachine(xml=xml))

    async def test_a_definition_is_changed_by_form(self, host: Host) -> None:
        made = await machine(host)
        changes = MachineChanges(vcpus=2, memory=128 * MIB, title="The first")

        args = definition.ChangeMachine(uuid=ONE, changes=changes, expected_etag=made.etag)
        changed = await host.call(definition.change, args)

        assert (changed.vcpus, changed.memory, changed.title) == (2, 128 * MIB, "The first")
        with pytest.raises(Changed, match="one"):
            await host.call(definition.change, args)

    async def test_a_change_is_checked_like_a_new_machine(self, host: Host) -> None:
        await machine(host)

        for changes in (MachineChanges(memory=2**50), MachineChanges(vcpus=512)):
            with pytest.raises(BadInput, match="cannot have"):
                await host.call(definition.change, definition.ChangeMachine(uuid=ONE, changes=changes))
