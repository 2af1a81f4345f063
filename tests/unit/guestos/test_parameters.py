"""The settings of our definition: names, meanings, order, and what is said of mistakes."""

import re
from pathlib import Path

import pytest

from skerry.errors import BadSettings
from skerry.guestos.parameters import BY_OS_PARAMETER, PARAMETERS, Parameter, Settings
from skerry.guestos.settings import Given, Places, asked_by, default_of, settings_of

FILE = "/etc/default/ganeti-instance-debootstrap"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ3 ops@example.com"


def of_file(**values: str) -> Settings:
    return settings_of(Given(FILE, values))


def mistakes(*sources: Given, **parameters: str) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        settings_of(*sources, parameters=parameters)
    return caught.value.message.splitlines()


def test_every_setting_of_the_old_manual_is_here_by_its_name() -> None:
    old = [
        "PROXY",
        "MIRROR",
        "ARCH",
        "SUITE",
        "EXTRAPKGS",
        "CUSTOMIZE_DIR",
        "GENERATE_CACHE",
        "CLEAN_CACHE",
        "PARTITION_STYLE",
    ]
    later = ["EXTRA_PKGS", "COMPONENTS", "VARIANTS_DIR", "PARTITION_ALIGNMENT"]

    known = {name for row in PARAMETERS if row.classic for name in (row.name, *row.spellings)}

    assert known == {*old, *later, "FILESYSTEM"}


def test_nothing_set_is_what_the_old_manual_says() -> None:
    settings = settings_of()

    assert (settings.proxy, settings.mirror, settings.arch, settings.extra_pkgs) == ("", "", "", ())
    assert (settings.generate_cache, settings.clean_cache_days) == (True, 14)
    assert (settings.partition_style, settings.partition_alignment, settings.filesystem) == ("msdos", 2048, "ext4")
    assert settings.customize_dir == Path("/etc/ganeti/instance-debootstrap/hooks")
    assert settings.cache_dir == Path("/var/cache/ganeti-instance-debootstrap")


def test_the_words_of_configure_move_files() -> None:
    places = Places(Path("/opt/etc"), Path("/opt/var"))

    settings = settings_of(places=places)

    assert settings.customize_dir == Path("/opt/etc/ganeti/instance-debootstrap/hooks")
    assert settings.variants_dir == Path("/opt/etc/ganeti/instance-debootstrap/variants")
    assert settings.cache_dir == Path("/opt/var/cache/ganeti-instance-debootstrap")


def test_an_os_parameter_wins_over_the_variant_and_the_variant_over_the_file() -> None:
    file = Given(FILE, {"SUITE": "bookworm", "FILESYSTEM": "ext3", "MIRROR": "http://mirror.example.com/debian"})
    variant = Given("noble.conf", {"SUITE": "noble", "FILESYSTEM": "ext4"})

    settings = settings_of(file, variant, parameters={"filesystem": "xfs"})

    assert (settings.mirror, settings.suite, settings.filesystem) == (
        "http://mirror.example.com/debian",
        "noble",
        "xfs",
    )


@pytest.mark.parametrize("name", ["partition_style", "partition-style", "PARTITION_STYLE"])
def test_an_os_parameter_may_be_written_as_any_of_its_kin(name: str) -> None:
    assert settings_of(parameters={name: "gpt"}).partition_style == "gpt"


def test_no_name_of_an_os_parameter_needs_more_than_a_shell_variable_has() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in BY_OS_PARAMETER)


def test_what_an_instance_asks_for_itself_is_known_by_the_names_of_the_file() -> None:
    assert asked_by(["extra_pkgs", "PARTITION-STYLE", "nothing_known"]) == {"EXTRA_PKGS", "PARTITION_STYLE"}


@pytest.mark.parametrize("name", ["CUSTOMIZE_DIR", "VARIANTS_DIR", "CACHE_DIR", "MOUNT"])
def test_who_creates_instances_does_not_choose_what_happens_on_the_node(name: str) -> None:
    said = mistakes(**{name.lower(): "/tmp"})

    assert len(said) == 1
    assert said[0].startswith(f"OS parameter: {name.lower()} is not known")


