"""The page, as people use it: a real browser, a real Skerry, a real machine that boots."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.fixtures.browser import open_profile, sign_in
from tests.fixtures.skerry_up import RunningSkerry, until

from skerry.images.build import BuiltImage
from skerry.sizes import MIB

NAME = "page-1"
TEMPLATE = "page-aos"
BOOT_S = 420.0  # a deadline; about a minute is usual on two quiet cores under emulation
PHONE = {"width": 375, "height": 740}
# When cloud-init is done, the machine says what is typed at its seventh screen, through its kernel: a prompt
# hangs up on all others. On a slow host, systemd may have given up waiting for the serial line, which must have
# its prompt first.
USER_DATA = """#cloud-config
runcmd:
  - - systemd-run
    - --no-block
    - --property=After=cloud-final.service
    - sh
    - -c
    - |
      say() { echo "$1" > /dev/kmsg; }
      systemctl start serial-getty@ttyS0.service
      say listening
      while read -r line; do say "typed: $line"; done < /dev/tty7
"""
TYPED = 'Skerry_2: ~"a|b" {ok} #100%'
PLACES = ["/vms", "/vms/new", "/images", "/storage", "/hosts", "/tasks", "/events", "/account"]
TABS = ["overview", "console", "disks", "network", "definition", "snapshots", "tasks", "events"]
# A cursor is some 18 pixels, and the letters of a prompt are hundreds.
COUNT_BRIGHT = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let bright = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] + data[i + 1] + data[i + 2] > 300) bright += 1;
  return bright;
}"""
SOME_LETTERS = 200  # pixels
IS_TOO_WIDE = """() => [document.documentElement, document.getElementById("main")]
  .some((box) => box && box.scrollWidth > box.clientWidth)"""


@dataclass(frozen=True)
class Made:
    """A machine made with the form, and the tab that it was made in, which was never loaded again."""

    id: str
    page: Page

    def open(self, tab: str) -> Page:
        """A tab of its page."""
        self.page.get_by_role("tab", name=tab, exact=True).click()
        return self.page


@pytest.fixture(scope="module")
def template(skerry: RunningSkerry, aos_image: BuiltImage) -> Iterator[str]:
    """The appliance base in the library."""
    skerry.import_image(TEMPLATE, aos_image.path.read_bytes())
    yield TEMPLATE
    skerry.do("DELETE", f"images/{TEMPLATE}")


@pytest.fixture(scope="module")
def made(browser: Browser, skerry: RunningSkerry, template: str) -> Iterator[Made]:
    """The machine that all tests look at; it boots once."""
    try:
        with open_profile(browser, skerry.url) as context:
            page = context.new_page()
            sign_in(page, "admin", skerry.password)
            page.evaluate("globalThis.sameDocument = true")
            fill_in_form(page, template)
            page.get_by_role("button", name="Create machine").click()
            expect(page.get_by_role("heading", name=NAME)).to_be_visible()
            yield Made(page.url.rsplit("/", 1)[-1], page)
    finally:
        skerry.delete_vm(NAME)


@pytest.fixture(scope="module")
def booted(made: Made, skerry: RunningSkerry) -> Made:
    """The machine, as soon as all that it was told to do is done."""
    skerry.until_says(NAME, "] listening", limit_s=BOOT_S)
    skerry.until_says(NAME, f"{NAME} login:", limit_s=60)
    return made


def fill_in_form(page: Page, template: str) -> None:
    """Ask for a small machine that starts now."""
    page.get_by_role("link", name="Create machine").first.click()
    page.get_by_role("textbox", name="Name", exact=True).fill(NAME)
    option = page.locator("#template option", has_text=template)
    page.locator("#template").select_option(option.get_attribute("value"))
    page.get_by_role("button", name="User-data").click()
    page.get_by_label("User-data for cloud-init").fill(USER_DATA)
    expect(page.get_by_label("Start it now")).to_be_checked()


def state_of(page: Page) -> Locator:
    """The state beside the title."""
    return page.locator(".sk-title-line .sk-state")


# ---- the door


