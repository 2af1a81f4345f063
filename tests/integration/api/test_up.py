"""`skerry up` as people start and stop it: over a real libvirt, from an empty home."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.fixtures.private_libvirt import PrivateLibvirt
from tests.fixtures.skerry_up import RunningSkerry, new_skerry

from skerry.api.certificate import ensure_certificate
from skerry.cli import running
from skerry.sizes import MIB

SKERRY = Path(sys.executable).parent / "skerry"


@pytest.fixture(scope="module")
def up(libvirtd: PrivateLibvirt) -> Iterator[RunningSkerry]:
    """One Skerry for the tests of this file; each leaves it running."""
    libvirtd.start()
    with new_skerry(libvirtd) as skerry:
        yield skerry


def run(skerry: RunningSkerry, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The program, as the same person."""
    env = {"PATH": "/usr/bin:/bin", **skerry.environment}
    return subprocess.run([SKERRY, *words], capture_output=True, text=True, timeout=60, env=env, check=False)


def started_lines(skerry: RunningSkerry) -> list[str]:
    """What each start has printed first."""
    return [line for line in skerry.log.splitlines() if line.startswith("Skerry is ready")]


def test_the_first_start_prints_what_a_person_needs(up: RunningSkerry) -> None:
    assert f"Skerry is ready: {up.url}" in up.log
    assert re.search(r"user\s+admin", up.log)
    assert up.log.count(up.password) == 1
    assert re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", up.log)
    assert up.get("sessions/current")["user"]["name"] == "admin"


def test_its_secrets_are_for_its_owner_only(up: RunningSkerry) -> None:
    assert stat.S_IMODE((up.data / "tls" / "key.pem").stat().st_mode) == 0o600
    for database in up.data.rglob("*.db*"):
        assert stat.S_IMODE(database.stat().st_mode) & 0o077 == 0, database


def test_a_second_one_on_the_same_folder_is_refused(up: RunningSkerry) -> None:
    second = run(up, "up", "--data-dir", up.data, "--port", "0", "--libvirt-uri", up.libvirt.uri)

    assert second.returncode != 0
    assert f"error: another Skerry already works on {up.data}" in second.stderr
    assert up.url in second.stderr
    assert "hint: stop it with `skerry down`" in second.stderr
    assert "Traceback" not in second.stderr
    assert up.get("about")["name"] == "skerry"


