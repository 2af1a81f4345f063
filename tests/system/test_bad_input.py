"""What cannot be meant is refused with words that help, and leaves nothing behind."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fixtures.skerry_up import RunningSkerry
from tests.fixtures.small_images import make_qcow2

MIB = 1024**2
GOOD: dict[str, Any] = {"name": "refused", "memory": 32 * MIB, "disks": [], "nics": [], "start": False}


def everything(skerry: RunningSkerry) -> tuple[list[str], ...]:
    """All that could be left behind: here, in libvirt, and in the pool's folder."""
    folders = [Path(pool["path"]) for pool in skerry.get("storage-pools")["items"] if pool["managed"]]
    files = sorted(str(file) for folder in folders for file in folder.rglob("*") if file.is_file())
    return (
        sorted(vm["name"] for vm in skerry.items("vms")),
        sorted(image["name"] for image in skerry.items("images") if image["state"] != "failed"),
        sorted(skerry.libvirt.virsh("list", "--all", "--name").split()),
        files,
    )


def refused(skerry: RunningSkerry, answer: httpx.Response) -> dict[str, Any]:
    """The problem, whether it came at once or as the end of a task; it must read well."""
    problem = answer.json()
    if answer.status_code == httpx.codes.ACCEPTED:
        task = skerry.finished(problem)
        assert task["state"] == "failed", task
        problem = task["error"]
    else:
        assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    assert problem["detail"]
    assert "Traceback" not in str(problem)
    assert len(str(problem)) < 4000
    return dict(problem)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        pytest.param({"memory": 0}, "bad-input", "memory", id="no memory"),
        pytest.param({"memory": 2**50}, "bad-input", "memory", id="more memory than the host has"),
        pytest.param({"vcpus": 0}, "bad-input", "vcpus", id="no vCPU"),
        pytest.param({"name": ""}, "bad-input", "name", id="no name"),
        pytest.param({"name": "../../etc"}, "bad-input", "name", id="a path for a name"),
        pytest.param({"name": "скала"}, "bad-input", "name", id="a name in other letters"),
        pytest.param({"disks": [{"kind": "image", "image": "nowhere"}]}, "not-found", "nowhere", id="no template"),
        pytest.param({"nics": [{"network": "nowhere"}]}, "not-found", "nowhere", id="unknown network"),
        pytest.param({"host": "nowhere"}, "not-found", "nowhere", id="unknown host"),
        pytest.param(
            {"cloud_init": {"user_data": "- a\n- b"}}, "bad-input", "user", id="user-data that is a list"
        ),
        pytest.param({"cloud_init": {"user_data": "#cloud-config\na: [1"}}, "bad-input", "user", id="broken YAML"),
        pytest.param({"disks": [{"kind": "empty", "size": 2**60}]}, "bad-input", "size", id="an absurd disk"),
        pytest.param({"sails": 3}, "bad-input", "sails", id="a field nobody knows"),
    ],
)
def test_a_machine_that_cannot_be_is_refused(
    skerry: RunningSkerry, change: dict[str, Any], code: str, words: str
) -> None:
    before = everything(skerry)

    problem = refused(skerry, skerry.send("POST", "vms", GOOD | change))

    assert problem["code"] == code, problem
    assert words in str(problem)
    assert everything(skerry) == before


def test_a_name_of_ten_megabytes_is_refused_shortly(skerry: RunningSkerry) -> None:
    answer = skerry.send("POST", "vms", GOOD | {"name": "x" * 10 * MIB})

    assert answer.status_code in {413, 422}
    assert len(answer.content) < 4000


def test_letters_of_all_kinds_are_welcome_in_titles(skerry: RunningSkerry) -> None:
    title = "Скала 岩礁 🏝️ “<&>”"

    skerry.do("POST", "vms", GOOD | {"name": "unicode", "title": title})

    assert skerry.get("vms/unicode")["title"] == title
    skerry.delete_vm("unicode")


def test_a_name_is_given_once(skerry: RunningSkerry) -> None:
    skerry.do("POST", "vms", GOOD | {"name": "once"})
    before = everything(skerry)

    problem = refused(skerry, skerry.send("POST", "vms", GOOD | {"name": "once"}))

    assert (problem["code"], "once" in problem["detail"]) == ("name-taken", True)
    assert everything(skerry) == before
    skerry.delete_vm("once")


def backed(tmp_path: Path) -> bytes:
    """An image that stands on a file of the host."""
    file = tmp_path / "backed.qcow2"
    base = make_qcow2(tmp_path / "base.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", file], check=True)
    return file.read_bytes()


def secret_reader(tmp_path: Path) -> bytes:
    """An image that would show the host's password file."""
    file = tmp_path / "reader.qcow2"
    subprocess.run(
        [
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-o",
            "backing_file=/etc/shadow,backing_fmt=raw",
            "-u",
            file,
            "1M",
        ],
        check=True,
    )
    return file.read_bytes()


def truncated(tmp_path: Path) -> bytes:
    """An image whose end was lost on the way."""
    file = make_qcow2(tmp_path / "whole.qcow2")
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(range(256)) * 4096 * 8)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, file], check=True)
    return file.read_bytes()[: file.stat().st_size // 2]


def corrupt(tmp_path: Path) -> bytes:
    """An image whose tables point to nowhere."""
    whole = bytearray(make_qcow2(tmp_path / "corrupt.qcow2").read_bytes())
    whole[40:48] = (2**62).to_bytes(8, "big")  # the offset of the L1 table
    return bytes(whole)


def bomb(_: Path) -> bytes:
    """A stream whose compression ends in the middle."""
    return gzip.compress(bytes(8 * MIB))[:-20]


@pytest.mark.parametrize("make", [backed, secret_reader, truncated, corrupt, bomb], ids=lambda make: make.__name__)
def test_an_image_that_is_not_sound_is_refused(
    skerry: RunningSkerry, tmp_path: Path, make: Callable[[Path], bytes]
) -> None:
    before = everything(skerry)

    problem = refused(
        skerry, skerry.send("POST", "images", {"name": "unsound", "upload": skerry.upload(make(tmp_path))})
    )

    assert problem["code"] == "bad-image", problem
    assert "/etc/shadow" not in problem["detail"] or make is secret_reader
    assert everything(skerry) == before


def test_an_image_with_another_checksum_is_refused(skerry: RunningSkerry, tmp_path: Path) -> None:
    content = make_qcow2(tmp_path / "image.qcow2").read_bytes()
    before = everything(skerry)
    body = {"name": "unsound", "upload": skerry.upload(content), "sha256": "0" * 64}

    problem = refused(skerry, skerry.send("POST", "images", body))

    assert "SHA-256" in problem["detail"]
    assert everything(skerry) == before


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "no xml",
        "<network/>",
        "<domain>",
        "<domain type='qemu'><name>x</name></domain>",
        "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain>&e;</domain>",
    ],
    ids=["empty", "no XML", "another thing", "cut off", "too little", "an entity"],
)
def test_a_definition_that_is_no_machine_is_refused_and_changes_nothing(skerry: RunningSkerry, xml: str) -> None:
    skerry.do("POST", "vms", GOOD | {"name": "defined"})
    definition = skerry.get("vms/defined/definition")

    answer = skerry.client.put(
        "vms/defined/definition", json={"xml": xml}, headers={"If-Match": f'"{definition["etag"]}"'}
    )

    assert refused(skerry, answer)["code"] in {"bad-definition", "bad-input"}
    assert "root:" not in answer.text
    assert skerry.get("vms/defined/definition") == definition
    skerry.delete_vm("defined")
