"""What the words of a recipe mean for an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skerry.errors import BadInput
from skerry.images.recipe import BadRecipe, Recipe, recipe_from_json
from skerry.images.words import HONOURED, Source, Understood, check, default_storage, parse_source, understand
from skerry.images.words.table import SECTIONS, WORDS, Treatment
from skerry.sizes import MIB
from skerry_kickstart.grammar import SECTIONS as READ_SECTIONS
from skerry_kickstart.grammar import known_options, known_words
from skerry_kickstart.reader import read

RECIPES = Path(__file__).parents[3] / "recipes"
LEAST = "url --url=debian:trixie\n"


def recipe(folder: Path, text: str) -> Recipe:
    path = folder / "recipe.ks"
    path.write_text(text)
    return recipe_from_json(path, json.dumps(read(path)))


def meaning(folder: Path, text: str, *, lenient: bool = False) -> Understood:
    return understand(recipe(folder, LEAST + text), lenient=lenient)


def test_the_least_recipe_has_defaults(tmp_path: Path) -> None:
    found = meaning(tmp_path, "").meaning

    assert found.source == Source("debian", "trixie")
    assert (found.locale, found.timezone, found.root_password) == ("C.UTF-8", "Etc/UTC", None)
    assert found.storage == default_storage(2048 * MIB)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("debian:trixie", Source("debian", "trixie")),
        ("ubuntu:noble", Source("ubuntu", "noble")),
        ("debian:bookworm-backports", Source("debian", "bookworm-backports")),
        ("debian:trixie/main,contrib", Source("debian", "trixie", ("main", "contrib"))),
        ("fedora:42", Source("fedora", "42", family="rpm")),
        ("fedora:rawhide", Source("fedora", "rawhide", family="rpm")),
        ("centos-stream:10", Source("centos", "10", family="rpm")),
        ("centos:9-stream", Source("centos", "9", family="rpm")),
        ("file:/srv/repo", Source(family="rpm", address="file:/srv/repo")),
        (
            "https://a.example/$releasever/$basearch/",
            Source(family="rpm", address="https://a.example/$releasever/$basearch/"),
        ),
    ],
)
def test_a_source_is_a_distribution_and_a_suite(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["", "trixie", "debian", "debian:", "debian:../x", "arch:now", "centos:rawhide"])
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="such as debian:trixie"):
        parse_source(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("/srv/repo", "write file:/srv/repo"),
        ("nfs://server/share", "an address begins with"),
        ("https://", "not an address"),
        ("file:relative", "not an address"),
        ("https://me:secret@a.example/", "password would stay"),
        ("https://a.example/\nbaseurl=x", "not an address"),
        ("https://[::1/", "not an address"),
    ],
)
def test_what_is_no_address_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_source(text)


def one(word: str, expected: Any, attribute: str) -> Any:
    return pytest.param(word, attribute, expected, id=word.split(maxsplit=1)[0])


@pytest.mark.parametrize(
    ("line", "attribute", "expected"),
    [
        one("lang de_DE.UTF-8", "de_DE.UTF-8", "locale"),
        one("lang en_US", "en_US.UTF-8", "locale"),
        one("lang de_DE.utf8@euro", "de_DE.UTF-8@euro", "locale"),
        one("timezone Europe/Berlin", "Europe/Berlin", "timezone"),
        one("network --bootproto=dhcp --hostname=web1.example", "web1.example", "hostname"),
        one("services --enabled=ssh,cron --disabled=a.timer", ("ssh", "cron"), "enabled"),
        one("bootloader --append='quiet console=ttyS0' --timeout=3", "quiet console=ttyS0", "kernel_arguments"),
        one("repo --name=b --baseurl=debian:sid", (Source("debian", "sid"),), "more_sources"),
    ],
)
def test_a_word_changes_the_image(tmp_path: Path, line: str, attribute: str, expected: object) -> None:
    assert getattr(meaning(tmp_path, line + "\n").meaning, attribute) == expected


def test_the_root_partition_is_as_the_recipe_says(tmp_path: Path) -> None:
    found = meaning(tmp_path, "part / --size=512 --fstype=ext4 --label=sys\n").meaning

    assert found.storage == default_storage(512 * MIB, "sys", grow=False)


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("user --name=root --iscrypted --password=$6$a$b", "$6$a$b"),
        ("rootpw --iscrypted $6$c$d\nuser --name=root --iscrypted --password=$6$a$b", "$6$a$b"),
        ("user --name=root --iscrypted --password=$6$a$b\nrootpw --iscrypted $6$c$d", "$6$c$d"),
        ("user --name=root --iscrypted --password=$6$a$b\nrootpw --lock", None),
        ("rootpw --iscrypted $6$c$d\nuser --name=root --lock", None),
        ("rootpw --iscrypted $6$c$d\nuser --name=root --groups=adm", "$6$c$d"),
    ],
)
def test_the_user_root_has_the_password_that_was_said_last(
    tmp_path: Path, text: str, password: str | None
) -> None:
    found = meaning(tmp_path, text + "\n").meaning

    assert (found.root_password.value if found.root_password else None) == password
    assert [each.password for each in found.users if each.name == "root"] in ([], [None])


def test_services_that_only_firewalld_knows_can_be_had_with_it_in_debian(tmp_path: Path) -> None:
    found = meaning(tmp_path, "firewall --service=nothing-known\n%packages\nfirewalld\n%end\n").meaning

    assert found.firewall is not None
    assert found.firewall.services == ("nothing-known",)


def test_a_gateway_that_not_everything_can_use_is_told(tmp_path: Path) -> None:
    text = "network --bootproto=dhcp --gateway=10.0.0.254 --ipv6gateway=fe80::1\n"

    remarks = [each.reason for each in meaning(tmp_path, text).remarks]

    assert len(remarks) == 2
    assert remarks[0].startswith("network: the gateway 10.0.0.254 has no address beside it")


def test_a_crypted_password_does_not_show(tmp_path: Path) -> None:
    found = meaning(tmp_path, "rootpw --iscrypted $6$salt$hash\n").meaning

    assert found.root_password is not None
    assert found.root_password.value == "$6$salt$hash"
    assert "hash" not in repr(found)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("rootpw --iscrypted 'a:b'", "crypted password"),
        ("network --bootproto=static", "--ip"),
        ("network --bootproto=dhcp --hostname=-x-", "host name"),
        ("part / --size=100 --fstype=ntfs", "ntfs"),
        ("part / --size=1", "MiB"),
        ("part /x --onpart=sda1", "no devices"),
        ("keyboard 'a b'", "'a b'"),
        ("timezone ../../etc/passwd", "time zone"),
        ("timezone /etc/passwd", "time zone"),
        ("bootloader --append='a\"b'", "boot loader"),
        ("bootloader --append='a;reboot'", "boot loader"),
        ("services --enabled='a;b'", "service"),
        ("url --url=fedora:42", "already"),
        ("liveimg --url=file:/x", "made of packages"),
        ("user --name='a b'", "name of a user"),
        ("user --name=joe --homedir=/home/../etc", "home folder"),
        ("sshkey --username=root 'rubbish'", "public key"),
        ("firewall --port=70000:tcp", "65535"),
        ("firewall --service=nothing-known", "--port"),
    ],
)
def test_what_cannot_be_honoured_names_file_line_and_reason(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        meaning(tmp_path, text + "\n")

    assert f"{tmp_path / 'recipe.ks'}:2: {text.split(maxsplit=1)[0]}" in caught.value.message
    assert part in caught.value.message


def test_all_mistakes_are_told_at_once_in_their_order(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe) as caught:
        meaning(tmp_path, "wrong\nkeyboard 'a b'\n%packages\n@core\n%end\nrealm join x\npart / --size=1\n")

    lines = caught.value.message.splitlines()
    assert [int(line.partition(": ")[0].rpartition(":")[2]) for line in lines] == [2, 3, 5, 7, 8]


def test_lenient_tells_and_passes_over_what_is_wrong(tmp_path: Path) -> None:
    found = meaning(tmp_path, "wrong\nlang de_DE.UTF-8\nlang '$x'\nrealm join x\n", lenient=True)

    assert found.meaning.locale == "de_DE.UTF-8"
    assert [remark.place.line for remark in found.remarks] == [2, 4, 5]
    assert all("passed over" in remark.reason for remark in found.remarks)


def test_lenient_lets_no_hostile_value_through(tmp_path: Path) -> None:
    text = "%packages\nbash\n$(reboot)\n-../x\n@group\n%end\npart / --fstype='x y'\nrepo --name=a --baseurl=/x\n"

    found = meaning(tmp_path, text, lenient=True).meaning

    assert (found.packages.names, found.packages.excluded, found.packages.groups) == (("bash",), (), ())
    assert found == meaning(tmp_path, "%packages\nbash\n%end\n").meaning


def test_a_recipe_must_say_what_to_install(tmp_path: Path) -> None:
    for lenient in (False, True):
        with pytest.raises(BadRecipe, match="url --url=debian:trixie"):
            understand(recipe(tmp_path, "lang C\n"), lenient=lenient)


def test_what_to_install_may_be_said_last(tmp_path: Path) -> None:
    text = "user --name=joe --groups=wheel\nauthselect select minimal\nurl --url=fedora:42\n"

    assert understand(recipe(tmp_path, text)).meaning.authselect == ("select", "minimal")


@pytest.mark.parametrize("line", ["../evil", "a b", "bash;reboot", "Bash", "vim-*"])
def test_what_is_no_package_name_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadRecipe, match=r"recipe.ks:3: %packages: .* is not a package name"):
        meaning(tmp_path, f"%packages\n{line}\n%end\n")


def test_rpm_takes_patterns_groups_and_paths(tmp_path: Path) -> None:
    text = (
        "url --url=file:/srv/repo\n%packages --ignoremissing\nvim-*\n/usr/bin/perl\nglibc.i686\n-kernel*\n"
        "@^server\n@core --nodefaults\n@Sound and Video --optional\n-@games\n%end\n"
    )

    packages = understand(recipe(tmp_path, text)).meaning.packages

    assert packages.names == ("/usr/bin/perl", "glibc.i686", "vim-*")
    assert packages.environment == "server"
    assert (packages.mandatory_groups, packages.whole_groups) == (("core",), ("Sound and Video",))
    assert packages.ignore_missing


def test_words_about_a_real_installation_are_told_and_ignored(tmp_path: Path) -> None:
    found = meaning(tmp_path, "text\nzerombr\nreboot\n%onerror\nx\n%end\n")

    assert [remark.place.line for remark in found.remarks] == [2, 3, 4, 5]
    assert found.meaning == meaning(tmp_path, "").meaning


def test_scripts_may_run_outside_of_the_root(tmp_path: Path) -> None:
    text = "%post --nochroot --interpreter image-minimizer\ndrop /x\n%end\n%post --nochroot\nx\n%end\n"

    found = meaning(tmp_path, text).meaning.scripts

    assert [(script.interpreter, script.chroot) for script in found] == [
        ("image-minimizer", False),
        ("/bin/sh", False),
    ]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("%post --interpreter=python", "whole path"),
        ("%post --interpreter=image-minimizer", "--nochroot"),
        ("%pre --interpreter=image-minimizer", "%post"),
        ("%post --log=../x", "--log"),
        ("%post --log=/a/../../x", "--log"),
    ],
)
def test_scripts_that_cannot_run_are_refused(tmp_path: Path, header: str, part: str) -> None:
    with pytest.raises(BadRecipe, match=part):
        meaning(tmp_path, f"{header}\nx\n%end\n")


def test_scripts_for_python_2_are_told(tmp_path: Path) -> None:
    (remark,) = meaning(tmp_path, "%post --interpreter=/usr/bin/python\nprint 1\n%end\n").remarks

    assert "Python 2" in remark.reason


def test_a_check_lays_out_the_disks_too(tmp_path: Path) -> None:
    text = LEAST + "part pv.1 --size=100\nvolgroup vg pv.1\nlogvol / --vgname=vg --name=root --size=500\n"

    understand(recipe(tmp_path, text))
    with pytest.raises(BadRecipe, match="need 500 MiB"):
        check(recipe(tmp_path, text))


def test_every_word_of_kickstart_is_treated() -> None:
    assert WORDS.keys() == known_words().keys()
    assert SECTIONS.keys() == READ_SECTIONS
    assert {name for name, word in WORDS.items() if word.treatment is Treatment.HONOURED} == HONOURED


def test_every_option_that_is_told_of_is_one_of_its_word() -> None:
    wrong = [
        f"{word.name} {option}"
        for word in WORDS.values()
        for option in (*word.ignored, *word.refused)
        if option not in known_options(word.name)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.ks")), ids=lambda path: path.name)
def test_the_recipes_that_come_with_skerry_are_understood(path: Path) -> None:
    found = understand(recipe_from_json(path, json.dumps(read(path))))

    assert found.remarks == ()
    assert all(script.error_on_fail for script in found.meaning.scripts)


def test_an_answer_in_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="format 2"):
        recipe_from_json(tmp_path / "x.ks", '{"format": 2}')


def test_an_answer_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="no answer"):
        recipe_from_json(tmp_path / "x.ks", "Traceback")


@pytest.mark.parametrize(
    ("disks", "line", "reason"),
    [
        (
            "part raid.1 --size=99\npart raid.2 --size=99\nraid / --level=0 --device=r raid.1 raid.2\n",
            4,
            "level raid0",
        ),
        (
            "part raid.1 --size=99\npart raid.2 --size=99\nraid / --level=5 --device=r raid.1 raid.2\n",
            4,
            "3 members",
        ),
        ("part btrfs.1 --size=200\npart btrfs.2 --size=200\nbtrfs / btrfs.1 btrfs.2\n", 4, "over 2 partitions"),
        (
            "part pv.1 --size=999\nvolgroup v pv.1\nlogvol / --vgname=v --name=r --size=500 --fstype=erofs\n",
            4,
            "erofs root cannot be in v/r",
        ),
    ],
    ids=["raid", "members", "btrfs", "erofs"],
)
def test_disks_that_cannot_be_written_are_told_before_a_build(
    tmp_path: Path, disks: str, line: int, reason: str
) -> None:
    with pytest.raises(BadRecipe) as caught:
        check(recipe(tmp_path, LEAST + disks))

    assert caught.value.message.startswith(f"{tmp_path / 'recipe.ks'}:{line}: ")
    assert reason in caught.value.message


def test_mistakes_about_options_of_packages_have_their_line(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe) as caught:
        meaning(tmp_path, "lang C\n%packages --ignoremissing --inst-langs=a/b\n%end\n")

    lines = caught.value.message.splitlines()
    assert [each.startswith(f"{tmp_path / 'recipe.ks'}:3: %packages: ") for each in lines] == [True, True]