def test_a_taken_port_is_told_before_anything_is_made(up: RunningSkerry, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run(up, "up", "--data-dir", tmp_path / "data", "--port", str(port), "--libvirt-uri", up.libvirt.uri)

    assert done.returncode != 0
    assert f"another program already listens on 127.0.0.1 port {port}" in done.stderr
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "nine"], "expected a whole number"),
        (["--listen", "192.0.2.1"], "192.0.2.1 is not an address of this machine"),
        (["--certificate", "/none.pem", "--key", "/none.pem"], "/none.pem cannot be read"),
        (["--config", "/none.toml"], "/none.toml"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_wrong_settings_are_told_in_two_lines(
    up: RunningSkerry, tmp_path: Path, words: list[str], told: str
) -> None:
    done = run(up, "up", "--data-dir", tmp_path / "data", "--port", "0", "--libvirt-uri", up.libvirt.uri, *words)

    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_down_stops_it_and_the_next_start_goes_on_where_it_was(up: RunningSkerry) -> None:
    token = up.do("POST", "tokens", {"name": "survivor"})["secret"]
    up.do("POST", "vms", {"name": "survivor", "memory": 64 * MIB, "nics": []})
    fingerprint = (up.data / "tls" / "certificate.pem").read_bytes()

    down = run(up, "down", "--data-dir", up.data)

    assert down.returncode == 0, down.stderr
    assert "virtual machines keep running" in down.stderr
    up.ended()
    assert running.find(up.data) is None
    assert "survivor" in up.libvirt.virsh("list", "--name")

    up.start()
    assert len(started_lines(up)) == 2
    assert up.log.count("shown this once") == 1
    assert (up.data / "tls" / "certificate.pem").read_bytes() == fingerprint
    answer = httpx.get(
        f"{up.url}/api/v1/vms", verify=up.tls(), headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert answer.status_code == 200
    up.vm_when("survivor", lambda vm: vm["state"] == "running", "running again")
    up.delete_vm("survivor")
    assert "Traceback" not in up.log


def test_down_without_anything_to_stop_says_so(up: RunningSkerry, tmp_path: Path) -> None:
    down = run(up, "down", "--data-dir", tmp_path)

    assert down.returncode != 0
    assert f"no Skerry runs on {tmp_path}" in down.stderr


def test_kill_9_leaves_a_folder_that_starts_again(up: RunningSkerry) -> None:
    up.kill()

    up.start()
    assert up.get("sessions/current")["user"]["name"] == "admin"


def test_a_lost_password_can_be_made_anew(up: RunningSkerry) -> None:
    up.stop()
    ready_file = up.data / "ready"
    argv = [SKERRY, "--json", "up", "--data-dir", up.data, "--port", "0", "--libvirt-uri", up.libvirt.uri]
    env = {"PATH": "/usr/bin:/bin", **up.environment}
    with subprocess.Popen(
        [*argv, "--reset-admin-password", "--ready-file", ready_file], stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        ready = ready_file.read_text()
        process.terminate()
        assert process.wait(60) == 0

    assert ready == told["url"] + "\n"
    assert not ready_file.exists()
    old, up.password = up.password, told["password"]
    assert old != up.password
    up.start()
    answer = up.client.post("sessions", json={"user": "admin", "password": old})
    assert answer.status_code == 401


def test_what_was_saved_comes_back(up: RunningSkerry, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    up.do("POST", "users", {"name": "lena", "password": "lenas-long-password"})

    assert run(up, "backup", saved, "--data-dir", up.data).returncode == 0
    up.do("DELETE", "users/lena")
    refused = run(up, "restore", saved, "--data-dir", up.data, "--yes")
    up.stop()
    restored = run(up, "restore", saved, "--data-dir", up.data, "--yes")
    up.start()

    assert "already works on" in refused.stderr
    assert restored.returncode == 0, restored.stderr
    assert "lena" in [user["name"] for user in up.items("users")]
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_no_secret_is_in_the_log(up: RunningSkerry) -> None:
    up.do("POST", "users", {"name": "anna", "password": "annas-long-password"})
    secret = up.do("POST", "tokens", {"name": "ci"})["secret"]
    cookie = up.client.cookies["skerry_session"]
    up.get("vms", q="words-of-a-query")

    after_start = up.log.replace("shown this once", "", 1)
    assert "GET /api/v1/vms" in after_start
    for word in ("annas-long-password", secret, cookie, "words-of-a-query", up.client.headers["X-CSRF-Token"]):
        assert word not in after_start


def test_two_data_folders_on_one_libvirt_have_two_storage_pools(up: RunningSkerry, tmp_path: Path) -> None:
    data = Path(tempfile.mkdtemp(prefix="skerry-up-", dir="/tmp"))  # guests run as another user
    data.chmod(0o711)
    other = RunningSkerry(data, up.libvirt, {"HOME": str(tmp_path)})
    try:
        other.start()
        disk = {"kind": "empty", "size": MIB}
        other.do("POST", "vms", {"name": "elsewhere", "memory": 64 * MIB, "disks": [disk], "nics": []})
        (mine,) = (pool["name"] for pool in up.get("storage-pools")["items"] if pool["managed"])
        (theirs,) = (pool["name"] for pool in other.get("storage-pools")["items"] if pool["managed"])
        assert mine != theirs
        assert (
            up.vm_when("elsewhere", lambda vm: vm["state"] == "running", "seen")["disks"][0]["storage_pool"]
            != mine
        )
    finally:
        other.stop()
        up.delete_vm("elsewhere")
        shutil.rmtree(data)


def test_a_storage_pool_of_another_folder_is_not_taken(up: RunningSkerry) -> None:
    (mine,) = (pool["name"] for pool in up.get("storage-pools")["items"] if pool["managed"])
    data = Path(tempfile.mkdtemp(prefix="skerry-up-", dir="/tmp"))
    data.chmod(0o711)

    words = ("--data-dir", data, "--port", "0", "--libvirt-uri", up.libvirt.uri, "--storage-pool", mine)
    done = run(up, "up", *words)

    shutil.rmtree(data)
    assert done.returncode != 0
    assert f"libvirt has a storage pool {mine} that shows {up.data}" in done.stderr
    assert "hint: name ours with --storage-pool" in done.stderr


def test_everywhere_is_shown_by_a_name_that_works_with_the_fingerprint_of_any_certificate(
    up: RunningSkerry, tmp_path: Path
) -> None:
    given = ensure_certificate(tmp_path, ["localhost"], now=dt.datetime.now(dt.UTC))
    data = Path(tempfile.mkdtemp(prefix="skerry-up-", dir="/tmp"))
    data.chmod(0o711)
    environment = {
        "HOME": str(tmp_path),
        "SKERRY_LISTEN": "0.0.0.0",
        "SKERRY_NAMES": "cloud.invalid localhost",
        "SKERRY_CERTIFICATE": str(given.file),
        "SKERRY_KEY": str(given.key_file),
    }
    other = RunningSkerry(data, up.libvirt, environment)
    try:
        other.start()
        assert other.url.startswith("https://localhost:")
        assert given.fingerprint in other.log
    finally:
        other.stop()
        shutil.rmtree(data)
