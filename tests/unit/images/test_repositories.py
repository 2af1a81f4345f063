"""Where RPM packages come from, and whose signatures count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from skerry.commands import Arg, Output
from skerry.errors import BadInput, Unavailable
from skerry.images.answers import Answers
from skerry.images.installers.rpm_source import address_of, repositories_of, rpm_installer
from skerry.images.recipe import Packages
from skerry.images.repositories import RpmRepository, check_repository, release_repositories, section
from skerry.images.settings import BuildSettings
from skerry.images.words import Meaning, Repository, Source

MIRROR = "https://mirror.example/fedora"


def test_a_release_is_its_packages_and_their_updates() -> None:
    urls = [each.url for each in release_repositories("fedora", "42", mirror=MIRROR + "/")]

    assert urls == [f"{MIRROR}/releases/42/Everything/x86_64/os", f"{MIRROR}/updates/42/Everything/x86_64"]


def test_rawhide_has_no_updates_beside_it() -> None:
    urls = [each.url for each in release_repositories("fedora", "rawhide", mirror=MIRROR)]

    assert urls == [f"{MIRROR}/development/rawhide/Everything/x86_64/os"]


@pytest.mark.parametrize("release", ["10", "10-stream"])
def test_centos_stream_is_in_two_parts(release: str) -> None:
    found = release_repositories("centos", release, mirror="https://m.example")

    assert [each.url.removeprefix("https://m.example/10-stream/") for each in found] == [
        "BaseOS/x86_64/os",
        "AppStream/x86_64/os",
    ]


def test_without_a_mirror_the_list_of_the_distribution_is_asked() -> None:
    found = release_repositories("fedora", "42")

    assert {each.address for each in found} == {"metalink"}
    assert "repo=updates-released-f42" in found[1].url


@pytest.mark.parametrize(("distribution", "release"), [("fedora", "../x"), ("centos", "x"), ("mandrake", "8")])
def test_an_unknown_release_is_an_error(distribution: str, release: str) -> None:
    with pytest.raises(BadInput):
        release_repositories(distribution, release)


def test_packages_of_a_release_are_checked_by_its_own_key() -> None:
    (rawhide,) = release_repositories("fedora", "rawhide")

    assert rawhide.keys == ("/usr/share/distribution-gpg-keys/fedora/RPM-GPG-KEY-fedora-rawhide-primary",)
    assert "gpgcheck=1" in section(rawhide)


def test_a_repository_by_address_needs_a_key_or_the_word_of_the_settings() -> None:
    source = Source(family="rpm", address="file:/srv/rpms")

    with pytest.raises(Unavailable, match="whose signatures count") as caught:
        repositories_of(source, "own", "", BuildSettings())
    assert "SKERRY_RPM_KEYS" in (caught.value.hint or "")
    (signed,) = repositories_of(source, "own", "", BuildSettings(rpm_keys=("/etc/key",)))
    assert "gpgcheck=1\n" in section(signed)
    assert "gpgkey=/etc/key\n" in section(signed)
    (unsigned,) = repositories_of(source, "own", "", BuildSettings(rpm_unsigned=True))
    assert "gpgcheck=0\n" in section(unsigned)


def test_keys_of_the_settings_count_for_a_mirror_that_signs_anew() -> None:
    settings = BuildSettings(fedora_mirror=MIRROR, rpm_keys=("/etc/key",))

    assert all(
        each.keys[-1] == "/etc/key"
        for each in repositories_of(Source("fedora", "42", family="rpm"), "x", "42", settings)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file:/srv/rpms", "file:///srv/rpms"),
        ("file:///srv/$basearch", "file:///srv/x86_64"),
        ("https://m.example/$releasever/$basearch/os", "https://m.example/42/x86_64/os"),
    ],
)
def test_variables_of_dnf_are_filled_in(text: str, expected: str) -> None:
    assert address_of(text, "42") == expected


def test_an_address_that_depends_on_a_release_needs_one() -> None:
    with pytest.raises(Unavailable, match="depends on a release"):
        address_of("https://m.example/$releasever", "")


def test_options_of_a_repository_reach_dnf() -> None:
    text = section(RpmRepository("x", "https://m.example", include=("a*",), exclude=("b", "c"), cost=500))

    assert "includepkgs=a*\nexcludepkgs=b c\ncost=500\n" in text


@pytest.mark.parametrize(
    "repository",
    [
        RpmRepository("x", "gopher://old.example/"),
        RpmRepository("x", "https:///nobody"),
        RpmRepository("x", "file:relative"),
        RpmRepository("x", "https://m.example/a\nb=c"),
        RpmRepository("main", "https://m.example/"),
        RpmRepository("a]b", "https://m.example/"),
    ],
    ids=lambda each: repr(each.name + " " + each.url),
)
def test_what_dnf_would_read_as_something_else_is_refused(repository: RpmRepository) -> None:
    with pytest.raises(BadInput):
        check_repository(repository)


def test_a_file_address_is_a_folder_of_this_machine() -> None:
    assert RpmRepository("x", "file:///srv/my%20rpms").folder == Path("/srv/my rpms")
    assert RpmRepository("x", "https://m.example/srv").folder is None


class Says:
    """Programs that only tell their versions; `None` is one that is not there."""

    def __init__(self, **versions: str | None) -> None:
        self.versions = versions

    async def run(self, argv: Sequence[Arg], **_: Any) -> Output:
        version = self.versions[str(argv[0])]
        if version is None:
            raise Unavailable(f"there is no program {argv[0]}")
        return Output(0, version, "")


OWN = Source(family="rpm", address="file:/srv/$basearch")
MEANING = Meaning(
    Source("fedora", "42", family="rpm"),
    Packages(),
    (),
    repositories=(
        Repository(
            "own", Source(family="rpm", address="file:/srv/$basearch"), cost=1, exclude=("x",), install=True
        ),
    ),
)


async def test_a_recipe_becomes_an_installer(tmp_path: Path) -> None:
    settings = BuildSettings(fedora_mirror=MIRROR, rpm_keys=("/etc/key",))

    programs = Says(dnf="4.14.0\n  Installed: x", rpm="RPM version 4.18.0")
    made = await rpm_installer(MEANING, settings, Answers(tmp_path, programs))

    assert [each.name for each in made.repositories] == ["fedora", "updates", "own"]
    assert made.repositories[2] == RpmRepository(
        "own", "file:///srv/x86_64", keys=("/etc/key",), exclude=("x",), cost=1
    )
    assert made.kept == made.repositories[2:]
    assert (made.title, made.release, made.program) == ("Installing fedora:42", "42", "4.14.0")


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        (Says(dnf=None, rpm="4"), "installed by dnf and rpm"),
        (Says(dnf="dnf5 version 5.2.0", rpm="4"), "here it is dnf5 version 5.2.0"),
    ],
)
async def test_dnf_4_is_needed(tmp_path: Path, programs: Says, message: str) -> None:
    with pytest.raises(Unavailable, match=message):
        await rpm_installer(MEANING, BuildSettings(rpm_unsigned=True), Answers(tmp_path, programs))


def test_a_repository_on_this_machine_is_another_one_when_its_packages_change(tmp_path: Path) -> None:
    (tmp_path / "repodata").mkdir()
    repository = RpmRepository("own", tmp_path.as_uri())
    found = []
    for text in ("one", "other"):
        (tmp_path / "repodata/repomd.xml").write_text(text)
        found.append(repository.inputs)

    assert found[0] != found[1]
    assert "revision" not in RpmRepository("far", MIRROR).inputs
