"""What `skerry up` can be told, and what it listens on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from skerry.cli import service, up_settings
from skerry.cli.listening import PortTaken, listen, url
from skerry.cli.program import Run
from skerry.cli.service import unit_text
from skerry.cli.up_settings import UpSettings, load_settings, options, pool_name
from skerry.errors import BadInput, BadSettings
from skerry.settings import table


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what a test says counts."""
    for row in table(UpSettings):
        monkeypatch.delenv(f"SKERRY_{row.name.upper()}", raising=False)
    monkeypatch.setattr("skerry.cli.up_settings.default_config", lambda: tmp_path / "up.toml")


def test_nobody_else_reaches_it_unless_told_so() -> None:
    settings = load_settings({})

    assert (settings.listen, settings.port) == (("127.0.0.1",), 8443)


def test_each_setting_has_an_option() -> None:
    assert {option.name for option in options()} == {row.name for row in table(UpSettings)}


def test_flags_win_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('port = 1\nlisten = ["127.0.0.2"]\nnames = "a b"\n')
    monkeypatch.setenv("SKERRY_PORT", "2")
    monkeypatch.setenv("SKERRY_LISTEN", "127.0.0.3 ::1")

    settings = load_settings({"port": "3"}, file)

    assert (settings.port, settings.listen, settings.names) == (3, ("127.0.0.3", "::1"), ("a", "b"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"port": "70000"}, "highest port"),
        ({"port": "-1"}, "less than 0"),
        ({"port": "https"}, "expected a whole number"),
        ({"certificate": "/x"}, "go together"),
        ({"listen": ""}, "at least one"),
        ({"log_level": "loud"}, "not one of"),
        ({"hsts": "perhaps"}, "yes or no"),
    ],
    ids=str,
)
def test_wrong_settings_are_named(flags: dict[str, object], words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        load_settings(flags)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"none\.toml"):
        load_settings({}, tmp_path / "none.toml")


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    """Sockets that are closed in the end."""
    sockets: list[socket.socket] = []
    yield sockets
    for each in sockets:
        each.close()


def test_all_addresses_share_a_free_port(opened: list[socket.socket]) -> None:
    opened += listen(["127.0.0.1", "127.0.0.2", "127.0.0.1"], 0)

    assert len(opened) == 2
    assert len({each.getsockname()[1] for each in opened}) == 1
    assert url(opened, ["me"]) == f"https://127.0.0.1:{opened[0].getsockname()[1]}"


def test_all_interfaces_are_shown_by_the_first_name_that_means_something_here(
    opened: list[socket.socket],
) -> None:
    opened += listen(["0.0.0.0", "::"], 0)

    assert url(opened, ["cloud.invalid", "localhost"]).startswith("https://localhost:")


def test_without_such_a_name_they_are_shown_by_an_address_of_this_machine(opened: list[socket.socket]) -> None:
    opened += listen(["0.0.0.0"], 0)

    shown = urlsplit(url(opened, ["cloud.invalid"]))

    with socket.create_connection((str(shown.hostname), shown.port or 0), timeout=60):
        pass


def test_each_data_folder_has_a_storage_pool_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, usual, old = (UpSettings(data_dir=tmp_path / name) for name in ("one", "two", "usual", "old"))
    for settings in (one, two, usual, old):
        settings.data_dir.mkdir()
    monkeypatch.setattr(up_settings, "default_data_dir", lambda: usual.data_dir)
    (old.data_dir / "skerry.db").touch()

    names = [pool_name(settings) for settings in (one, two, usual, old)]

    assert names[2:] == ["skerry", "skerry"]
    assert len(set(names)) == 3
    (one.data_dir / "skerry.db").touch()
    assert [pool_name(settings) for settings in (one, two)] == names[:2]
    assert pool_name(replace(one, storage_pool="mine")) == "mine"


def test_a_taken_port_is_named_and_nothing_stays_open(opened: list[socket.socket]) -> None:
    opened += listen(["127.0.0.1"], 0)
    port = opened[0].getsockname()[1]

    with pytest.raises(PortTaken, match=f"127.0.0.1 port {port}"):
        listen(["127.0.0.2", "127.0.0.1"], port)
    opened += listen(["127.0.0.2"], port)


@pytest.mark.parametrize("address", ["192.0.2.1", "localhost", "not an address"])
def test_addresses_of_others_are_refused(address: str) -> None:
    with pytest.raises(BadSettings, match=address):
        listen([address], 0)


def test_the_unit_of_the_machine_is_hardened_and_spares_its_machines() -> None:
    unit = unit_text(user=False, command=Path("/opt/sk 100%/skerry"), data_dir=Path("/var/lib/skerry"))

    assert 'ExecStart="/opt/sk 100%%/skerry" up --data-dir /var/lib/skerry\n' in unit
    for line in ("Type=notify", "KillMode=process", "NoNewPrivileges=yes", "ReadWritePaths=/var/lib/skerry"):
        assert line in unit.splitlines()
    assert "WantedBy=multi-user.target" in unit


def test_the_unit_of_a_person_asks_for_no_rights() -> None:
    unit = unit_text(user=True, command=Path("/home/a/skerry"), data_dir=Path("/home/a/data"))

    assert "StateDirectory" not in unit
    assert "WantedBy=default.target" in unit


def test_a_path_that_would_break_the_unit_is_refused() -> None:
    with pytest.raises(BadInput):
        unit_text(user=True, command=Path("/x"), data_dir=Path("/a\nExecStartPre=/bin/evil"))


def test_the_unit_names_the_data_folder_that_up_would_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_program", lambda: Path("/opt/skerry"))

    def folder(*words: str) -> str:
        unit = CliRunner().invoke(service.app, ["print", *words], obj=Run()).stdout
        return next(line for line in unit.splitlines() if line.startswith("ExecStart")).rpartition(" ")[2]

    (tmp_path / "up.toml").write_text('data_dir = "/srv/file"')
    assert folder() == "/srv/file"
    monkeypatch.setenv("SKERRY_DATA_DIR", "/srv/environment")
    assert folder() == "/srv/environment"
    assert folder("--data-dir", "/srv/option") == "/srv/option"
