"""Images on their way into the library."""

from __future__ import annotations

import hashlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import Skerry
from tests.integration.cli.fake_server import DONE, IMAGE, Fake, Reply, Request, problem

from skerry.cli import building, upload
from skerry.images.build import BuiltImage, Order
from skerry.images.minimize.run import RuleWon
from skerry.images.results import Built, BuiltFile, BuiltFolder, BuiltOutput, StepTime

IMPORTED = DONE | {"result": {"image": IMAGE["id"]}}
PIECE = 1000


@dataclass
class Uploads:
    """Takes pieces as the API does: only from where it is."""

    size: int = 0
    received: bytes = b""
    failures: int = 0  # so many pieces are half taken, and then refused as by a server that goes away

    def _state(self) -> dict[str, Any]:
        return {"id": "u1", "size": self.size, "received": len(self.received)}

    def open(self, request: Request) -> Reply:
        self.size = request.json["size"]
        return Reply(201, self._state())

    def get(self, request: Request) -> Reply:
        return Reply(body=self._state())

    def write(self, request: Request) -> Reply:
        if int(request.query["offset"]) != len(self.received):
            return problem("conflict", 409, "the upload is not there")
        if self.failures:
            self.failures -= 1
            self.received += request.body[: len(request.body) // 2]
            return Reply(503, b"going away", "text/plain")
        self.received += request.body
        return Reply(body=self._state())


@pytest.fixture
def uploads(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    monkeypatch.setattr(upload, "PIECE", PIECE)
    uploads = Uploads()
    fake.on("POST", "/uploads", uploads.open)
    fake.on("GET", "/uploads/u1", uploads.get)
    fake.on("PUT", "/uploads/u1", uploads.write)
    fake.on("POST", "/images", Reply(202, IMPORTED))
    fake.on("GET", f"/images/{IMAGE['id']}", IMAGE)
    return uploads


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Some pieces and a bit."""
    path = tmp_path / "Debian 13.qcow2.xz"
    path.write_bytes(os.urandom(3 * PIECE + 7))
    return path


def test_a_file_arrives_piece_after_piece(skerry: Skerry, fake: Fake, uploads: Uploads, file: Path) -> None:
    result = skerry("image", "import", file)

    assert result.status == 0, result.err
    assert uploads.received == file.read_bytes()
    assert len(fake.got("PUT", "/uploads/u1")) == 4
    new = fake.got("POST", "/images")[0].json
    assert new == {"name": "Debian-13", "description": "", "sha256": None, "upload": "u1"}
    assert f"Name:        {IMAGE['name']}\n" in result.out


@pytest.mark.parametrize(
    ("name", "words"),
    [("aos", "there is an image aos already"), ("ünï", "with a letter or digit first")],
)
def test_a_name_that_cannot_be_had_is_told_before_anything_is_sent(
    skerry: Skerry, fake: Fake, uploads: Uploads, file: Path, name: str, words: str
) -> None:
    fake.on("GET", "/images/aos", IMAGE)

    result = skerry("image", "import", file, "--name", name)

    assert words in result.err
    assert fake.got("POST", "/uploads") == []


def test_name_checksum_and_description_go_along(skerry: Skerry, fake: Fake, uploads: Uploads, file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    skerry("image", "import", file, "--name", "aos", "--sha256", digest, "--description", "small")

    new = fake.got("POST", "/images")[0].json
    assert (new["name"], new["sha256"], new["description"]) == ("aos", digest, "small")


def test_a_broken_upload_goes_on_where_the_server_is(
    skerry: Skerry, fake: Fake, uploads: Uploads, file: Path
) -> None:
    uploads.failures = 2

    assert skerry("image", "import", file).status == 0

    assert uploads.received == file.read_bytes()


def test_an_upload_that_is_given_up_can_be_resumed(
    skerry: Skerry, fake: Fake, uploads: Uploads, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "GIVE_UP_S", 0.0)
    uploads.failures = 100
    broken = skerry("image", "import", file)
    uploads.failures = 0

    assert broken.status == 5
    assert "--resume u1" in broken.err
    assert not fake.got("DELETE", "/uploads/u1")

    assert skerry("image", "import", file, "--resume", "u1").status == 0
    assert uploads.received == file.read_bytes()
    assert len(fake.got("POST", "/uploads")) == 1


def test_what_was_sent_is_imported_again_without_sending_it_again(
    skerry: Skerry, fake: Fake, uploads: Uploads, file: Path
) -> None:
    fake.on("POST", "/images", problem("name-taken", 409, "there is an image aos already"))
    refused = skerry("image", "import", file)
    fake.on("POST", "/images", Reply(202, IMPORTED))
    pieces = len(fake.got("PUT", "/uploads/u1"))

    assert refused.status != 0
    assert "--resume u1 imports it without sending it again" in refused.err
    assert skerry("image", "import", file, "--resume", "u1").status == 0
    assert len(fake.got("PUT", "/uploads/u1")) == pieces


def test_another_file_does_not_resume_an_upload(skerry: Skerry, uploads: Uploads, file: Path) -> None:
    uploads.size = 12

    result = skerry("image", "import", file, "--resume", "u1")

    assert result.status == 2
    assert "is of a file of 12 bytes" in result.err


def test_ctrl_c_throws_the_upload_away(skerry: Skerry, fake: Fake, uploads: Uploads, file: Path) -> None:
    def interrupt(request: Request) -> Reply:
        os.kill(os.getpid(), signal.SIGINT)
        return uploads.write(request)

    fake.on("PUT", "/uploads/u1", interrupt)
    fake.on("DELETE", "/uploads/u1", Reply(204))

    assert skerry("image", "import", file).status == 130

    assert fake.got("DELETE", "/uploads/u1")
    assert not fake.got("POST", "/images")


def test_stdin_can_be_imported(skerry: Skerry, uploads: Uploads) -> None:
    assert skerry("image", "import", "-", "--name", "aos", stdin=b"x" * 1500).status == 0

    assert uploads.received == b"x" * 1500


def test_a_full_server_ends_the_upload_at_once(skerry: Skerry, fake: Fake, uploads: Uploads, file: Path) -> None:
    fake.on("PUT", "/uploads/u1", problem("no-space", 507, "there is no room for the upload"))

    result = skerry("image", "import", file)

    assert result.status == 1
    assert "there is no room for the upload" in result.err
    assert len(fake.got("PUT", "/uploads/u1")) == 1


def test_a_volume_that_is_there_is_taken(skerry: Skerry, fake: Fake, uploads: Uploads) -> None:
    assert skerry("image", "import", "--volume", "default/disk.qcow2").status == 0

    new = fake.got("POST", "/images")[0].json
    assert (new["name"], new["storage_pool"], new["volume"]) == ("disk", "default", "disk.qcow2")
    assert not fake.got("POST", "/uploads")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a file, or a volume with --volume"),
        (["/nowhere"], "/nowhere cannot be read: No such file or directory"),
        (["/dev/null"], "/dev/null is not a file"),
        (["-"], "the image needs a name"),
        (["x", "--sha256", "123"], "--sha256: '123' is not a SHA-256"),
        (["--volume", "disk.qcow2"], "--volume: 'disk.qcow2' does not name a volume"),
    ],
)
def test_what_cannot_be_imported_is_told_before_anything_is_asked(
    skerry: Skerry, fake: Fake, words: list[str], said: str
) -> None:
    result = skerry("image", "import", *words)

    assert result.status == 2
    assert said in result.err
    assert not fake.requests


def test_an_empty_file_is_no_image(skerry: Skerry, fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "empty.raw").touch()

    assert "the file is empty" in skerry("image", "import", tmp_path / "empty.raw").err
    assert not fake.got("POST", "/uploads")


def test_images_are_renamed_and_deleted(skerry: Skerry, fake: Fake) -> None:
    fake.on("PATCH", "/images/aos", IMAGE | {"name": "aos-old"})
    fake.on("DELETE", "/images/aos", Reply(202, DONE))

    assert "aos-old" in skerry("image", "rename", "aos", "aos-old").out
    assert skerry("image", "delete", "aos", "--yes").status == 0
    assert fake.got("PATCH", "/images/aos")[0].json == {"name": "aos-old"}


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder is tested elsewhere; here it only leaves a file."""

    async def build_image(recipe: Path, output: Path, **options: Any) -> BuiltImage:
        options["progress"].step("Installing")
        output.write_bytes(b"disk")
        return BuiltImage(output, options["format"], 4, 4096, hashlib.sha256(b"disk").hexdigest(), False, 1.5)

    async def build(order: Order, folder: Path, **options: Any) -> Built:
        (folder / "aos.qcow2").write_bytes(b"disk")
        return Built(
            "aos",
            (
                BuiltOutput("qcow2", (BuiltFile(folder / "aos.qcow2", 4, "00"),), (), from_cache=False),
                BuiltOutput("oci", (), (BuiltFolder(folder / "aos.oci", 2048),), from_cache=True),
            ),
            (
                StepTime("base", 1.5, from_cache=False),
                StepTime("output qcow2", 2.0, from_cache=False),
                StepTime("output oci", 0.0, from_cache=True),
            ),
            folder / "aos.manifests",
            (("bash", 6914048),),
            (RuleWon("drop /usr/share/doc", "aos.ks:3", 10, 40960),),
            3.5,
        )

    monkeypatch.setattr(building, "build_image", build_image)
    monkeypatch.setattr(building, "build", build)


def test_build_prints_where_the_image_is(skerry: Skerry, built: None, tmp_path: Path) -> None:
    result = skerry("image", "build", "aos.ks", "-o", tmp_path / "aos.raw")

    assert result.out == f"{tmp_path / 'aos.raw'}\n"
    assert result.err == "Installing\nbuilt in 1.5 s\n"


def test_build_into_a_folder_tells_what_was_made_and_what_it_cost(
    skerry: Skerry, built: None, tmp_path: Path
) -> None:
    result = skerry("image", "build", "aos.ks", "-o", tmp_path, "--output", "qcow2", "--output", "oci")

    assert [line.split() for line in result.out.splitlines()[1:]] == [
        ["qcow2", f"{tmp_path}/aos.qcow2", "4", "B", "2.0", "no"],
        ["oci", f"{tmp_path}/aos.oci", "2", "KiB", "0.0", "yes"],
    ]
    assert "made in 3.5 s: base 1.5 s, output qcow2 2.0 s" in result.err
    assert "from the cache: output oci" in result.err
    assert "minimized by 40 KiB: `drop /usr/share/doc` 40 KiB" in result.err
    assert "heaviest: bash 6.6 MiB" in result.err


def test_build_tells_programs_everything(skerry: Skerry, built: None, tmp_path: Path) -> None:
    told = skerry("image", "build", "aos.ks", "-o", tmp_path, "--output", "qcow2", "--json").json

    assert told["outputs"][0]["files"] == [{"path": f"{tmp_path}/aos.qcow2", "size": 4, "sha256": "00"}]
    assert told["heaviest"] == [{"package": "bash", "size": 6914048}]


def test_only_disks_are_written_into_a_file(skerry: Skerry, built: None, tmp_path: Path) -> None:
    result = skerry("image", "build", "aos.ks", "-o", tmp_path / "aos.raw", "--output", "tar")

    assert result.status == 2
    assert "give a folder" in result.err


def test_build_can_import_at_once(
    skerry: Skerry, fake: Fake, uploads: Uploads, built: None, tmp_path: Path
) -> None:
    result = skerry("image", "build", "aos.ks", "-o", tmp_path / "aos.qcow2", "--import", "aos")

    assert result.status == 0, result.err
    assert uploads.received == b"disk"
    assert fake.got("POST", "/images")[0].json["sha256"] == hashlib.sha256(b"disk").hexdigest()


def test_nothing_is_built_for_a_name_that_is_taken(
    skerry: Skerry, fake: Fake, uploads: Uploads, built: None, tmp_path: Path
) -> None:
    fake.on("GET", "/images/aos", IMAGE)

    result = skerry("image", "build", "aos.ks", "-o", tmp_path / "aos.qcow2", "--import", "aos")

    assert result.status == 6
    assert not (tmp_path / "aos.qcow2").exists()


def test_build_knows_its_outputs(skerry: Skerry, tmp_path: Path) -> None:
    result = skerry("image", "build", "aos.ks", "-o", tmp_path, "--output", "vmdk")

    assert result.status == 2
    assert "choose disk, qcow2" in result.err
