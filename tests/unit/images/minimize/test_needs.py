"""The look before deleting: who needs what goes, and who does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.images.contents.roots import Made, link, program, root
from tests.unit.images.minimize.elves import elf

from skerry.images.minimize.elf import read_elf
from skerry.images.minimize.needs import find_needs


def needs(names: dict[str, str | bytes | Made], *gone: str) -> list[str]:
    return [str(need) for need in find_needs(root(names), frozenset(gone))]


# ---- libraries

LIBRARY = "usr/lib/x86_64-linux-gnu/libz.so.1.3"
LINK = "usr/lib/x86_64-linux-gnu/libz.so.1"
CONF = {
    "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
    "etc/ld.so.conf.d/x86_64.conf": "# multiarch\n/usr/lib/x86_64-linux-gnu\n",
}
BASE = {LIBRARY: elf(), LINK: link("libz.so.1.3"), "usr/bin/ssh": elf(needed=["libz.so.1"]), **CONF}
SSH_NEEDS = ["/usr/bin/ssh needs /usr/lib/x86_64-linux-gnu/libz.so.1.3 (its library libz.so.1)"]


@pytest.mark.parametrize("gone", [[LIBRARY], [LINK], [LIBRARY, LINK]], ids=["file", "link", "both"])
def test_a_library_is_missed_whether_its_file_goes_or_its_link(gone: list[str]) -> None:
    assert needs(BASE, *gone) == SSH_NEEDS


def test_a_library_that_nobody_needs_may_go_and_so_may_one_whose_users_go_too() -> None:
    assert needs({**BASE, "usr/lib/libunused.so": elf()}, "usr/lib/libunused.so") == []
    assert needs(BASE, LIBRARY, LINK, "usr/bin/ssh") == []


def test_a_library_may_go_when_another_folder_has_it_too() -> None:
    assert needs({**BASE, "usr/lib/libz.so.1": elf()}, LIBRARY, LINK) == []


def test_a_library_of_another_machine_does_not_help() -> None:
    other = elf(bits=32, machine=3)

    assert needs({**BASE, "usr/lib/libz.so.1": other}, LIBRARY, LINK) == SSH_NEEDS


def test_what_was_missing_before_is_no_news() -> None:
    assert needs({"usr/bin/x": elf(needed=["libgone.so"]), "usr/bin/y": ""}, "usr/bin/y") == []


@pytest.mark.parametrize("runpath", ["$ORIGIN/../lib/own", "${ORIGIN}/../lib/own", "/usr/lib/own"])
def test_a_file_says_itself_where_its_libraries_are(runpath: str) -> None:
    names = {"usr/bin/x": elf(needed=["libown.so"], runpath=runpath), "usr/lib/own/libown.so": elf()}

    assert needs(names, "usr/lib/own/libown.so") == [
        "/usr/bin/x needs /usr/lib/own/libown.so (its library libown.so)"
    ]


def test_the_loader_is_needed() -> None:
    names = {
        "usr/bin/x": elf(interpreter="/lib64/ld-linux-x86-64.so.2"),
        "lib64": link("usr/lib64"),
        "usr/lib64/ld-linux-x86-64.so.2": elf(),
    }

    assert needs(names, "usr/lib64/ld-linux-x86-64.so.2") == [
        "/usr/bin/x needs /lib64/ld-linux-x86-64.so.2 (its loader)"
    ]


@pytest.mark.parametrize(
    ("priority", "told"),
    [
        ("required", ["/usr/bin/x needs /usr/lib/liba.so.1 (its library liba.so.1)"]),
        ("recommended", ["/usr/bin/x may need /usr/lib/liba.so.1 (its library liba.so.1)"]),
        ("suggested", []),
    ],
)
def test_what_a_program_says_that_it_opens_is_needed_as_it_says(priority: str, told: list[str]) -> None:
    names = {"usr/bin/x": elf(opens=[(priority, ["liba.so.1", "liba.so.0"])]), "usr/lib/liba.so.1": elf()}

    assert needs(names, "usr/lib/liba.so.1") == told
    assert needs({**names, "usr/lib/liba.so.0": elf()}, "usr/lib/liba.so.1") == []


@given(st.binary(max_size=400), st.integers(0, 300))
def test_damaged_programs_are_no_programs(noise: bytes, where: int) -> None:
    sound = elf(needed=["libz.so.1"], interpreter="/lib/ld.so", opens=[("required", ["x"])], runpath="/x")
    data = sound[:where] + noise + sound[where + len(noise) :]

    read_elf(lambda offset, length: data[max(offset, 0) : max(offset, 0) + length])


# ---- scripts


@pytest.mark.parametrize(
    "first_line", ["#!/usr/bin/perl -w", "#! /usr/bin/perl", "#!/usr/bin/env perl", "#!/usr/bin/env -S perl -w"]
)
def test_a_script_needs_its_interpreter(first_line: str) -> None:
    names = {
        "usr/sbin/adduser": program(first_line + "\n"),
        "usr/bin/perl": program(""),
        "usr/bin/env": program(""),
    }

    assert needs(names, "usr/bin/perl") == ["/usr/sbin/adduser needs /usr/bin/perl (its interpreter)"]


@pytest.mark.parametrize("gone", ["usr/bin/mawk", "etc/alternatives/awk", "usr/bin/awk"])
def test_an_interpreter_is_missed_behind_alternatives_too(gone: str) -> None:
    names = {
        "bin": link("usr/bin"),
        "etc/alternatives/awk": link("/usr/bin/mawk"),
        "usr/bin/awk": link("/etc/alternatives/awk"),
        "usr/bin/mawk": program(""),
        "usr/bin/sums": program("#!/bin/awk -f\n"),
    }

    assert needs(names, gone) == ["/usr/bin/sums needs /bin/awk (its interpreter)"]


def test_a_script_that_cannot_be_run_needs_nothing() -> None:
    assert needs({"usr/share/doc/example": "#!/usr/bin/perl\n", "usr/bin/perl": ""}, "usr/bin/perl") == []


# ---- systemd and PAM


def unit(text: str, **more: str | bytes | Made) -> dict[str, str | bytes | Made]:
    return {
        "usr/lib/systemd/system/a.service": f"[Service]\n{text}\n",
        "usr/lib/systemd/system/b@.service": "",
        "usr/sbin/d": program(""),
        **more,
    }


@pytest.mark.parametrize(
    "line", ["ExecStart=/usr/sbin/d -x", "ExecStartPre=@+/usr/sbin/d d", 'ExecStop="/usr/sbin/d"', "ExecReload=d"]
)
def test_a_unit_needs_what_it_starts(line: str) -> None:
    key = line.partition("=")[0]

    assert needs(unit(line), "usr/sbin/d") == [f"/usr/lib/systemd/system/a.service needs /usr/sbin/d ({key}=)"]


@pytest.mark.parametrize(
    "line",
    [
        "ExecStart=-/usr/sbin/d",
        "#ExecStart=/usr/sbin/d",
        "ExecStart=/usr/sbin/d%i",
        "ExecStart=",
        "ConditionFileIsExecutable=/usr/sbin/d\nExecStart=/usr/sbin/d",
    ],
)
def test_a_unit_does_not_need_what_may_fail_or_what_it_looks_for_first(line: str) -> None:
    assert needs(unit(line), "usr/sbin/d") == []


def test_a_masked_unit_needs_nothing() -> None:
    mask = {"etc/systemd/system/a.service": link("/dev/null")}

    assert needs(unit("ExecStart=/usr/sbin/d") | mask, "usr/sbin/d") == []


def test_a_unit_needs_the_units_that_it_requires_but_not_those_that_it_wants() -> None:
    gone = "usr/lib/systemd/system/b@.service"

    assert needs(unit("Requires=b@x.service other.service\nWants=b@y.service"), gone) == [
        f"/usr/lib/systemd/system/a.service needs /{gone} (Requires=)"
    ]


def test_a_pam_stack_needs_its_modules_unless_they_may_be_missing() -> None:
    names: dict[str, str | bytes | Made] = {
        "etc/pam.d/login": "auth [success=1 default=ignore] pam_unix.so nullok\n-session optional pam_x.so\n",
        "usr/lib/x86_64-linux-gnu/security/pam_unix.so": elf(),
        "usr/lib/x86_64-linux-gnu/security/pam_x.so": elf(),
        "lib": link("usr/lib"),
    }

    assert needs(names, *(path for path in names if "security" in path)) == [
        "/etc/pam.d/login needs /usr/lib/x86_64-linux-gnu/security/pam_unix.so (its module pam_unix.so)"
    ]


# ---- Python

YAML = {
    "usr/lib/python3/dist-packages/yaml/__init__.py": "from . import nodes\n",
    "usr/lib/python3/dist-packages/yaml/nodes.py": "",
}


@pytest.mark.parametrize(
    "text",
    [
        "import os\nimport yaml\n",
        "import yaml.nodes as n, os\n",
        "from yaml import (  # parentheses\n    nodes,\n)\n",
        "from yaml.nodes import X\n",
    ],
)
def test_a_module_needs_what_it_imports_when_it_is_loaded(text: str) -> None:
    found = needs({"usr/lib/python3/dist-packages/cloud/init.py": text, **YAML}, *YAML)

    assert found
    assert all(line.startswith("/usr/lib/python3/dist-packages/cloud/init.py needs ") for line in found)


@pytest.mark.parametrize(
    "text",
    [
        "def late():\n    import yaml\n",
        "try:\n    import yaml\nexcept ImportError:\n    yaml = None\n",
        '"""\nimport yaml\n"""\n',
        "import yaml_other\n",
    ],
)
def test_what_is_imported_later_or_perhaps_is_not_needed(text: str) -> None:
    assert needs({"usr/lib/python3/dist-packages/cloud/init.py": text, **YAML}, *YAML) == []


def test_imports_inside_of_a_package_are_followed() -> None:
    names = {
        "usr/lib/python3.13/json/__init__.py": "from .decoder import JSONDecoder\n",
        "usr/lib/python3.13/json/decoder.py": "from json import scanner\n",
        "usr/lib/python3.13/json/scanner.py": "",
    }

    assert needs(names, "usr/lib/python3.13/json/scanner.py") == [
        "/usr/lib/python3.13/json/decoder.py needs /usr/lib/python3.13/json/scanner.py (it imports json.scanner)"
    ]
    assert len(needs(names, "usr/lib/python3.13/json/decoder.py")) == 1


def test_compiled_files_may_go_where_the_source_stays() -> None:
    names = {
        "usr/lib/python3.13/a.py": "import b\n",
        "usr/lib/python3.13/b.py": "",
        "usr/lib/python3.13/__pycache__/b.cpython-313.pyc": "x",
    }

    assert needs(names, "usr/lib/python3.13/__pycache__/b.cpython-313.pyc", "usr/lib/python3.13/__pycache__") == []


# ---- the kernel


def test_a_kernel_module_needs_others() -> None:
    folder = "usr/lib/modules/6.12"
    names = {
        f"{folder}/modules.dep": "kernel/net/a.ko.xz: kernel/net/b.ko.xz kernel/c.ko.xz\nkernel/c.ko.xz:\n",
        f"{folder}/kernel/net/a.ko.xz": "a",
        f"{folder}/kernel/net/b.ko.xz": "b",
        f"{folder}/kernel/c.ko.xz": "c",
    }

    assert needs(names, f"{folder}/kernel/c.ko.xz") == [
        f"/{folder}/kernel/net/a.ko.xz needs /{folder}/kernel/c.ko.xz (modules.dep)"
    ]
    assert needs(names, f"{folder}/kernel/c.ko.xz", f"{folder}/kernel/net/a.ko.xz") == []
