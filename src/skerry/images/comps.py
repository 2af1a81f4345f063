"""Package groups and environments of RPM repositories, as their comps.xml has them.

dnf installs groups by itself; it cannot leave one out of an environment, or take one group with its optional
packages and another without its default ones. For these, groups are taken apart here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from skerry.errors import BadInput


@dataclass
class Group:
    """A group's packages, by how much they belong to it."""

    mandatory: list[str] = field(default_factory=list)
    default: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)


@dataclass
class Comps:
    """The groups and environments of some repositories, by id; names are other words for ids, in lower case."""

    groups: dict[str, Group] = field(default_factory=dict)
    environments: dict[str, list[str]] = field(default_factory=dict)  # ids of groups
    names: dict[str, str] = field(default_factory=dict)

    def group(self, word: str) -> tuple[str, Group]:
        """The id of a group and the group, by id or name.

        Raises:
            BadInput: there is none.
        """
        found = word if word in self.groups else self.names.get(word.lower(), "")
        if found not in self.groups:
            raise BadInput(f"there is no group @{word}", hint="`dnf group list --hidden` shows those of a machine")
        return found, self.groups[found]

    def environment(self, word: str) -> list[str]:
        """The ids of the groups of an environment, by its id or name.

        Raises:
            BadInput: there is none.
        """
        found = word if word in self.environments else self.names.get(word.lower(), "")
        if found not in self.environments:
            raise BadInput(f"there is no environment @^{word}")
        return self.environments[found]


def read_comps(texts: Iterable[str]) -> Comps:
    """Read the comps.xml of each repository; what several have is joined.

    Raises:
        BadInput: one is not XML.
    """
    comps = Comps()
    for text in texts:
        try:
            root = ET.fromstring(text)  # noqa: S314 - expat refuses the floods that this warns of
        except ET.ParseError as exc:
            raise BadInput(f"the groups of a repository cannot be read: {exc}") from exc
        for node in root.iterfind("group"):
            group = comps.groups.setdefault(_named(node, comps), Group())
            for package in node.iterfind("packagelist/packagereq"):
                lists = {"mandatory": group.mandatory, "default": group.default, "optional": group.optional}
                lists.get(package.get("type", "mandatory"), []).append((package.text or "").strip())
        for node in root.iterfind("environment"):
            groups = comps.environments.setdefault(_named(node, comps), [])
            groups += [(each.text or "").strip() for each in node.iterfind("grouplist/groupid")]
    return comps


def _named(node: ET.Element, comps: Comps) -> str:
    found = (node.findtext("id") or "").strip()
    for name in node.iterfind("name"):
        comps.names.setdefault((name.text or "").strip().lower(), found)
    return found
