"""What of the host a definition finds in the helper machine."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from tests.fixtures.little_definition import write_definition

from skerry.errors import BadInput
from skerry.guestos.definition import Definition
from skerry.guestos.helper_files import QEMU_NAME_SERVER, write_files
from skerry.guestos.search import find


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The root of a host's files."""
    root = tmp_path / "host"
    for name, text in {
        "etc/ganeti/instance-debootstrap/variants.list": "default\n",
        "etc/default/ganeti-instance-debootstrap": "SUITE=trixie\n",
        "etc/default/ssh": "",
        "etc/hosts": "192.0.2.1 node1\n",
        "etc/resolv.conf": "nameserver 192.0.2.53\n",
        "etc/shadow": "root:secret\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def definition(tmp_path: Path) -> Definition:
    write_definition(tmp_path / "os")
    return find("little+calm", [tmp_path / "os"]).definition


def written(tmp_path: Path, definition: Definition, host: Path, *more: Path) -> dict[str, tarfile.TarInfo]:
    tar = tmp_path / "files.tar"
    write_files(tar, definition, more, host)
    with tarfile.open(tar) as archive:
        return {f"/{member.name}": member for member in archive}


def test_its_own_folder_and_its_configuration_are_there_and_nothing_else(
    tmp_path: Path, definition: Definition, host: Path
) -> None:
    found = written(tmp_path, definition, host)

    assert found[f"{definition.path}/create"].mode & 0o111
    assert {name for name in found if name.startswith("/etc/")} == {
        *("/etc/ganeti", "/etc/ganeti/instance-debootstrap", "/etc/ganeti/instance-debootstrap/variants.list"),
        *("/etc/default/ganeti-instance-debootstrap", "/etc/hosts", "/etc/resolv.conf"),
    }


def test_it_is_a_disk_of_whole_sectors(tmp_path: Path, definition: Definition, host: Path) -> None:
    written(tmp_path, definition, host)

    assert (tmp_path / "files.tar").stat().st_size % 512 == 0


def test_nobody_else_reads_it(tmp_path: Path, definition: Definition, host: Path) -> None:
    written(tmp_path, definition, host)

    assert (tmp_path / "files.tar").stat().st_mode & 0o077 == 0


def test_a_definition_that_is_a_link_is_found_under_its_name(
    tmp_path: Path, definition: Definition, host: Path
) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown/little").symlink_to(definition.path)
    linked = find("little+calm", [tmp_path / "shown"]).definition

    assert f"{tmp_path}/shown/little/create" in written(tmp_path, linked, host)


def test_what_its_links_lead_to_comes_along(tmp_path: Path, definition: Definition, host: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sh"
    elsewhere.write_text("echo\n")
    (definition.path / "common.sh").symlink_to(elsewhere)
    (definition.path / "dangling").symlink_to("/nowhere/at/all")
    (definition.path / "inside").symlink_to("create")

    found = written(tmp_path, definition, host)

    assert found[str(elsewhere)].isreg()
    assert found[f"{definition.path}/common.sh"].issym()


def test_further_files_come_along_and_missing_ones_are_named(
    tmp_path: Path, definition: Definition, host: Path
) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/grub").write_text("")

    assert f"{tmp_path}/hooks/grub" in written(tmp_path, definition, host, tmp_path / "hooks")
    (tmp_path / "files.tar").unlink()
    with pytest.raises(BadInput, match="there is no /srv/nowhere"):
        written(tmp_path, definition, host, Path("/srv/nowhere"))


@pytest.mark.parametrize(
    ("text", "servers"),
    [("nameserver 192.0.2.53\n", "nameserver 192.0.2.53\n"), ("nameserver 127.0.0.53\n", QEMU_NAME_SERVER)],
)
def test_name_servers_are_the_hosts_where_they_can_be_reached(
    text: str, servers: str, tmp_path: Path, definition: Definition, host: Path
) -> None:
    (host / "etc/resolv.conf").write_text(text)

    written(tmp_path, definition, host)

    with tarfile.open(tmp_path / "files.tar") as archive:
        file = archive.extractfile("etc/resolv.conf")
        assert file
        assert file.read().decode() == servers
