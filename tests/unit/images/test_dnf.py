"""dnf's configuration, its command, and what its words mean."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from skerry.errors import CommandFailed, NoSpace, SkerryError, Unavailable
from skerry.images.installers.dnf import Place, configuration, contained_argv, dnf_argv, languages, rpm_macros
from skerry.images.installers.dnf_output import BadSignature, Follow, explain, name_of
from skerry.images.installers.rpm_archive import keep, link_tree
from skerry.images.installers.rpm_database import with_times
from skerry.images.installers.rpm_root import inside, remembered
from skerry.images.recipe import BadRecipe, Packages
from skerry.images.repositories import RpmRepository
from skerry.progress import Quiet

PLACE = Place(Path("/scratch/root"), Path("/cache/tmp/dnf"))


def settings_of(packages: Packages) -> dict[str, str]:
    lines = configuration(PLACE, packages, []).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize(
    ("packages", "name", "value"),
    [
        (Packages(weak_dependencies=False), "install_weak_deps", "0"),
        (Packages(docs=False), "tsflags", "nodocs"),
        (Packages(ignore_missing=True), "strict", "0"),
        (Packages(multilib=True), "multilib_policy", "all"),
        (Packages(excluded=("a", "b*")), "excludepkgs", "a b*"),
        (Packages(timeout=7, retries=2), "timeout", "7"),
        (Packages(timeout=7, retries=2), "retries", "2"),
    ],
)
def test_options_of_packages_reach_dnf(packages: Packages, name: str, value: str) -> None:
    assert settings_of(packages)[name] == value
    assert settings_of(Packages())[name] != value


def test_what_dnf_puts_below_the_root_is_led_out_of_it_again() -> None:
    assert settings_of(Packages())["cachedir"] == "../../cache/tmp/dnf/cache"


def test_signatures_are_looked_at_unless_a_repository_has_no_key() -> None:
    assert settings_of(Packages())["gpgcheck"] == "1"


def test_scriptlets_see_programs_the_root_and_no_network() -> None:
    argv = [str(word) for word in contained_argv(PLACE, [Path("/srv/rpms")], network=False)]
    binds = {argv[number + 2] for number, word in enumerate(argv) if word == "--bind"}

    assert binds == {"/scratch/root", "/cache/tmp/dnf"}
    assert "--unshare-net" in argv
    assert "/etc/shadow" not in argv
    assert "/" not in argv


def test_nothing_of_the_machine_is_read_by_dnf() -> None:
    argv = [str(word) for word in dnf_argv(PLACE, "42", "install", "bash", offline=True)]

    assert argv[:6] == [
        "dnf",
        "--config",
        "/cache/tmp/dnf/dnf.conf",
        "--installroot",
        "/scratch/root",
        "--releasever",
    ]
    assert "--cacheonly" in argv
    assert settings_of(Packages())["reposdir"] == "/nonexistent"


def test_no_language_is_not_every_language() -> None:
    assert languages(()) == "C"
    assert "%_install_langs de:fr\n" in rpm_macros(Packages(languages=("de", "fr")))
    assert "_install_langs" not in rpm_macros(Packages())


def test_an_image_treats_later_packages_as_the_build_did(tmp_path: Path) -> None:
    (tmp_path / "etc/dnf").mkdir(parents=True)
    (tmp_path / "etc/dnf/dnf.conf").write_text("[main]\n")
    kept = [RpmRepository("own", "https://m.example", keys=("/etc/key",))]

    files = remembered(Packages(docs=False, languages=(), weak_dependencies=False), kept, tmp_path)

    assert files["etc/rpm/macros.image"] == "%_install_langs C\n%_excludedocs 1\n"
    assert files["etc/dnf/dnf.conf"] == "[main]\ntsflags=nodocs\ninstall_weak_deps=False\n"
    assert "gpgkey=file:///etc/pki/rpm-gpg/own-0\n" in files["etc/yum.repos.d/own.repo"]


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")

    assert inside(tmp_path, "etc/machine-id") is None
    assert remembered(Packages(docs=False), [], tmp_path).keys() == {"etc/rpm/macros.image"}


# ---- its words

SAID: dict[str, tuple[str, type[SkerryError], str]] = {
    "missing": (
        "No match for argument: nonsuch\nError: Unable to find a match: nonsuch",
        BadRecipe,
        "fedora:42 has no package nonsuch",
    ),
    "no group": (
        "Module or Group 'nope' is not available.\nError: Nothing to do.",
        BadRecipe,
        "has no group nope",
    ),
    "conflict": (
        (
            "Error: \n Problem: package red-1-1.noarch conflicts with blue provided by blue-1-1.noarch\n"
            "  - conflicting requests\n(try to add ...)"
        ),
        BadRecipe,
        "package red-1-1.noarch conflicts with blue",
    ),
    "excluded": (
        (
            "Error: \n Problem: package a requires b, but none of the providers can be installed\n"
            "  - package b-1 is filtered out by exclude filtering"
        ),
        BadRecipe,
        "b-1 is filtered out",
    ),
    "unsigned": ("Package x-1-1.noarch.rpm is not signed\nError: GPG check FAILED", BadSignature, "x-1-1.noarch"),
    "other key": (
        "Public key for x-1-1.noarch.rpm is not installed. Failing package is: x\nError: GPG check FAILED",
        BadSignature,
        "the package x-1-1.noarch of fedora:42",
    ),
    "a key that does not fit": (
        (
            "The GPG keys listed are already installed but they are not correct for this package.\n"
            "Check that the correct key URLs are configured. Failing package is: x-1-1.noarch\n"
            " GPG Keys are configured as: file:///etc/key\nError: GPG check FAILED"
        ),
        BadSignature,
        "the package x-1-1.noarch of fedora:42 is not signed by a key",
    ),
    "mirror gone": (
        "Error: Failed to download metadata for repo 'fedora': Cannot download repomd.xml",
        Unavailable,
        "repository fedora of fedora:42 cannot be read: Cannot download repomd.xml",
    ),
    "gone half-way": (
        "Error: Error downloading packages:\n  Cannot download bash.rpm: All mirrors were tried",
        Unavailable,
        "cannot be fetched",
    ),
    "disk full": (
        "Error: Transaction test error:\n  installing package bash needs 12MB more space on the / filesystem",
        NoSpace,
        "free",
    ),
    "same file": (
        "Error: Transaction test error:\n  file /a from install of b-1 conflicts with file from package c-1",
        BadRecipe,
        "file /a from install of b-1",
    ),
    "scriptlet": (
        (
            "  Running scriptlet: x-1-1.noarch    1/2 \nno dreams\nerror: %prein(x) scriptlet failed\n"
            "Error in PREIN scriptlet in rpm package x\nError: Transaction failed"
        ),
        BadRecipe,
        "x of fedora:42 cannot be installed, because its own script failed:\nno dreams",
    ),
    "device": ("error: unpacking of archive failed: cpio: mknod failed", BadRecipe, "device node"),
}


@pytest.mark.parametrize(("said", "kind", "words"), SAID.values(), ids=SAID.keys())
def test_a_failure_is_explained(said: str, kind: type[SkerryError], words: str, tmp_path: Path) -> None:
    follow = Follow(Quiet())
    for line in said.splitlines():
        follow.line(line)

    found = explain(CommandFailed("dnf ended with status 1"), follow, "fedora:42", tmp_path)

    assert isinstance(found, kind)
    assert words in found.message


def test_the_group_that_every_recipe_has_is_explained() -> None:
    follow = Follow(Quiet())
    follow.line("Module or Group 'core' is not available.")

    assert "--nocore" in (explain(CommandFailed("x"), follow, "file:/srv", Path("/")).hint or "")


class Seen(Quiet):
    """Remembers how far it was."""

    def __init__(self) -> None:
        self.said: list[tuple[float, str]] = []
        self.notes: list[str] = []

    def update(self, fraction: float, detail: str = "") -> None:
        self.said.append((fraction, detail))

    def log(self, text: str) -> None:
        self.notes += [text] if text.startswith("note: ") else []


def test_progress_comes_from_the_lines_and_never_goes_back() -> None:
    seen = Seen()
    follow = Follow(seen)
    for line in (
        "(2/4): bash-5.2-1.x86_64.rpm     1.2 MB/s | 1.8 MB     00:01",
        "  Installing       : setup-1.0-1.noarch          1/4 ",
        "  Running scriptlet: bash-5.2-1.x86_64           4/4 ",
        "  Installing       : late-1.0-1.noarch           1/4 ",
    ):
        follow.line(line)

    assert [detail for _, detail in seen.said] == [
        "Fetching bash-5.2-1.x86_64.rpm",
        "Installing setup",
        "Installing bash",
        "Installing late",
    ]
    fractions = [fraction for fraction, _ in seen.said]
    assert fractions == sorted(fractions)
    assert fractions[-1] < 0.9


def test_a_scriptlet_that_failed_after_its_package_was_installed_is_told() -> None:
    seen = Seen()
    Follow(seen).line("warning: %post(x-1-1.noarch) scriptlet failed, exit status 4")

    assert seen.notes == ["note: warning: %post(x-1-1.noarch) scriptlet failed, exit status 4"]


def test_names_of_packages_may_have_hyphens() -> None:
    assert name_of("python3-dnf-4.14.0-3.fc42.noarch") == "python3-dnf"


# ---- the cache and the database


def test_fetched_packages_are_kept_and_old_metadata_goes(tmp_path: Path) -> None:
    cache, archive = tmp_path / "cache", tmp_path / "archive"
    own = "web-0123456789abcdef"
    for name in (f"{own}/packages/a.rpm", f"{own}/repodata/new.xml", "web.solv", "webby-0123456789abcdef/b.rpm"):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text(name)
    (archive / own / "repodata").mkdir(parents=True)
    (archive / own / "repodata/old.xml").write_text("old")

    keep(cache, "web", archive)
    link_tree(archive, tmp_path / "next")

    found = {str(path.relative_to(tmp_path / "next")) for path in (tmp_path / "next").rglob("*") if path.is_file()}
    assert found == {f"{own}/packages/a.rpm", f"{own}/repodata/new.xml", "web.solv"}


def test_the_time_of_installation_is_the_builds() -> None:
    entries = [(1000, 6, 0, 1), (1008, 4, 8, 1), (1128, 4, 12, 1), (1127, 4, 16, 1)]
    index = b"".join(struct.pack(">IIiI", *entry) for entry in entries)
    data = b"bash\0\0\0\0" + struct.pack(">III", 1, 2, 3)
    header = struct.pack(">II", len(entries), len(data)) + index + data

    changed = with_times(header, 1735689600)

    assert changed[: -len(data)] == header[: -len(data)]
    assert changed[-len(data) :] == b"bash\0\0\0\0" + struct.pack(">III", 1735689600, 1735689600, 3)
