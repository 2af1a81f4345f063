"""All that is written about a root: from its tar, the same every time, whatever names are in it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from skerry.errors import NotFound, TooLarge
from skerry.images.diff import compare
from skerry.images.manifest.describe import describe
from skerry.images.manifest.reading import About, places, read_about
from skerry.images.sizes import by_folder, by_package, check_size, owned_by_nobody

COPYRIGHT = (
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: {}\n text\n"
)


def status(**versions: str) -> str:
    return "\n".join(
        f"Package: {name.replace('_', '+')}\nStatus: install ok installed\n"
        f"Architecture: amd64\nVersion: {version}\n"
        f"Maintainer: A <a@example.org>\nDescription: words\nDepends: libc6\nHomepage: https://example.org/{name}\n"
        for name, version in versions.items()
    )


ROOT = {
    "etc/os-release": 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian 13 \\"trixie\\""\n',
    "var/lib/dpkg/status": status(bash="1:5.2-1+b1", g_="14", libc6="2.41"),
    "var/lib/dpkg/info/bash.list": "/usr/bin/bash\n/usr/share/doc/bash/copyright\n",
    "var/lib/dpkg/info/libc6.list": "/usr/lib/libc.so.6\n",
    "usr/bin/bash": "b" * 5000,
    "usr/lib/libc.so.6": "c",
    "usr/share/doc/bash/copyright": COPYRIGHT.format("GPL-3+ and My-Own"),
    "odd\nname\udcff": "x",
}


def made(folder: Path, names: dict[str, str], *, name: str = "aos", packages: Path | None = None) -> Path:
    folder.mkdir(parents=True)
    with tarfile.open(folder.with_suffix(".tar"), "w", format=tarfile.PAX_FORMAT) as tar:
        for path, text in names.items():
            member = tarfile.TarInfo("./" + path)
            content = text.encode("utf-8", "surrogateescape")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    describe(folder.with_suffix(".tar"), packages, folder, name=name, epoch=1_700_000_000)
    return folder


@pytest.fixture(scope="module")
def about(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("about") / "aos.manifests", ROOT)


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_same_root_gives_the_same_bytes(about: Path, tmp_path: Path) -> None:
    again = made(tmp_path / "again", ROOT)

    assert {file.name: file.read_bytes() for file in about.iterdir()} == {
        file.name: file.read_bytes() for file in again.iterdir()
    }


def test_every_file_is_told_with_rights_checksum_and_package(about: Path) -> None:
    records = {each.path: each for each in read_about(about).records()}

    assert records["/usr/bin/bash"].package == "bash-1:5.2-1+b1.amd64"
    assert records["/usr/bin/bash"].content == hashlib.sha256(b"b" * 5000).hexdigest()
    assert records["\\/odd\\012name\\377"].package is None


def test_spdx_names_packages_licences_and_who_needs_whom(about: Path) -> None:
    document = load(about / "sbom.spdx.json")
    packages = {each["name"]: each for each in document["packages"]}

    assert document["spdxVersion"] == "SPDX-2.3"
    assert document["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    assert packages["bash"]["licenseDeclared"] == "GPL-3.0-or-later AND LicenseRef-My-Own"
    assert [each["licenseId"] for each in document["hasExtractedLicensingInfos"]] == ["LicenseRef-My-Own"]
    assert packages["bash"]["externalRefs"][0]["referenceLocator"] == (
        "pkg:deb/debian/bash@1%3A5.2-1%2Bb1?arch=amd64&distro=debian-13&upstream=bash_5.2-1%2Bb1.dsc"
    )
    ids = {each["SPDXID"] for each in document["packages"]} | {"SPDXRef-DOCUMENT"}
    assert len(ids) == len(document["packages"]) + 1
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", each) for each in ids)
    needs = [each for each in document["relationships"] if each["relationshipType"] == "DEPENDS_ON"]
    assert (packages["bash"]["SPDXID"], packages["libc6"]["SPDXID"]) in {
        (each["spdxElementId"], each["relatedSpdxElement"]) for each in needs
    }
    assert {
        each[end] for each in document["relationships"] for end in ("spdxElementId", "relatedSpdxElement")
    } <= ids


def test_cyclonedx_names_the_same(about: Path) -> None:
    document = load(about / "sbom.cdx.json")
    components = {each["name"]: each for each in document["components"]}
    references = [each["bom-ref"] for each in document["components"]]

    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])
    assert components["bash"]["licenses"] == [{"expression": "GPL-3.0-or-later AND LicenseRef-My-Own"}]
    assert len(set(references)) == len(references)
    depends = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert depends[components["bash"]["bom-ref"]] == [components["libc6"]["bom-ref"]]
    assert set(depends) == {*references, "image"}


def test_checksums_of_packages_come_from_the_installers_list(tmp_path: Path) -> None:
    listed = tmp_path / "packages.json"
    listed.write_text(
        json.dumps([{"name": "libc6", "version": "2.41", "architecture": "amd64", "sha256": "a" * 64}])
    )

    folder = made(tmp_path / "about", ROOT, packages=listed)

    assert [each.get("sha256") for each in load(folder / "packages.json")] == [None, None, "a" * 64]
    assert '"checksumValue": "' + "a" * 64 in (folder / "sbom.spdx.json").read_text()


def test_a_root_without_packages_is_described_too(tmp_path: Path) -> None:
    about = read_about(made(tmp_path / "about", {"init": "x"}))

    assert about.packages == ()
    assert about.total == 8192


@pytest.mark.parametrize(
    ("system", "version", "url"),
    [
        ("debian", "1:5.2-1", "pkg:deb/debian/bash@1%3A5.2-1?arch=amd64&distro=debian"),
        ("fedora", "1:5.2-1", "pkg:rpm/fedora/bash@5.2-1?arch=amd64&distro=fedora&epoch=1"),
    ],
)
def test_a_root_that_dropped_its_database_has_the_packages_that_were_installed(
    tmp_path: Path, system: str, version: str, url: str
) -> None:
    listed = tmp_path / "packages.json"
    listed.write_text(
        json.dumps([{"name": "bash", "version": version, "architecture": "amd64", "sha256": "b" * 64}])
    )

    folder = made(tmp_path / "about", {"etc/os-release": f"ID={system}\n"}, packages=listed)

    assert load(folder / "sbom.cdx.json")["components"][0]["purl"] == url
    assert load(folder / "packages.json")[0]["sha256"] == "b" * 64


def test_a_database_with_strange_bytes_is_no_harm(tmp_path: Path) -> None:
    strange = status(bash="1").replace("words", "w\udcff\x01").replace("Package: bash", "Package: ../b\udcffsh")

    folder = made(tmp_path / "about", {**ROOT, "var/lib/dpkg/status": strange})

    assert read_about(folder).packages[0].name == "../b\ufffdsh"


# ---- reading them again


def test_manifests_are_found_beside_an_image(about: Path) -> None:
    for name in ("aos.qcow2", "aos.root.tar.gz"):
        image = about.with_name(name)
        image.write_bytes(b"")
        assert read_about(image).name == "aos"
    assert read_about(about.parent).name == "aos"


def test_the_surest_place_is_looked_at_first() -> None:
    assert [place.name for place in places(Path("/x/aos.iso.gz"))] == [
        "aos.iso.gz.manifests",
        "aos.iso.manifests",
        "aos.manifests",
    ]


def test_an_image_without_manifests_says_where_they_would_be(tmp_path: Path) -> None:
    image = tmp_path / "foreign.raw"
    image.write_bytes(bytes(100_000))

    with pytest.raises(NotFound, match="no manifests") as caught:
        read_about(image)
    assert "foreign" not in (caught.value.hint or "")
    with pytest.raises(NotFound):
        read_about(tmp_path / "nothing")


# ---- sizes


def test_sizes_per_package_and_folder_are_the_heaviest_first(about: Path) -> None:
    told = read_about(about)

    assert by_package(told)[0] == ("bash 1:5.2-1+b1", 8192 + 4096)
    assert [path for path, _ in by_folder(told, 1)][:2] == ["/", "/usr"]
    assert all(path.count("/") <= 1 for path, _ in by_folder(told, 1))
    assert owned_by_nobody(told) == told.total - 8192 - 4096 - 4096


def test_an_image_that_is_too_large_names_what_is_heavy(about: Path) -> None:
    check_size(about, 100, 100, what="aos.qcow2")

    with pytest.raises(TooLarge, match=r"aos.qcow2 has 2 KiB, 1 KiB more than --max-size 1 KiB") as caught:
        check_size(about, 2048, 1024, what="aos.qcow2")
    assert "bash 1:5.2-1+b1 12 KiB" in caught.value.message
    assert "/usr/bin 12 KiB" in caught.value.message


# ---- the difference


def of(folder: Path, **changes: str | None) -> About:
    names = {**ROOT, **{name.replace("__", "/"): text for name, text in changes.items()}}
    return read_about(made(folder, {name: text for name, text in names.items() if text is not None}))


def test_two_images_are_the_same(about: Path, tmp_path: Path) -> None:
    assert not compare(read_about(about), of(tmp_path / "new"))


def test_packages_licences_and_files_are_compared(about: Path, tmp_path: Path) -> None:
    new = of(
        tmp_path / "new",
        var__lib__dpkg__status=status(bash="1:5.3-1", libc6="2.41", nano="8"),
        usr__bin__bash="B" * 5000,
        usr__lib__extra="e",
        usr__share__doc__bash__copyright=COPYRIGHT.format("ISC"),
        **{"odd\nname\udcff": None},
    )

    found = compare(read_about(about), new)

    assert [(each.name, each.old, each.new) for each in found.packages] == [
        ("bash", "1:5.2-1+b1", "1:5.3-1"),
        ("g+", "14", ""),
        ("nano", "", "8"),
    ]
    assert found.licenses_added == ("ISC",)
    assert found.licenses_removed == ("GPL-3.0-or-later", "LicenseRef-My-Own")
    assert [each.package for each in found.licenses] == ["bash"]
    assert {each.path: each.what for each in found.files} == {
        "/usr/bin/bash": ("content",),
        "/usr/lib/extra": ("added",),
        "/usr/share/doc/bash/copyright": ("content",),
        "/var/lib/dpkg/status": ("content",),
        "\\/odd\\012name\\377": ("removed",),
    }
    assert json.loads(json.dumps(found.as_json()))["packages"][0]["name"] == "bash"
