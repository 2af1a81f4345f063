"""`skerry service`: the systemd unit."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from skerry.cli.main import main


def test_install_makes_the_data_folder_too_as_systemd_starts_nothing_that_writes_where_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    data = tmp_path / "srv" / "skerry"

    status = main(["service", "install", "--user", "--data-dir", str(data)])

    assert status == 0
    assert str(data) in (tmp_path / "config/systemd/user/skerry.service").read_text()
    assert stat.S_IMODE(data.stat().st_mode) == 0o711
