"""The releases of Debian and Ubuntu by their names, so that a misspelled one is told before anything is fetched.

A name that is not here is a Debian's: new releases come, and mirrors have others.
"""

from __future__ import annotations

import difflib

# https://www.debian.org/releases/ and https://wiki.ubuntu.com/Releases; the old manual knows lenny.
DEBIAN = frozenset(
    {
        *("etch", "lenny", "squeeze", "wheezy", "jessie", "stretch", "buster", "bullseye", "bookworm", "trixie"),
        *("forky", "duke", "sid", "oldoldstable", "oldstable", "stable", "testing", "unstable", "experimental"),
    }
)
UBUNTU = frozenset(
    {
        *("hardy", "lucid", "precise", "trusty", "xenial", "bionic", "focal", "groovy", "hirsute", "impish"),
        *("jammy", "kinetic", "lunar", "mantic", "noble", "oracular", "plucky", "questing", "resolute", "devel"),
    }
)
# Debian 13 has none for i386 (its release notes, 5.1), and Ubuntu has none since 20.04.
_WITH_I386_KERNELS = frozenset(
    {
        *("etch", "lenny", "squeeze", "wheezy", "jessie", "stretch", "buster", "bullseye", "bookworm"),
        *("oldoldstable", "oldstable", "hardy", "lucid", "precise", "trusty", "xenial", "bionic"),
    }
)


def has_kernels(suite: str, architecture: str) -> bool:
    """Whether a release has a kernel for an architecture; one that is not known may have."""
    return architecture != "i386" or suite in _WITH_I386_KERNELS or suite not in DEBIAN | UBUNTU


def distribution_of(suite: str) -> str:
    """`debian` or `ubuntu`."""
    return "ubuntu" if suite in UBUNTU else "debian"


def perhaps_meant(suite: str) -> str:
    """The release whose name a suite's nearly is; "" when it is one, or none is near."""
    if suite in DEBIAN | UBUNTU:
        return ""
    near = difflib.get_close_matches(suite.lower(), sorted(DEBIAN | UBUNTU), n=1, cutoff=0.75)
    return near[0] if near else ""
