"""A machine made on the page with somebody's guest OS definition, whose disk has no boot loader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.fixtures import little_guest
from tests.fixtures.browser import open_profile, sign_in
from tests.fixtures.little_definition import write_definition
from tests.fixtures.skerry_up import TASK_S, RunningSkerry, until

NAME = "defined-1"
CREATE = """#!/bin/sh
set -e
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir "$root/boot"
cp kernel "$root/boot/vmlinuz-1.0"
echo "made of $OS_VARIANT words: $OSP_WORDS"
mke2fs -q -t ext4 -d "$root" "$DISK_0_PATH"
setsid sleep 600 &
"""


@pytest.fixture
def definition(skerry: RunningSkerry) -> Iterator[Path]:
    path = write_definition(skerry.definitions, create=CREATE)
    (path / "kernel").write_bytes(little_guest.kernel())
    yield path
    skerry.delete_vm(NAME)


def test_the_page_makes_a_machine_with_a_definition_and_it_boots(
    definition: Path, browser: Browser, skerry: RunningSkerry
) -> None:
    before = {volume["name"] for volume in skerry.get("volumes")["items"]}
    with open_profile(browser, skerry.url) as context:
        page = context.new_page()
        sign_in(page, "admin", skerry.password)
        page.get_by_role("link", name="Create machine").first.click()
        page.get_by_role("textbox", name="Name", exact=True).fill(NAME)
        page.get_by_label("Guest OS definition").check()
        page.get_by_label("Definition", exact=False).last.select_option("little+stormy")
        page.get_by_role("textbox", name="words").fill("two of them")
        page.get_by_role("button", name="Create machine").click()
        expect(page.get_by_role("heading", name=NAME)).to_be_visible()

    def task() -> dict[str, Any]:
        found = [each for each in skerry.get("tasks")["items"] if each["title"] == f"Create {NAME}"]
        return dict(found[0])

    until(lambda: task()["ended_at"], f"{NAME} is not made", limit_s=TASK_S)
    assert task()["error"] is None
    greeting = little_guest.GREETING.decode().strip()
    skerry.until_says(NAME, greeting, limit_s=120)

    log = "\n".join(line["text"] for line in skerry.get(f"tasks/{task()['id']}/log")["items"])
    assert "made of stormy words: two of them" in log
    assert "left behind: process" in log
    assert skerry.get(f"vms/{NAME}")["direct_kernel"]["command_line"].startswith("root=UUID=")

    skerry.delete_vm(NAME)
    assert {volume["name"] for volume in skerry.get("volumes")["items"]} == before
