"""Whom of a node's name servers a guest can ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.guestos.name_servers import name_servers_of, reachable_one, resolv_conf_of_node

BOTH = "nameserver 127.0.0.1\nnameserver 2001:db8::53\n"


@pytest.mark.parametrize(
    ("text", "behind", "chosen"),
    [
        ("nameserver 192.0.2.53\n", "", "nameserver 192.0.2.53\n"),
        (BOTH, "nameserver 192.0.2.1\n", BOTH),
        ("nameserver 127.0.0.53\n", "nameserver 192.0.2.1\n", "nameserver 192.0.2.1\n"),
        ("nameserver 127.0.0.53\n", "", ""),
        ("nameserver ::1\n", "nameserver fe80::1%eth0\n", "nameserver fe80::1%eth0\n"),
        ("nameserver nonsense\n", "", ""),
        ("# nameserver 192.0.2.1\n", "", ""),
        ("", "", ""),
    ],
)
def test_what_stands_behind_a_stub_counts_in_its_place(text: str, behind: str, chosen: str) -> None:
    assert reachable_one(text, behind) == chosen


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("search x\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n", ("192.0.2.1",)),
        ("nameserver 192.0.2.1\n  nameserver 2001:db8::53 # ours\n", ("192.0.2.1", "2001:db8::53")),
        ("nameserver ::1\nnameserver fe80::1%br0\nnameserver nonsense\n", ()),
        ("", ()),
    ],
)
def test_servers_that_only_the_node_reaches_are_of_no_use_to_guests(text: str, servers: tuple[str, ...]) -> None:
    assert name_servers_of(text) == servers


def test_a_node_with_resolved_has_them_where_resolved_writes_them(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "run/systemd/resolve").mkdir(parents=True)
    (tmp_path / "run/systemd/resolve/resolv.conf").write_text("nameserver 192.0.2.1\n")

    assert name_servers_of(resolv_conf_of_node(tmp_path)) == ("192.0.2.1",)


def test_a_node_without_any_has_none(tmp_path: Path) -> None:
    assert name_servers_of(resolv_conf_of_node(tmp_path)) == ()
