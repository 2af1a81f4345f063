"""The root as a container image: a folder in the OCI image layout with one layer.

https://github.com/opencontainers/image-spec: oci-layout, index.json, and blobs by their SHA-256. `skopeo copy
oci:NAME.oci docker-daemon:…` and `podman pull oci:NAME.oci` take it as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path

from skerry.images.outputs import live
from skerry.images.outputs.output import OutputBuild
from skerry.images.sums import sha256_of
from skerry.images.words import Meaning

FORMAT = 1
_REF = "org.opencontainers.image"
_MEDIA = "application/vnd.oci.image"
_LAYER = f"{_MEDIA}.layer.v1.tar+gzip"
_CONFIG = f"{_MEDIA}.config.v1+json"
_MANIFEST = f"{_MEDIA}.manifest.v1+json"
_INDEX = f"{_MEDIA}.index.v1+json"


class Oci:
    """A container image in the OCI layout."""

    name = "oci"
    help = "the root as a container image in the OCI layout"
    tools = live.TOOLS

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:
        """Where the packages are from, for the labels."""
        return {"format": FORMAT, "source": str(meaning.source)}

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write the folder NAME.oci.

        Raises:
            NoSpace, CommandFailed, TimedOut: as they say.
        """
        target = folder / f"{build.name}.oci"
        blobs = target / "blobs/sha256"
        blobs.mkdir(parents=True)
        layer = build.workspace.path / "layer.tar.gz"
        await _compress(build, layer)
        build.progress.update(0.9, "digests")
        diff_id, digest = await asyncio.gather(
            asyncio.to_thread(sha256_of, build.root_tar), asyncio.to_thread(sha256_of, layer)
        )
        size = layer.stat().st_size
        layer.rename(blobs / digest)
        layer_descriptor = {"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": size}
        config_descriptor = _put(blobs, _CONFIG, config(build.name, build.meaning, diff_id, build.epoch))
        image = manifest(config_descriptor, layer_descriptor)
        index = {
            "schemaVersion": 2,
            "mediaType": _INDEX,
            "manifests": [_put(blobs, _MANIFEST, image) | {"annotations": {f"{_REF}.ref.name": "latest"}}],
        }
        (target / "index.json").write_bytes(_json(index))
        (target / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
        live.settle(target, build.epoch)


async def _compress(build: OutputBuild, layer: Path) -> None:
    """By gzip, which all readers of the format know; zstd is newer than some of them."""
    with layer.open("wb") as target:
        await build.commands.run(
            build.tools.argv("gzip", "-n", "-6", "-c", build.root_tar),
            stdout_to=target,
            cwd=build.workspace.path,
            timeout=1800,
            pass_fds=[build.workspace.lock],
        )


def config(name: str, meaning: Meaning, diff_id: str, epoch: int) -> dict[str, object]:
    """The image's configuration: it starts init, as a system container does."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    return {
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=oci"],
            "Cmd": ["/sbin/init"],
            "StopSignal": "SIGRTMIN+3",  # what systemd takes for "halt"
            "Labels": {f"{_REF}.title": name, f"{_REF}.base.name": str(meaning.source)},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created": created, "created_by": "skerry image build"}],
    }


def manifest(config_descriptor: Mapping[str, object], layer: Mapping[str, object]) -> dict[str, object]:
    """The image's manifest."""
    return {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config_descriptor, "layers": [layer]}


def _put(blobs: Path, media_type: str, document: Mapping[str, object]) -> dict[str, object]:
    """Write a document as a blob; returns its descriptor."""
    content = _json(document)
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
