"""The settings files of a node, read by a real shell as the old scripts read them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from skerry.commands import CommandRunner
from skerry.errors import BadInput, BadSettings
from skerry.guestos.parameters import Settings
from skerry.guestos.settings import Places
from skerry.guestos.settings_files import Loaded, load

GANETI = {"OS_API_VERSION": "20", "HYPERVISOR": "kvm", "INSTANCE_NAME": "web1.example.com", "DEBUG_LEVEL": "0"}


class Node:
    """A node's files."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root / "etc", root / "var")
        self.file = self.places.settings_file
        self.file.parent.mkdir(parents=True)
        self.places.variants_dir.mkdir(parents=True)

    def variant(self, name: str, text: str = "") -> Path:
        path = self.places.variants_dir / f"{name}.conf"
        path.write_text(text)
        return path

    async def load(self, text: str | None = None, **environ: str) -> Loaded:
        if text is not None:
            self.file.write_text(text)
        return await load({**GANETI, **environ}, self.places, CommandRunner())

    async def settings(self, text: str | None = None, **environ: str) -> Settings:
        return (await self.load(text, **environ)).settings


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


async def test_without_files_everything_is_as_the_manual_says(node: Node) -> None:
    loaded = await node.load()

    assert loaded.settings.suite == "trixie"
    assert loaded.settings.customize_dir == node.places.customize_dir
    assert (loaded.exported, loaded.warnings) == ({}, ())


async def test_the_example_file_of_debians_package_is_understood(node: Node) -> None:
    settings = await node.settings(
        "# a remark\n"
        'PROXY="http://proxy.example.com:3128/"\n'
        'MIRROR="http://ftp.debian.org/debian"\n'
        'ARCH="amd64"\n'
        'SUITE="bookworm"\n'
        'EXTRA_PKGS="acpi-support-base,udev,linux-image-amd64"\n'
        'COMPONENTS="main,contrib,non-free"\n'
        'CUSTOMIZE_DIR="/srv/hooks"\n'
        'GENERATE_CACHE="no"\n'
        'CLEAN_CACHE=""\n'
        'PARTITION_STYLE="none"\n'
        "PARTITION_ALIGNMENT=4096\n"
    )

    assert settings.extra_pkgs == ("acpi-support-base", "udev", "linux-image-amd64")
    assert settings.components == ("main", "contrib", "non-free")
    assert settings.clean_cache_days is None
    assert (settings.suite, settings.partition_style, settings.partition_alignment) == ("bookworm", "none", 4096)
    assert (settings.customize_dir, settings.generate_cache) == (Path("/srv/hooks"), False)


async def test_a_file_may_ask_what_the_instance_is(node: Node) -> None:
    text = "case $HYPERVISOR in kvm) EXTRA_PKGS=linux-image-amd64;; xen*) EXTRA_PKGS=none;; esac\n"

    assert (await node.settings(text)).extra_pkgs == ("linux-image-amd64",)


async def test_a_file_may_use_what_only_bash_has(node: Node) -> None:
    text = 'pkgs=(vim less)\n[[ $INSTANCE_NAME == web* ]] && pkgs+=(nginx)\nEXTRA_PKGS="${pkgs[*]}"\n'

    assert (await node.settings(text)).extra_pkgs == ("vim", "less", "nginx")


async def test_a_variant_wins_and_can_add_to_what_the_file_says(node: Node) -> None:
    node.variant("web", 'EXTRA_PKGS="$EXTRA_PKGS,nginx"\nSUITE=bookworm\n')

    settings = await node.settings("EXTRA_PKGS=vim\nSUITE=trixie\n", OS_VARIANT="web")

    assert (settings.extra_pkgs, settings.suite) == (("vim", "nginx"), "bookworm")


async def test_a_variant_sees_the_defaults_of_what_the_file_leaves_out(node: Node) -> None:
    node.variant("web", ': ${SUITE:=sid}\nEXTRA_PKGS="suite-$SUITE"\n')

    settings = await node.settings(OS_VARIANT="web")

    assert (settings.suite, settings.extra_pkgs) == ("trixie", ("suite-trixie",))


async def test_a_variant_adds_to_the_misspelling_of_the_old_manual(node: Node) -> None:
    node.variant("web", 'EXTRA_PKGS="$EXTRA_PKGS,nginx"\n')

    assert (await node.settings("EXTRAPKGS=vim\n", OS_VARIANT="web")).extra_pkgs == ("vim", "nginx")


async def test_an_empty_variant_changes_nothing(node: Node) -> None:
    node.variant("default")

    assert (await node.settings("SUITE=bookworm\n", OS_VARIANT="default")).suite == "bookworm"


async def test_an_os_parameter_wins_over_the_files(node: Node) -> None:
    node.variant("web", "FILESYSTEM=btrfs\nSUITE=bookworm\n")

    settings = await node.settings(
        "FILESYSTEM=ext3\n", OS_VARIANT="web", OSP_FILESYSTEM="xfs", OSP_EXTRA_PKGS="vim"
    )

    assert (settings.filesystem, settings.suite, settings.extra_pkgs) == ("xfs", "bookworm", ("vim",))


