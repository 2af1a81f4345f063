"""What the builder says when it fails, in the words of who sets up guests by settings, not of recipes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from skerry.errors import NoSpace, SkerryError
from skerry.guestos.content import Content

_KEYRINGS = {"debian": "debian-archive-keyring", "ubuntu": "ubuntu-keyring"}  # packages of Debian
# With a prepared root, these are the only packages that are fetched.
_TOOLS = (
    "the tools that write file systems come from Debian: check the network, or set debian_mirror in "
    "/etc/skerry/build.toml"
)
_COMMAND = "the command was"  # the builder's is a page long, and this is a log


@contextmanager
def in_words_of_settings(content: Content) -> Iterator[None]:
    """Let the hint of an error name the settings that shape the content."""
    try:
        yield
    except SkerryError as exc:
        exc.hint = hint_of(exc, content)
        raise


def hint_of(failure: SkerryError, content: Content) -> str | None:
    """What an administrator of guests can do about a failure."""
    hint = failure.hint or ""
    tools = _TOOLS if content.tar else ""
    if "did not find any indices" in failure.message:
        return (
            tools or f"the mirror lacks COMPONENTS={','.join(content.components)} or ARCH={content.architecture}"
        )
    if "NO_PUBKEY" in failure.message:
        return f"install {_KEYRINGS[content.distribution]} on this node, in its newest version"
    if "_MIRROR" in hint:
        return (
            tools or f"check the network, or set MIRROR to one that has {content.suite} of {content.distribution}"
        )
    if "%packages" in hint:
        return tools or "check its name in EXTRA_PKGS, and COMPONENTS"
    if isinstance(failure, NoSpace) and "SKERRY_IMAGE_CACHE" in hint:
        return "free some room, or let image_cache in /etc/skerry/build.toml name a folder on a larger disk"
    return None if hint.startswith(_COMMAND) else failure.hint
