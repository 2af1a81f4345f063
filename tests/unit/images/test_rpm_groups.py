"""Package groups of RPM repositories, where dnf has no words for what a recipe asks."""

from __future__ import annotations

import pytest

from skerry.errors import BadInput
from skerry.images.comps import Comps, read_comps
from skerry.images.installers.dnf import needs_comps, specs
from skerry.images.installers.rpm import special_groups
from skerry.images.recipe import BadRecipe, Packages

COMPS = """
<comps>
  <group><id>core</id><name>Core</name>
    <packagelist><packagereq type="mandatory">bash</packagereq></packagelist></group>
  <group><id>web</id><name>Web Server</name><name xml:lang="de">Webserver</name><packagelist>
    <packagereq type="mandatory">httpd</packagereq><packagereq type="default">mod_ssl</packagereq>
    <packagereq type="optional">squid</packagereq></packagelist></group>
  <environment><id>server</id><name>Server</name>
    <grouplist><groupid>core</groupid><groupid>web</groupid></grouplist></environment>
</comps>
"""


@pytest.fixture
def comps() -> Comps:
    return read_comps([COMPS])


def test_a_group_is_found_by_id_and_by_name_in_any_language(comps: Comps) -> None:
    assert comps.group("web")[0] == comps.group("Web server")[0] == comps.group("webserver")[0] == "web"


def test_groups_of_several_repositories_are_joined() -> None:
    more = "<comps><group><id>web</id><packagelist><packagereq>php</packagereq></packagelist></group></comps>"

    assert read_comps([COMPS, more]).group("web")[1].mandatory == ["httpd", "php"]


@pytest.mark.parametrize("word", ["nope", "server"])
def test_an_unknown_group_is_named(comps: Comps, word: str) -> None:
    with pytest.raises(BadInput, match=f"no group @{word}"):
        comps.group(word)


def test_what_is_not_xml_is_an_error() -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_comps(["<comps"])


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param(
            Packages(groups=("web",), whole_groups=("web",)), ["httpd", "mod_ssl", "squid"], id="optional"
        ),
        pytest.param(Packages(groups=("web",), mandatory_groups=("web",)), ["httpd"], id="nodefaults"),
    ],
)
def test_options_of_a_group_take_it_apart(comps: Comps, packages: Packages, expected: list[str]) -> None:
    assert needs_comps(packages)
    assert special_groups(packages, comps) == (expected, [])
    assert "@web" not in specs(packages)


def test_a_group_can_be_left_out_of_an_environment(comps: Comps) -> None:
    packages = Packages(environment="server", excluded_groups=("Core",), core=False)

    assert special_groups(packages, comps) == ([], ["web"])
    assert specs(packages) == []


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param(Packages(), ["@core"], id="every recipe has the group core"),
        pytest.param(Packages(core=False, names=("bash",)), ["bash"], id="but with --nocore"),
        pytest.param(
            Packages(groups=("core", "web"), names=("a*",)), ["@core", "@web", "a*"], id="groups and globs"
        ),
        pytest.param(Packages(environment="server"), ["@server", "@core"], id="an environment"),
        pytest.param(
            Packages(groups=("web",), excluded_groups=("web",), core=False), [], id="a group left out again"
        ),
    ],
)
def test_other_groups_are_left_to_dnf(packages: Packages, expected: list[str]) -> None:
    assert not needs_comps(packages)
    assert specs(packages) == expected


@pytest.mark.parametrize(
    "name", ["https://example.org/x.rpm", "/srv/x.rpm", "x.rpm", "a b", "-x", "$HOME", "@web"]
)
def test_a_name_that_dnf_would_take_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(BadRecipe, match="not the name of a package"):
        specs(Packages(names=(name,)))


def test_the_default_of_the_distribution_must_be_named() -> None:
    with pytest.raises(BadRecipe, match="--default"):
        specs(Packages(default=True))
