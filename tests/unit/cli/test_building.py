"""The builder, as the command line runs it."""

from __future__ import annotations

import os

from skerry.cli import building


async def _current() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def test_a_persons_umask_does_not_get_into_images() -> None:
    before = os.umask(0o077)
    try:
        assert building._run(_current()) == 0o022
    finally:
        os.umask(before)