def test_the_misspelling_of_the_old_manual_is_understood() -> None:
    assert of_file(EXTRAPKGS="vim,less").extra_pkgs == ("vim", "less")


@pytest.mark.parametrize("text", ["vim,less", "vim, less", "vim less", " vim,,less, ", "vim,less,vim"])
def test_lists_are_read_as_people_write_them(text: str) -> None:
    assert of_file(EXTRA_PKGS=text).extra_pkgs == ("vim", "less")


def test_an_empty_age_of_the_cache_is_for_ever() -> None:
    assert of_file(CLEAN_CACHE="").clean_cache_days is None


@pytest.mark.parametrize("row", PARAMETERS, ids=lambda row: row.name)
def test_an_empty_value_is_no_mistake(row: Parameter) -> None:
    settings_of(Given(FILE, {row.name: ""}))


@pytest.mark.parametrize(("text", "kept"), [("yes", True), ("no", False), ("true", False), ("Yes", False)])
def test_only_yes_generates_a_cache(text: str, *, kept: bool) -> None:
    assert of_file(GENERATE_CACHE=text).generate_cache is kept


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("SUIT", "SUITE"),
        ("EXTRA_PACKAGES", "EXTRA_PKGS"),
        ("PARTITION_STILE", "PARTITION_STYLE"),
        ("CLEANCACHE", "CLEAN_CACHE"),
        ("CUSTOMISE_DIR", "CUSTOMIZE_DIR"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(wrong: str, right: str) -> None:
    assert mistakes(Given(FILE, {wrong: "x"})) == [f"{FILE}: {wrong} is not known, did you mean {right}?"]


@pytest.mark.parametrize(("wrong", "right"), [("filesistem", "filesystem"), ("ssh_key", "ssh_keys")])
def test_an_unknown_os_parameter_is_answered_with_the_nearest(wrong: str, right: str) -> None:
    assert mistakes(**{wrong: "x"}) == [f"OS parameter: {wrong} is not known, did you mean {right}?"]


def test_all_mistakes_are_told_at_once_with_their_sources() -> None:
    said = mistakes(Given(FILE, {"PARTITION_STYLE": "mbr", "CLEAN_CACHE": "two weeks"}), filesystem="zfs")

    assert said == [
        f"{FILE}: CLEAN_CACHE='two weeks': expected a whole number of days, 0 to 36500",
        f"{FILE}: PARTITION_STYLE='mbr': expected none, msdos or gpt",
        "OS parameter: filesystem='zfs': expected ext4, ext3, ext2, xfs or btrfs, did you mean xfs?",
    ]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("suite", "trixi", "trixie"),
        ("suite", "Bookworm", "bookworm"),
        ("suite", "nobel", "noble"),
        ("arch", "x86_64", "amd64"),
        ("arch", "amd46", "amd64"),
        ("partition_style", "GPT", "gpt"),
        ("network", "statik", "static"),
        ("timezone", "Europe/Berln", "Europe/Berlin"),
    ],
)
def test_a_wrong_value_is_answered_with_the_nearest(name: str, value: str, meant: str) -> None:
    said = mistakes(**{name: value})

    assert len(said) == 1
    assert said[0].startswith(f"OS parameter: {name}={value!r}")
    assert said[0].endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("suite", "mirror"),
    [
        ("forky", ""),
        ("next-year", ""),
        ("stable", ""),
        ("trixie-backports", ""),
        ("trixi", "http://m.example.com/debian"),
    ],
)
def test_suites_that_nobody_knows_are_let_through(suite: str, mirror: str) -> None:
    assert settings_of(parameters={"suite": suite, "mirror": mirror}).suite == suite


