"""The words of a recipe, carried out in a real Debian root."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import Iterator

import pytest
from tests.integration.images.conftest import Recorder

from skerry.images.build import Order, build
from skerry.images.settings import BuildSettings
from skerry.progress import Quiet

RECIPE = """\
url --url=debian:trixie
lang de_DE.UTF-8 --addsupport=cs_CZ.ISO-8859-2
keyboard --xlayouts='de (nodeadkeys)','us' --switch=grp:alt_shift_toggle
timezone Europe/Berlin
timesource --ntp-server=ntp.example.org
rootpw --iscrypted $6$salt$hash --allow-ssh
group --name=web --gid=61005
user --name=joe --uid=61001 --gid=61002 --gecos="Joe O'Doe" --groups=web,adm,new(62000) --password=secret
user --name=ann --lock
user --name=daemon --shell=/bin/sh
sshkey --username=joe "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample joe's key"
sshkey --username=root "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample root"
network --device=enp1s0 --bootproto=static --ip=192.0.2.5/24 --gateway=192.0.2.1 --hostname=words
network --device=bond0 --bondslaves=em1,em2 --bondopts=mode=1,miimon=100 --bootproto=dhcp
firewall --enabled --http --port=5000-5010:udp
services --disabled=apt-daily.timer
selinux --disabled
xconfig --startxonboot
%certificate --filename=note.pem --dir=/etc/ssl/notes
it's a note
%end
%packages --nocore --exclude-weakdeps --excludedocs
locales
nftables
passwd
systemd-sysv
systemd-timesyncd
tzdata
%end
"""


class Root:
    """The files of a root, read from its tar."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def member(self, path: str) -> tarfile.TarInfo:
        return self._tar.getmember(f"./{path}")

    def text(self, path: str) -> str:
        file = self._tar.extractfile(self.member(path))
        assert file
        return file.read().decode()

    def line(self, path: str, name: str) -> list[str]:
        """The fields of the line that begins with a name."""
        (found,) = (line for line in self.text(path).splitlines() if line.startswith(f"{name}:"))
        return found.split(":")


@pytest.fixture(scope="module")
def root(settings: BuildSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.ks").write_text(RECIPE)
    order = Order(folder / "words.ks", ("tar",))
    made = asyncio.run(build(order, folder, settings=settings, progress=Quiet(), commands=Recorder()))
    (path,) = (file.path for output in made.outputs for file in output.files if ".tar" in file.path.name)
    with tarfile.open(path) as tar:
        yield Root(tar)


def test_languages_are_there(root: Root) -> None:
    assert root.text("etc/locale.conf") == "LANG=de_DE.UTF-8\n"
    assert "cs_CZ.ISO-8859-2 ISO-8859-2" in root.text("etc/locale.gen")
    assert root.member("usr/lib/locale/locale-archive").size > 0


def test_layouts_and_clock_are_set(root: Root) -> None:
    assert 'XKBLAYOUT="de,us"\n' in root.text("etc/vconsole.conf")
    assert 'XKBOPTIONS="grp:alt_shift_toggle"' in root.text("etc/default/keyboard")
    assert root.member("etc/localtime").linkname.endswith("/usr/share/zoneinfo/Europe/Berlin")
    assert root.text("etc/adjtime").endswith("LOCAL\n")
    assert "NTP=ntp.example.org" in root.text("etc/systemd/timesyncd.conf.d/50-recipe.conf")


def test_people_are_there_with_their_groups_and_passwords(root: Root) -> None:
    assert root.line("etc/passwd", "joe")[2:5] == ["61001", "61002", "Joe O'Doe"]
    assert root.line("etc/group", "web")[2:] == ["61005", "joe"]
    assert root.line("etc/group", "new")[2:] == ["62000", "joe"]
    assert "joe" in root.line("etc/group", "adm")[3].split(",")
    assert root.line("etc/shadow", "joe")[1].startswith("$6$")
    assert root.line("etc/shadow", "root")[1] == "$6$salt$hash"
    assert root.line("etc/shadow", "ann")[1].startswith("!")
    assert root.line("etc/passwd", "daemon")[6] == "/bin/sh"
    assert "secret" not in root.text("etc/shadow")


def test_keys_let_in_whom_they_shall_and_nobody_else_reads_them(root: Root) -> None:
    file = root.member("home/joe/.ssh/authorized_keys")
    assert (file.mode & 0o777, file.uid, file.gid) == (0o600, 61001, 61002)
    assert root.member("home/joe/.ssh").mode & 0o777 == 0o700
    assert root.text("home/joe/.ssh/authorized_keys").endswith("joe's key\n")
    assert root.text("root/.ssh/authorized_keys").endswith(" root\n")
    assert root.text("etc/ssh/sshd_config.d/40-root.conf") == "PermitRootLogin yes\n"


def test_the_network_and_its_wall_are_up_at_boot(root: Root) -> None:
    assert root.text("etc/hostname") == "words\n"
    assert "Address=192.0.2.5/24\n" in root.text("etc/systemd/network/70-enp1s0.network")
    assert root.text("etc/systemd/network/60-em1.network").endswith("Bond=bond0\n")
    assert "udp dport { 546, 5000-5010 } accept" in root.text("etc/nftables.conf")
    wanted = "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    assert root.member(wanted).issym()
    assert root.member("etc/systemd/system/sysinit.target.wants/nftables.service").issym()


def test_units_and_files_are_as_asked(root: Root) -> None:
    assert root.member("etc/systemd/system/default.target").linkname.endswith("graphical.target")
    assert root.text("etc/ssl/notes/note.pem") == "it's a note\n"
    with pytest.raises(KeyError):
        root.member("etc/systemd/system/timers.target.wants/apt-daily.timer")
