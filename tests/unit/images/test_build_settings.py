"""Where the builder's settings come from."""

from pathlib import Path

import pytest

from skerry.errors import BadSettings
from skerry.images.settings import load_settings


@pytest.fixture(autouse=True)
def plain_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "skerry").mkdir()
    (tmp_path / "skerry" / "build.toml").write_text('debian-mirror = "http://file.invalid/debian"\n')


def test_the_mirror_stands_in_the_file() -> None:
    assert load_settings().debian_mirror == "http://file.invalid/debian"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKERRY_DEBIAN_MIRROR", "http://environment.invalid/debian")

    assert load_settings().debian_mirror == "http://environment.invalid/debian"


def test_a_size_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKERRY_IMAGE_CACHE_SIZE", "lots")

    with pytest.raises(BadSettings, match="SKERRY_IMAGE_CACHE_SIZE"):
        load_settings()
