"""Faults, words of events, definitions' files, logs."""

import os
from pathlib import Path

import libvirt
import pytest

from skerry.errors import HostError, InvalidState, NameTaken, NoSpace, NotFound, SkerryError
from skerry.hypervisor.callbacks import lifecycle_words
from skerry.hypervisor.consoles import past_and_present, tail
from skerry.hypervisor.daemon import answers
from skerry.hypervisor.definition_files import changes, folder_of, read_times
from skerry.hypervisor.disk_files import DiskSize, measure
from skerry.hypervisor.faults import fault
from skerry.hypervisor.networks import list_networks, missing_default, plugged
from skerry.hypervisor.types import NewNic


class Raised(libvirt.libvirtError):
    """An error as libvirt raises it."""

    def __init__(self, code: int, message: str) -> None:
        self.err = (code, libvirt.VIR_FROM_QEMU, message, 2, None, None, None, 0, 0)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (libvirt.VIR_ERR_NO_DOMAIN, "Domain not found", NotFound),
        (libvirt.VIR_ERR_OPERATION_FAILED, "operation failed: domain 'a' already exists with uuid 1", NameTaken),
        (
            libvirt.VIR_ERR_OPERATION_INVALID,
            "operation is not valid: domain is not running",
            InvalidState,
        ),
        (libvirt.VIR_ERR_SYSTEM_ERROR, "cannot write data to file 'x': No space left on device", NoSpace),
        (libvirt.VIR_ERR_INTERNAL_ERROR, "internal error: qemu unexpectedly closed the monitor", HostError),
    ],
)
def test_errors_of_libvirt_become_ours_with_its_words(code: int, message: str, kind: type[SkerryError]) -> None:
    found = fault(Raised(code, message))

    assert type(found) is kind
    assert found.message == message


def test_events_are_told_in_words() -> None:
    booted = lifecycle_words(libvirt.VIR_DOMAIN_EVENT_STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_BOOTED)
    unknown = lifecycle_words(4711, 0)

    assert (booted, unknown) == ("started booted", "event 4711")


class TestDefinitionFiles:
    def test_a_changed_file_is_noticed(self, tmp_path: Path) -> None:
        (tmp_path / "web.xml").write_text("old")
        before = read_times(tmp_path)
        os_times = (tmp_path / "web.xml").stat().st_mtime_ns + 1
        os.utime(tmp_path / "web.xml", ns=(os_times, os_times))

        assert changes(before, read_times(tmp_path)) == ["web"]

    def test_autostart_is_noticed(self, tmp_path: Path) -> None:
        (tmp_path / "web.xml").write_text("x")
        before = read_times(tmp_path)

        (tmp_path / "autostart").mkdir()
        (tmp_path / "autostart" / "web.xml").symlink_to(tmp_path / "web.xml")

        assert changes(before, read_times(tmp_path)) == ["web"]

    def test_a_new_machine_is_noticed_and_a_removed_one_is_left_to_libvirt(self, tmp_path: Path) -> None:
        (tmp_path / "old.xml").write_text("x")
        before = read_times(tmp_path)
        (tmp_path / "old.xml").unlink()
        (tmp_path / "new.xml").write_text("x")

        assert changes(before, read_times(tmp_path)) == ["new"]

    def test_a_folder_that_may_not_be_read_is_empty(self, tmp_path: Path) -> None:
        assert read_times(tmp_path / "missing") == {}

    def test_the_folder_follows_from_the_uri(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", "/home/ada/.config")

        assert folder_of("qemu:///system") == Path("/etc/libvirt/qemu")
        assert folder_of("qemu:///session") == Path("/home/ada/.config/libvirt/qemu")
        assert folder_of("qemu+ssh://host/system") is None


class TestTheTailOfALog:
    def test_is_its_last_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_bytes(b"0123456789")

        assert tail(tmp_path / "log", 4) == b"6789"

    def test_goes_on_in_the_file_that_was_rotated_away(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_bytes(b"new")
        (tmp_path / "log.0").write_bytes(b"older")

        assert tail(tmp_path / "log", 6) == b"dernew"

    def test_is_empty_where_there_is_none(self, tmp_path: Path) -> None:
        assert tail(tmp_path / "log", 6) == b""


def test_a_socket_that_nobody_serves_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()

    assert not answers(tmp_path / "missing")
    assert not answers(tmp_path / "plain")


class LibvirtWithoutNetworks:
    """As much of a connection as networks need."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def getURI(self) -> str:  # noqa: N802 - as libvirt calls it
        return self._uri

    def listAllNetworks(self, _flags: int) -> list[object]:  # noqa: N802 - as libvirt calls it
        return []


class TestWithoutNetworks:
    def test_a_plain_users_machine_gets_the_users_own_connections(self) -> None:
        nic = plugged(LibvirtWithoutNetworks("qemu:///session"), NewNic())

        assert nic.kind == "user"
        assert ("default", "user") in {
            (network.name, network.forward) for network in list_networks(LibvirtWithoutNetworks("qemu:///session"))
        }
        assert missing_default(LibvirtWithoutNetworks("qemu:///session")) is None

    def test_the_system_warns_and_refuses(self) -> None:
        system = LibvirtWithoutNetworks("qemu:///system?socket=/x")

        with pytest.raises(NotFound, match="no network default"):
            plugged(system, NewNic())
        assert all(network.kind == "bridge" for network in list_networks(system))
        assert "no network named default" in str(missing_default(system))


class TestTheSizeOfADisk:
    def test_is_that_of_a_raw_file(self, tmp_path: Path) -> None:
        (tmp_path / "disk").write_bytes(b"x" * 4096)

        assert measure(str(tmp_path / "disk"), "raw") == DiskSize(4096, 4096)

    def test_is_written_in_a_qcow2_file(self, tmp_path: Path) -> None:
        (tmp_path / "disk").write_bytes(b"QFI\xfb" + bytes(20) + (5 * 1024**3).to_bytes(8, "big"))

        found = measure(str(tmp_path / "disk"), "qcow2")

        assert found is not None
        assert found.size == 5 * 1024**3

    @pytest.mark.parametrize("content", [b"", b"QFI\xfb", b"no image at all, just some longer words"])
    def test_is_not_known_of_a_file_that_is_none(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "disk").write_bytes(content)

        assert measure(str(tmp_path / "disk"), "qcow2") is None

    def test_is_not_known_of_a_missing_file(self, tmp_path: Path) -> None:
        assert measure(str(tmp_path / "disk"), "raw") is None


@pytest.mark.parametrize(
    ("past", "came", "shown"),
    [
        pytest.param(b"login: ", b"", b"login: ", id="only the past"),
        pytest.param(b"login: adm", b"admin", b"login: admin", id="partly in both"),
        pytest.param(b"login: admin", b"admin", b"login: admin", id="wholly in both"),
        pytest.param(b"login: ", b"x", b"login: x", id="in one each"),
        pytest.param(b"\x1b[6n\x1b[0;31mred\x1b[c\x1b[18t\x1b]11;?\x07", b"", b"\x1b[0;31mred", id="questions"),
    ],
)
def test_a_console_shows_the_past_once_and_asks_nothing_again(past: bytes, came: bytes, shown: bytes) -> None:
    assert past_and_present(past, came) == shown
