"""What live media tell their loaders, and what their loaders tell the kernel."""

from __future__ import annotations

import subprocess
from importlib.resources import files

import pytest

from skerry.errors import BadInput
from skerry.images.contents.tree import Entry, Tree
from skerry.images.outputs import iso, live, pxe, uki
from skerry.images.outputs.registry import OUTPUTS, find_output
from skerry.images.recipe import BadRecipe, Packages
from skerry.images.words import Meaning, Source

MEANING = Meaning(
    Source("debian", "trixie"),
    Packages(),
    (),
    kernel_arguments="console=ttyS0,115200 quiet",
    loader_timeout_s=5,
)


@pytest.mark.parametrize("name", ["live_init.sh", "live_dhcp.sh"])
def test_scripts_of_the_initial_ram_disk_are_sound_shell(name: str) -> None:
    script = files("skerry.images.outputs").joinpath(name).read_bytes()

    subprocess.run(["sh", "-n"], input=script, check=True)


@pytest.mark.parametrize(
    ("name", "label"),
    [("aos", "AOS"), ("my image-2.1", "MY_IMAGE_2_1"), ("ü", "LIVE"), ("x" * 40, "X" * 32)],
)
def test_labels_are_what_old_loaders_read(name: str, label: str) -> None:
    assert live.volume_label(name) == label


def test_the_menu_starts_the_live_system_and_offers_the_check() -> None:
    menu = iso.menu("AOS", "AOS", MEANING)

    first, second, *_ = [line.strip() for line in menu.splitlines() if line.startswith("  linux ")]
    assert first == "linux /boot/vmlinuz root=live:CDLABEL=AOS console=ttyS0,115200 quiet"
    assert second == f"{first} rd.live.check"
    assert "set timeout=5\n" in menu


def test_menus_use_the_serial_port_only_where_the_recipe_has_a_console_on_it() -> None:
    silent = Meaning(Source("debian", "trixie"), Packages(), ())

    assert "serial" in iso.menu("a", "A", MEANING)
    assert "serial" not in iso.menu("a", "A", silent)
    assert "SERIAL" not in pxe.pxelinux_config("a", silent, "root.squashfs")
    assert "serial" not in pxe.grub_config("a", silent, "root.squashfs")


def test_a_name_cannot_break_out_of_the_menu() -> None:
    assert 'menuentry "a_b__x" {' in iso.menu('a"b$\nx', "A", MEANING)
    assert 'menuentry "a_b" {' in pxe.grub_config('a"b', MEANING, "root.squashfs")
    assert "MENU LABEL a_b\n" in pxe.pxelinux_config("a\nb", MEANING, "root.squashfs")


def test_ipxe_takes_everything_from_where_the_script_is() -> None:
    script = pxe.ipxe_script(MEANING, "root.squashfs")

    assert script.startswith("#!ipxe\n")
    assert "kernel ${base}vmlinuz initrd=initrd.img root=live:${root} ip=dhcp" in script
    assert "set root ${base}root.squashfs" in script


def test_pxelinux_and_grub_find_the_image_beside_themselves() -> None:
    assert "root=live:beside:root.squashfs ip=dhcp console" in pxe.pxelinux_config("a", MEANING, "root.squashfs")
    assert "linux $cmdpath/vmlinuz root=live:beside:root.squashfs" in pxe.grub_config(
        "a", MEANING, "root.squashfs"
    )


def test_an_efi_program_says_what_it_is() -> None:
    assert uki.os_release('a"$b', MEANING, "6.12").decode().splitlines() == [
        'NAME="a__b"',
        'PRETTY_NAME="a__b (debian:trixie)"',
        "ID=debian",
        "VERSION_ID=6.12",
    ]


def test_the_newest_kernel_with_its_modules_starts_the_live_system() -> None:
    file = Entry("file", 1)
    tree = Tree(
        {
            "lib": Entry("link", target="usr/lib"),
            "boot/vmlinuz-6.9": file,
            "boot/vmlinuz-6.10": file,
            "boot/vmlinuz-6.11": file,
            "usr/lib/modules/6.9/modules.dep": file,
            "usr/lib/modules/6.10/modules.dep": file,
        }
    )

    assert live.find_live_kernel(tree).version == "6.10"


def test_a_root_without_a_kernel_is_no_live_system() -> None:
    with pytest.raises(BadRecipe, match="no kernel"):
        live.find_live_kernel(Tree({"etc/passwd": Entry("file", 1)}))


def test_media_are_outputs_and_others_are_named() -> None:
    assert {"iso", "pxe", "uki", "oci"} <= set(OUTPUTS)
    with pytest.raises(BadInput, match="'vhd' is not an output"):
        find_output("vhd")


def function_of(script: str, name: str) -> str:
    """A shell function as the script defines it."""
    text = files("skerry.images.outputs").joinpath(script).read_text()
    return text[text.index(f"\n{name}() {{\n") :].partition("\n}\n")[0] + "\n}\n"


@pytest.mark.parametrize(
    ("boot_file", "address"),
    [
        ("http://10.0.2.2:8000/aos.pxe/boot.ipxe", "http://10.0.2.2:8000/aos.pxe/root.squashfs"),
        ("aos.pxe/grubx64.efi", "tftp://10.0.2.2/aos.pxe/root.squashfs"),
        ("pxelinux.0", "tftp://10.0.2.2/root.squashfs"),
        ("", "tftp://10.0.2.2/root.squashfs"),
    ],
)
def test_the_image_is_beside_the_boot_file_that_dhcp_names(boot_file: str, address: str) -> None:
    said = 'cat() { case $1 in */bootfile) echo "$1_of_dhcp" ;; */server) echo 10.0.2.2 ;; esac; }\n'
    said = said.replace("$1_of_dhcp", boot_file)
    script = f"{said}{function_of('live_init.sh', 'resolve_source')}"
    script += "source=beside:root.squashfs; resolve_source; echo $source\n"

    ran = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == address


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("tftp://10.0.2.2/a/b", "tftp -g -b 1428 -l /image -r a/b 10.0.2.2"),
        ("tftp://host:6969/b", "tftp -g -b 1428 -l /image -r b host 6969"),
        ("http://host/a?b=c", "wget -q -T 30 -O /image http://host/a?b=c"),
    ],
)
def test_the_image_is_fetched_by_tftp_or_http(address: str, command: str) -> None:
    script = 'tftp() { echo tftp "$@"; }; wget() { echo wget "$@"; }\n'
    script += f"{function_of('live_init.sh', 'fetch')}source='{address}'; fetch /image\n"

    ran = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == command