def test_a_later_source_mends_an_earlier_mistake() -> None:
    assert settings_of(Given(FILE, {"FILESYSTEM": "zfs"}), parameters={"filesystem": "xfs"}).filesystem == "xfs"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mirror", "file:///etc"),
        ("mirror", "http://mirror.example.com/$(id)"),
        ("mirror", "http://mirror.example.com/debian trixie"),
        ("mirror", "http://mirror.example.com/debian\ndeb http://evil.example.com/ x main"),
        ("proxy", "http://proxy.example.com:3128/';id;'"),
        ("suite", "../../etc"),
        ("suite", "-o"),
        ("suite", "trixie main\n"),
        ("arch", "amd64 --hook=x"),
        ("extra_pkgs", "vim;reboot"),
        ("extra_pkgs", "--setup-hook=x"),
        ("extra_pkgs", "/etc/passwd"),
        ("components", "main|x"),
        ("kernel_args", 'quiet" init=/bin/sh'),
        ("kernel_args", "quiet\ninitrd"),
        ("locale", "C.UTF-8\nLD_PRELOAD=x"),
        ("timezone", "../../etc/shadow"),
        ("timezone", "/etc/shadow"),
        ("root_password_hash", "secret"),
        ("root_password_hash", "$6$salt$hash\nroot2::0:0::/:/bin/sh"),
        ("root_password_hash", "$6$salt$hash:0:0"),
        ("ssh_keys", f'command="id" {KEY}'),
        ("ssh_keys", "not a key"),
        ("name_servers", "192.0.2.1 options"),
        ("partition_alignment", "0"),
        ("partition_alignment", "99999999999999999999"),
        ("partition_alignment", "2048; id"),
        ("filesystem", "ext4\n"),
    ],
)
def test_values_that_could_mean_something_else_elsewhere_are_refused(name: str, value: str) -> None:
    said = mistakes(**{name: value})

    assert said[0].startswith(f"OS parameter: {name}")


def test_a_password_is_not_repeated() -> None:
    assert "hunter2" not in mistakes(root_password_hash="hunter2")[0]


def test_keys_are_one_a_line_with_remarks_and_blank_lines() -> None:
    assert settings_of(parameters={"ssh_keys": f"# ops\n\n  {KEY}\n"}).ssh_keys == (KEY,)


@pytest.mark.parametrize("between", ["\n", "\r\n", ",", ", ", ",\n", " ", "\t"])
@pytest.mark.parametrize(
    "first", [KEY, KEY.rpartition(" ")[0], f"{KEY}, at home"], ids=["named", "bare", "remark"]
)
def test_keys_between_which_the_ends_of_lines_were_lost_are_still_keys(first: str, between: str) -> None:
    other = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2g= dev@example.com"

    assert settings_of(parameters={"ssh_keys": f"{first}{between}{other}"}).ssh_keys == (first, other)


@pytest.mark.parametrize("text", [KEY + KEY, KEY + "/" + KEY, KEY.rpartition(" ")[0] + KEY])
def test_a_key_that_would_get_lost_in_the_remark_of_another_is_refused(text: str) -> None:
    (said,) = mistakes(ssh_keys=text)

    assert "one a line" in said


def test_remarks_may_speak_of_kinds_of_keys() -> None:
    key = f"{KEY} (was ssh-rsa before)"

    assert settings_of(parameters={"ssh_keys": key}).ssh_keys == (key,)


@pytest.mark.parametrize("hashed", ["$6$salt$" + "a" * 86, "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" + "b" * 43])
def test_hashes_of_crypt_are_passwords(hashed: str) -> None:
    assert settings_of(parameters={"root_password_hash": hashed}).root_password_hash == hashed


@pytest.mark.parametrize("row", PARAMETERS, ids=lambda row: row.name)
def test_every_default_is_a_value_of_its_setting(row: Parameter) -> None:
    default = default_of(row, Places())

    row.parse(default)


def test_every_field_of_the_settings_has_a_row_and_every_choice_is_one() -> None:
    assert {row.field for row in PARAMETERS} == set(Settings.__dataclass_fields__)
    for row in PARAMETERS:
        assert all(row.parse(choice) is not None for choice in row.choices)
