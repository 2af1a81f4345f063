"""Failures of the builder, told to who sets up guests."""

from dataclasses import replace
from pathlib import Path

import pytest

from skerry.errors import BadInput, CommandFailed, SkerryError
from skerry.guestos.content import Content
from skerry.guestos.explained import in_words_of_settings
from skerry.images.cache import no_space

NOBLE = Content("ubuntu", "noble", "amd64", ("main", "universe"), (), "", "C.UTF-8")


@pytest.mark.parametrize(
    ("failure", "hint"),
    [
        (
            CommandFailed("no such host", hint="check the network, or set SKERRY_UBUNTU_MIRROR to a mirror"),
            "check the network, or set MIRROR to one that has noble of ubuntu",
        ),
        (
            BadInput("no package x", hint="check its name in %packages"),
            "check its name in EXTRA_PKGS, and COMPONENTS",
        ),
        (
            CommandFailed("NO_PUBKEY 1", hint="install one"),
            "install ubuntu-keyring on this node, in its newest version",
        ),
        (
            CommandFailed("E: apt-get update did not find any indices for", hint="the command was: x"),
            "the mirror lacks COMPONENTS=main,universe or ARCH=amd64",
        ),
        (CommandFailed("it ended", hint="the command was: mmdebstrap\nand more"), None),
        (
            no_space(Path("/var/cache/skerry")),
            "free some room, or let image_cache in /etc/skerry/build.toml name a folder on a larger disk",
        ),
        (CommandFailed("it ended", hint="wait a while"), "wait a while"),
    ],
    ids=["mirror", "package", "key", "component", "command", "room", "other"],
)
def test_hints_name_settings(failure: SkerryError, hint: str | None) -> None:
    with pytest.raises(SkerryError) as raised, in_words_of_settings(NOBLE):
        raise failure

    assert raised.value.hint == hint


@pytest.mark.parametrize(
    "failure",
    [
        CommandFailed("no such host", hint="check the network, or set SKERRY_DEBIAN_MIRROR to a mirror"),
        CommandFailed("E: apt-get update did not find any indices for", hint="the command was: x"),
        BadInput("debian trixie has no package xfsprogs", hint="check its name in %packages"),
    ],
    ids=["mirror", "component", "package"],
)
def test_beside_a_prepared_root_only_the_tools_can_be_what_is_not_there(failure: SkerryError) -> None:
    with pytest.raises(SkerryError) as raised, in_words_of_settings(replace(NOBLE, tar=Path("/cache/root.tar"))):
        raise failure

    assert "the tools that write file systems" in str(raised.value.hint)
    assert "debian_mirror" in str(raised.value.hint)