async def test_what_an_instance_asks_for_itself_is_told_apart_from_what_files_say(node: Node) -> None:
    loaded = await node.load("EXTRA_PKGS=vim\n: ${OSP_LOCALE:=de_DE.UTF-8}\n", OSP_COMPONENTS="main contrib")

    assert loaded.settings.locale == "de_DE.UTF-8"
    assert loaded.asked == {"COMPONENTS"}


@pytest.mark.parametrize(("given", "filesystem"), [({}, "ext3"), ({"OSP_FILESYSTEM": "ext2"}, "ext2")])
async def test_a_file_can_set_an_os_parameter_that_is_not_given(
    given: Mapping[str, str], filesystem: str, node: Node
) -> None:
    assert (await node.settings(': ${OSP_FILESYSTEM:="ext3"}\n', **given)).filesystem == filesystem


async def test_the_environment_counts_where_no_file_says_anything(node: Node) -> None:
    settings = await node.settings("SUITE=bookworm\n", SUITE="sid", MIRROR="http://mirror.example.com/debian")

    assert (settings.suite, settings.mirror) == ("bookworm", "http://mirror.example.com/debian")


async def test_what_a_file_exports_goes_on_to_hooks(node: Node) -> None:
    loaded = await node.load("export SITE=berlin http_proxy=http://p.example.com:3128\nsecret=1\n")

    assert loaded.exported == {"SITE": "berlin", "http_proxy": "http://p.example.com:3128"}
    assert loaded.warnings == ()


async def test_a_misspelled_setting_is_warned_of_with_the_nearest(node: Node) -> None:
    node.variant("web", "SUIT=sid\n")

    loaded = await node.load("EXTRA_PACKAGES=vim\nmy_mirror=x\n", OS_VARIANT="web")

    assert loaded.warnings == (
        f"{node.file}: EXTRA_PACKAGES is not known, did you mean EXTRA_PKGS?",
        f"{node.places.variants_dir}/web.conf: SUIT is not known, did you mean SUITE?",
    )


async def test_a_wrong_value_is_told_with_file_and_line(node: Node) -> None:
    node.variant("web", "\n: ${COMPONENTS:=main}\nLOCALE='x y'\n")

    with pytest.raises(BadSettings) as caught:
        await node.load("# a\nSUITE=bookworm\nPARTITION_STYLE=mbr\nMIROR=x\n", OS_VARIANT="web")

    assert caught.value.message.splitlines() == [
        f"{node.file}:3: PARTITION_STYLE='mbr': expected none, msdos or gpt",
        f"{node.places.variants_dir}/web.conf:3: LOCALE='x y': expected a locale such as de_DE.UTF-8",
        f"{node.file}: MIROR is not known, did you mean MIRROR?",
    ]


@pytest.mark.parametrize("text", ["SUITE='bookworm\n", "if true; then\nSUITE=sid\n", "SUITE=sid\n)\n"])
async def test_wrong_syntax_is_told_with_file_and_line(text: str, node: Node) -> None:
    with pytest.raises(BadSettings, match=r"ganeti-instance-debootstrap: line \d+: "):
        await node.load(text)


@pytest.mark.parametrize("text", ["exit 0\n", "set -e\nfalse\n"])
async def test_a_file_that_ends_the_shell_is_a_mistake(text: str, node: Node) -> None:
    with pytest.raises(BadSettings, match="ends the shell"):
        await node.load(text)


@pytest.mark.parametrize(
    "text", ["set -eu\nSUITE=bookworm\n", "SUITE=bookworm\nfalse\n", "SUITE=bookworm\nreturn 0\nSUITE=x\n"]
)
async def test_a_file_may_end_in_any_mood(text: str, node: Node) -> None:
    assert (await node.settings(text)).suite == "bookworm"


async def test_what_a_file_prints_is_a_warning_and_no_setting(node: Node) -> None:
    loaded = await node.load("echo SUITE=sid\n")

    assert loaded.settings.suite == "trixie"
    assert loaded.warnings == (f"{node.file}: SUITE=sid",)


async def test_a_variant_without_file_is_a_mistake_with_a_hint(node: Node) -> None:
    with pytest.raises(BadInput, match="has no file") as caught:
        await node.load(OS_VARIANT="lenny")

    assert "variants.list" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["../../default/x", "a b", "$(id)", "/etc/passwd", "-x"])
async def test_a_variants_name_does_not_lead_elsewhere(name: str, node: Node) -> None:
    with pytest.raises(BadInput, match="not the name of a variant"):
        await node.load(OS_VARIANT=name)


async def test_variants_may_be_elsewhere(node: Node, tmp_path: Path) -> None:
    (tmp_path / "web.conf").write_text("SUITE=sid\n")

    assert (await node.settings(f"VARIANTS_DIR={tmp_path}\n", OS_VARIANT="web")).suite == "sid"


async def test_parameters_of_strangers_are_no_code(node: Node, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    key = f"ssh-ed25519 AAAA x'; touch {trap}; `touch {trap}` $(touch {trap})"

    settings = await node.settings(OSP_SSH_KEYS=f"{key}\nssh-rsa BBBB\n", OSP_KERNEL_ARGS="a=b")

    assert settings.ssh_keys == (key, "ssh-rsa BBBB")
    assert not trap.exists()
