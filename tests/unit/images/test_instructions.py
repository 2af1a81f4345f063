"""The words of a recipe as instructions for the root."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from skerry.commands import Secret
from skerry.images.instructions import settings_script
from skerry.images.recipe import Packages
from skerry.images.words import Meaning, Source

MEANING = Meaning(Source("debian", "trixie"), Packages(), ())


def check_syntax(script: bytes) -> None:
    subprocess.run(["sh", "-n"], input=script, check=True)


def test_the_words_become_a_script() -> None:
    meaning = replace(
        MEANING,
        hostname="web1",
        timezone="Europe/Berlin",
        dhcp=True,
        enabled=("ssh",),
        disabled=("a.timer",),
        root_password=Secret("$6$a$b"),
    )

    script = settings_script(meaning)

    check_syntax(script)
    text = script.decode()
    assert "echo web1 > /etc/hostname" in text
    assert "systemctl enable ssh" in text
    assert "systemctl disable a.timer" in text
    assert "'$6$a$b'" in text
    assert "DHCP=yes" in text


def test_root_is_locked_unless_the_recipe_says_otherwise() -> None:
    assert b"passwd --lock root" in settings_script(MEANING)