def test_a_wrong_password_is_told_and_the_right_one_enters(visitor: Page, skerry: RunningSkerry) -> None:
    visitor.goto("/images")
    visitor.get_by_role("textbox", name="Name").fill("admin")
    visitor.get_by_label("Password").fill("not the password")
    visitor.get_by_role("button", name="Sign in").click()
    expect(visitor.get_by_text("This name and password do not belong together")).to_be_visible()

    visitor.get_by_label("Password").fill(skerry.password)
    visitor.get_by_role("button", name="Sign in").click()

    expect(visitor.get_by_role("heading", name="Images", exact=True)).to_be_visible()


def test_the_keyboard_alone_signs_in(visitor: Page, skerry: RunningSkerry) -> None:
    visitor.goto("/")
    expect(visitor.get_by_role("textbox", name="Name")).to_be_focused()

    visitor.keyboard.type("admin")
    visitor.keyboard.press("Tab")
    visitor.keyboard.type(skerry.password)
    visitor.keyboard.press("Enter")

    expect(visitor.get_by_role("heading", name="Virtual machines", exact=True)).to_be_visible()


def test_who_has_no_machines_is_shown_the_next_step(visitor: Page, skerry: RunningSkerry) -> None:
    skerry.do("POST", "users", {"name": "newcomer", "password": "first day here"})
    try:
        sign_in(visitor, "newcomer", "first day here")

        expect(visitor.get_by_role("heading", name="No virtual machines yet")).to_be_visible()
    finally:
        skerry.do("DELETE", "users/newcomer")


# ---- one machine


def test_a_machine_made_with_the_form_runs_without_the_page_being_loaded_again(made: Made) -> None:
    expect(state_of(made.page)).to_have_text("Running")

    assert made.page.evaluate("globalThis.sameDocument") is True


def test_the_serial_console_shows_a_login_prompt_and_takes_what_is_typed(booted: Made) -> None:
    page = booted.open("Console")
    page.get_by_role("button", name="Serial").click()
    terminal = page.get_by_label(f"Serial console of {NAME}")
    expect(terminal).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.locator(".xterm-rows")).to_contain_text(f"{NAME} login:")
    page.keyboard.type("somebody")

    expect(page.locator(".xterm-rows")).to_contain_text(f"{NAME} login: somebody")
    page.keyboard.press("Control+u")  # as it was


