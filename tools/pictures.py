"""Pictures of every screen, for the documents: docs/pictures/*.png, of a real Skerry with a machine that boots.

    .venv/bin/python tools/pictures.py APPLIANCE.qcow2

The page has to be built before (web/dist); root is needed, as by the tests that drive the same parts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.fixtures.browser import open_browser, open_profile, sign_in  # noqa: E402 - found through the line above
from tests.fixtures.private_libvirt import private_libvirt  # noqa: E402
from tests.fixtures.skerry_up import RunningSkerry, new_skerry, until  # noqa: E402

from skerry.sizes import GIB, MIB  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 375, "height": 740}
MOST = 200_000  # bytes of a picture
BOOT_S = 600.0
SAMPLES = 5  # in a chart
TEMPLATE = "appliance-os"
SHOWN = "web-1"
MACHINES: list[dict[str, Any]] = [
    {"name": SHOWN, "title": "Shop, front", "memory": 512 * MIB, "start": True},
    {"name": "web-2", "title": "Shop, front", "memory": 512 * MIB, "start": False},
    {"name": "database", "title": "Orders and stock", "memory": 1 * GIB, "vcpus": 2, "start": False},
    {"name": "build", "memory": 2 * GIB, "vcpus": 2, "start": False},
]
USER_DATA = """#cloud-config
packages: [nginx]
users:
  - name: ops
    sudo: ALL=(ALL) NOPASSWD:ALL
    ssh_import_id: [gh:ops]
"""
# On a host so slow that systemd gave up waiting for the serial line, the prompt there has to be asked for again.
PROMPT = "#cloud-config\nruncmd: [systemctl --no-block restart serial-getty@ttyS0.service]\n"


def furnish(skerry: RunningSkerry, appliance: Path) -> None:
    """A template, machines of it, and one that is up."""
    skerry.import_image(TEMPLATE, appliance.read_bytes())
    for machine in MACHINES:
        disks = [{"kind": "image", "image": TEMPLATE, "size": 10 * GIB}]
        cloud_init = {"hostname": machine["name"], "user_data": PROMPT}
        skerry.do("POST", "vms", {**machine, "disks": disks, "cloud_init": cloud_init})

    def log() -> str:
        return skerry.client.get(f"vms/{SHOWN}/serial-log").text

    signs = (f"{SHOWN} login:", " finished at ")
    until(lambda: all(sign in log() for sign in signs), f"{SHOWN} does not boot", limit_s=BOOT_S)
    skerry.vm_when(SHOWN, lambda vm: bool(vm["addresses"]), "known by an address")


@contextmanager
def signed_in(browser: Browser, skerry: RunningSkerry, **how: object) -> Iterator[Page]:
    """A tab of the administrator."""
    with open_profile(browser, skerry.url, **{"viewport": DESK, **how}) as context:
        page = context.new_page()
        sign_in(page, "admin", skerry.password)
        yield page


def take(page: Page, name: str) -> None:
    """One picture, as soon as nothing moves: fonts are there, nothing loads, all spinners are gone."""
    expect(page.locator(".sk-loading, .pf-v6-c-spinner")).to_have_count(0)
    page.evaluate("document.fonts.ready")
    file = PICTURES / f"{name}.png"
    page.screenshot(path=file, animations="disabled")
    size = file.stat().st_size
    assert size < MOST, f"{file} has {size} bytes"
    print(f"{file.relative_to(ROOT)}: {size // 1000} kB", flush=True)


def take_lists(page: Page) -> None:
    """The pages of the navigation."""
    expect(page.get_by_role("row").filter(has_text=SHOWN).locator(".sk-bar")).to_have_count(2)
    take(page, "vms-light")
    for place, name, sign in (
        ("images", "images", page.locator("td", has_text=TEMPLATE)),
        ("storage", "storage", page.locator("td", has_text=f"image {TEMPLATE}")),
        ("tasks", "tasks", page.get_by_role("link", name=f"Create {SHOWN}")),
        ("events", "events", page.locator("td", has_text=f"{SHOWN} started")),
        ("hosts", "host", page.locator(".sk-chart-line").first),
    ):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=place.capitalize()).click()
        expect(sign).to_be_visible()
        take(page, name)


def wait_for_history(page: Page) -> None:
    """Until the charts show more than a point."""
    line = page.locator(".sk-chart-line").first
    until(lambda: (line.get_attribute("d") or "").count("L") > SAMPLES, "no usage is told", limit_s=BOOT_S)


def take_form(page: Page) -> None:
    """A machine that somebody is about to create."""
    page.goto("/vms/new")
    page.get_by_role("textbox", name="Name", exact=True).fill("web-3")
    page.get_by_role("button", name="User-data").click()
    page.get_by_label("User-data for cloud-init").fill(USER_DATA)
    page.evaluate("document.getElementById('main').scrollTo(0, 0)")
    take(page, "create")


def take_machine(page: Page) -> None:
    """The tabs of the machine that runs."""
    page.goto("/vms")
    page.get_by_role("link", name=SHOWN).click()
    wait_for_history(page)
    take(page, "overview")
    page.get_by_role("tab", name="Console").click()
    expect(page.get_by_role("button", name="Type text")).to_be_enabled()
    take(page, "graphical-console")
    page.get_by_role("button", name="Serial").click()
    page.keyboard.press("Enter")
    expect(page.locator(".xterm-rows")).to_contain_text(f"{SHOWN} login:")
    take(page, "serial-console")
    page.get_by_role("tab", name="Definition").click()
    editor = page.get_by_label(f"Definition of {SHOWN}")
    editor.fill(editor.input_value().replace(">1</vcpu>", ">2</vcpu>"))
    page.get_by_role("button", name="Review and save").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    take(page, "definition-diff")


def take_all(browser: Browser, skerry: RunningSkerry) -> None:
    """Every picture."""
    with open_profile(browser, skerry.url, viewport=DESK) as context:
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_text("Skerry 0", exact=False)).to_be_visible()
        take(page, "sign-in")
    with signed_in(browser, skerry) as page:
        take_lists(page)
        take_form(page)
        take_machine(page)
    for name, how in (("vms-dark", {"color_scheme": "dark"}), ("vms-phone", {"viewport": PHONE})):
        with signed_in(browser, skerry, **how) as page:
            expect(page.locator(".sk-bar").first).to_be_visible()
            take(page, name)


def main() -> None:
    """Start everything, take the pictures, and end everything."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("appliance", type=Path, help="a disk image that boots to a login prompt")
    appliance: Path = words.parse_args().appliance
    PICTURES.mkdir(parents=True, exist_ok=True)
    with private_libvirt() as libvirt, new_skerry(libvirt) as skerry, open_browser() as browser:
        furnish(skerry, appliance)
        take_all(browser, skerry)


if __name__ == "__main__":
    main()
