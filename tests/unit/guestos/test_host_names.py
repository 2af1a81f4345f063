"""Which files name a guest, and what they say when it has another name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.errors import InvalidState
from skerry.guestos.host_names import PATHS, Names, plan_rename

NAMES = Names("web.example.org", "shop.example.net")


def renamed(path: str, before: str) -> str:
    files = {path: before.encode()} | ({"/etc/hostname": b"web\n"} if path != "/etc/hostname" else {})
    contents = plan_rename(NAMES, files).contents
    return contents.get(path, before.encode()).decode()


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("/etc/hostname", "web.example.org\n", "shop.example.net\n"),
        ("/etc/hostname", "web\n", "shop\n"),
        ("/etc/hostname", "# set by hand\nWEB\n", "# set by hand\nshop\n"),
        ("/etc/hostname", "shop\n", "shop\n"),
        ("/etc/mailname", "web.example.org\n", "shop.example.net\n"),
        ("/etc/mailname", "mail.example.org\n", "mail.example.org\n"),
        ("/etc/hosts", "127.0.1.1\tweb.example.org web # web\n", "127.0.1.1\tshop.example.net shop # web\n"),
        ("/etc/hosts", "127.0.0.1 localhost web\n", "127.0.0.1 localhost shop\n"),
        ("/etc/hosts", "10.0.0.9 web.example.org web\n", "10.0.0.9 shop.example.net shop\n"),
        ("/etc/hosts", "10.0.0.9 web\n", "10.0.0.9 web\n"),
        ("/etc/hosts", "10.0.0.9 www.web.example.org web-2\n", "10.0.0.9 www.web.example.org web-2\n"),
        ("/etc/network/interfaces", "iface a inet dhcp\n  hostname web\n", "iface a inet dhcp\n  hostname shop\n"),
        ("/etc/network/interfaces", "# web\nauto web\n", "# web\nauto web\n"),
        ("/etc/dhcp/dhclient.conf", 'send host-name "web";\n', 'send host-name "shop";\n'),
        (
            "/etc/postfix/main.cf",
            "myhostname = web.example.org\nmydestination = web.example.org, localhost\nrelayhost = web\n",
            "myhostname = shop.example.net\nmydestination = shop.example.net, localhost\nrelayhost = web\n",
        ),
        (
            "/etc/exim4/update-exim4.conf.conf",
            "dc_other_hostnames='web.example.org'\ndc_smarthost='web.example.org'\n",
            "dc_other_hostnames='shop.example.net'\ndc_smarthost='web.example.org'\n",
        ),
        ("/etc/sysconfig/network", "HOSTNAME=web\nGATEWAY=web\n", "HOSTNAME=shop\nGATEWAY=web\n"),
        (
            "/var/lib/cloud/seed/nocloud/meta-data",
            "instance-id: web\nlocal-hostname: web.example.org\n",
            "instance-id: web\nlocal-hostname: shop.example.net\n",
        ),
    ],
)  # fmt: skip
def test_what_names_the_guest_is_changed_and_nothing_else(path: str, before: str, after: str) -> None:
    assert renamed(path, before) == after


def test_a_guest_that_calls_itself_something_else_is_left_alone() -> None:
    with pytest.raises(InvalidState, match="calls itself 'db', and not 'web"):
        plan_rename(NAMES, {"/etc/hostname": b"db\n", "/etc/hosts": b"127.0.1.1 web\n"})


def test_a_guest_that_is_renamed_already_stays_as_it_is() -> None:
    files = {"/etc/hostname": b"shop\n", "/etc/hosts": b"127.0.1.1 shop.example.net shop\n"}

    assert plan_rename(NAMES, files).contents == {}


def test_a_missing_hostname_is_told() -> None:
    assert plan_rename(NAMES, {"/etc/hosts": b"127.0.1.1 web\n"}).remarks == (
        "the guest has no plain file /etc/hostname",
    )


@given(path=st.sampled_from([path for path in PATHS if path != "/etc/hostname"]), content=st.binary(max_size=200))
def test_files_that_do_not_name_the_guest_keep_every_byte(path: str, content: bytes) -> None:
    if b"web" not in content.lower():
        assert plan_rename(NAMES, {"/etc/hostname": b"shop\n", path: content}).contents == {}