def test_the_serial_console_shows_a_prompt_that_waits_to_who_comes_later(booted: Made) -> None:
    page = booted.open("Console")
    page.get_by_role("button", name="Serial").click()
    expect(page.get_by_label(f"Serial console of {NAME}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".xterm-rows")).to_contain_text(f"{NAME} login:")

    page.reload()
    page.get_by_role("button", name="Serial").click()

    expect(page.locator(".xterm-rows")).to_contain_text(f"{NAME} login:")


def test_the_graphical_console_shows_the_screen_and_types_a_text(booted: Made, skerry: RunningSkerry) -> None:
    page = booted.open("Console")
    page.get_by_role("button", name="Graphical").click()
    type_text = page.get_by_role("button", name="Type text")
    expect(type_text).to_be_enabled()
    canvas = page.locator(".sk-screen canvas")
    until(lambda: canvas.evaluate(COUNT_BRIGHT) > SOME_LETTERS, "the screen stays dark")

    page.get_by_role("button", name="Other keys").click()
    page.get_by_role("menuitem", name="Ctrl+Alt+F7").click()
    until(lambda: canvas.evaluate(COUNT_BRIGHT) < SOME_LETTERS, "the seventh screen is not shown")
    type_text.click()
    page.get_by_role("textbox", name="Text").fill(TYPED)
    page.get_by_role("button", name="Type", exact=True).click()

    skerry.until_says(NAME, f"typed: {TYPED}", limit_s=60)
    assert canvas.evaluate(COUNT_BRIGHT) > SOME_LETTERS


def test_the_definition_is_shown_and_changes_are_compared(made: Made) -> None:
    page = made.open("Definition")
    editor = page.get_by_label(f"Definition of {NAME}")
    expect(editor).to_have_value(re.compile("<domain type="))

    editor.fill(editor.input_value().replace("</name>", "</name>\n  <title>Changed in the page</title>"))
    page.get_by_role("button", name="Review and save").click()

    dialog = page.get_by_role("dialog", name="Save these changes?")
    expect(dialog.locator(".sk-diff-added")).to_contain_text(["<title>Changed in the page</title>"])
    dialog.get_by_role("button", name="Go on editing").click()
    page.get_by_role("button", name="Discard changes").click()


def test_a_machine_is_powered_off_and_deleted_after_its_name_was_typed(
    admin: Page, skerry: RunningSkerry, small_template: str
) -> None:
    create(skerry, "page-doomed", small_template, start=True)
    try:
        admin.get_by_role("link", name="page-doomed").click()
        expect(admin.get_by_role("heading", name="page-doomed")).to_be_visible()
        choose_action(admin, "page-doomed", "Power off")
        admin.get_by_role("dialog").get_by_role("button", name="Power off").click()
        expect(state_of(admin)).to_have_text("Stopped")

        choose_action(admin, "page-doomed", "Delete")
        dialog = admin.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
        dialog.get_by_label("Type page-doomed to confirm").fill("page-doomed")
        dialog.get_by_role("button", name="Delete").click()

        expect(admin.get_by_role("heading", name="Virtual machines", exact=True)).to_be_visible()
        expect(admin.get_by_role("link", name="page-doomed")).to_have_count(0)
        assert skerry.vm("page-doomed") is None
    finally:
        skerry.delete_vm("page-doomed")


def test_a_disk_that_was_kept_is_found_and_deleted_among_the_storage(
    admin: Page, skerry: RunningSkerry, small_template: str
) -> None:
    create(skerry, "page-left", small_template, start=False)
    skerry.do("DELETE", "vms/page-left", disks="keep")
    admin.get_by_role("link", name="Storage").click()
    admin.get_by_label("Only what nothing needs").check()
    row = admin.get_by_role("row").filter(has_text="page-left")
    expect(row).to_contain_text("nothing")
    volume = row.locator("[data-label=Name] span").inner_text()

    choose_action(admin, volume, "Delete")
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label(f"Type {volume} to confirm").fill(volume)
    dialog.get_by_role("button", name="Delete").click()

    expect(dialog).to_have_count(0)
    expect(row).to_have_count(0)
    assert [each for each in skerry.items("volumes") if each["name"] == volume] == []


def choose_action(page: Page, name: str, action: str) -> None:
    page.get_by_role("button", name=f"Actions for {name}").click()
    page.get_by_role("menuitem", name=action, exact=True).click()


def create(skerry: RunningSkerry, name: str, template: str, *, start: bool) -> None:
    """A machine, made behind the page's back."""
    disks = [{"kind": "image", "image": template}]
    skerry.do("POST", "vms", {"name": name, "memory": 32 * MIB, "disks": disks, "start": start})


# ---- always up to date, on every screen


def test_two_tabs_hear_of_changes_without_asking(admin: Page, skerry: RunningSkerry, small_template: str) -> None:
    admin.context.clock.install()
    tabs = [admin, admin.context.new_page()]
    asked: list[str] = []
    names = ["page-first", "page-second"]
    try:
        for tab in tabs:
            tab.goto("/vms")
        create(skerry, names[0], small_template, start=False)
        for tab in tabs:
            expect(tab.get_by_role("link", name=names[0])).to_be_visible()
            tab.on("request", lambda request: asked.append(request.url))

        for tab in tabs:
            tab.clock.run_for("00:30")  # whatever asks again and again by the clock does it now
        create(skerry, names[1], small_template, start=False)

        for tab in tabs:
            expect(tab.get_by_role("link", name=names[1])).to_be_visible()
        # The tab in front may take over the one stream of events; nothing is listed anew for that.
        assert [url for url in asked if not url.endswith("/api/v1/events")] == []
    finally:
        for name in names:
            skerry.delete_vm(name)


def test_no_screen_is_wider_than_a_phone(browser: Browser, skerry: RunningSkerry, made: Made) -> None:
    with open_profile(browser, skerry.url, viewport=PHONE) as context:
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        too_wide = ["the door"] if page.evaluate(IS_TOO_WIDE) else []
        sign_in(page, "admin", skerry.password)

        for place in [*PLACES, *(f"/vms/{made.id}/{tab}" for tab in TABS)]:
            page.goto(place)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.locator(".sk-loading")).to_have_count(0)
            too_wide += [place] if page.evaluate(IS_TOO_WIDE) else []

    assert too_wide == []
