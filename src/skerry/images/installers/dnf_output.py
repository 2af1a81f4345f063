"""What dnf says: how far it is, and what a failure means to the person who wrote the recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from skerry.errors import CommandFailed, SkerryError, Unavailable
from skerry.images.cache import disk_was_full, no_space
from skerry.images.recipe import BadRecipe
from skerry.progress import Progress

_MAX_LINES = 400  # of output kept to explain a failure


class BadSignature(SkerryError):
    """A package is not signed, or not by a key that is trusted for its repository."""

    code, http_status = "bad-signature", 422


@dataclass
class Follow:
    """Reads dnf's lines: how far it is, and what it complains of."""

    progress: Progress
    lines: list[str] = field(default_factory=list)
    _most: float = 0.0

    def line(self, text: str) -> None:
        """Take one line of output."""
        self.progress.log(text)
        self.lines = [*self.lines[1 - _MAX_LINES :], text]
        if match := re.match(r"\((\d+)/(\d+)\): (\S+)", text):
            self._at(0.05, 0.3, match, f"Fetching {match[3]}")
        elif match := re.match(r"\s+(?:Installing|Upgrading|Running scriptlet)\s*: (\S+)\s+(\d+)/(\d+)\s*$", text):
            self._at(0.35, 0.5, re.match(r".*?(\d+)/(\d+)\s*$", text), f"Installing {name_of(match[1])}")
        elif text.startswith(("warning: %", "Error in ", "error: lua")) or "scriptlet failed" in text:
            self.progress.log(f"note: {text.strip()}")

    def _at(self, begin: float, span: float, match: re.Match[str] | None, detail: str) -> None:
        if match and int(match[2]):
            self._most = max(self._most, begin + span * min(int(match[1]) / int(match[2]), 1.0))
        self.progress.update(self._most, detail)


def name_of(package: str) -> str:
    """The name in `bash-5.2.37-1.fc42.x86_64`."""
    return package.rsplit("-", 2)[0]


_MISSING = re.compile(r"^(?:No match for argument|Error: Unable to find a match): (.+)$", re.MULTILINE)
_NO_GROUP = re.compile(r"(?:Module or Group|Group|Environment) '?([^'\n]+?)'? (?:is not available|does not exist)")
_UNSIGNED = re.compile(
    r"(?:Package|Public key for) (\S+) is not (?:signed|installed|trusted)"
    r"|Failing package is: (\S+)|GPG check FAILED"
)
_METADATA = re.compile(r"Failed to download metadata for repo '([^']+)'(?:: (.*))?")
_DOWNLOAD = re.compile(
    r"(?:Error downloading packages|All mirrors were (?:already )?tried|Cannot download )[^\n]*"
)
_PROBLEMS = re.compile(r"(?:Problem(?: \d+)?: .+(?:\n\s+- .+)*)")


def explain(failure: CommandFailed, follow: Follow, title: str, folder: Path) -> SkerryError:
    """What a failed dnf means to the person who wrote the recipe; `title` names the source."""
    said = "\n".join(follow.lines) or failure.message
    if disk_was_full(said) or re.search(r"more space needed on the|needs \d+[KMG]?B more space", said):
        return no_space(folder)
    for read in (_missing, _untrusted, _unreachable, _impossible, _failed_scriptlet):
        if found := read(said, title):
            return found
    if "newuidmap" in said or "subuid" in said:
        hint = "a plain user needs the package uidmap and a line in /etc/subuid and /etc/subgid"
        return CommandFailed(failure.message, hint=hint)
    return failure


def _missing(said: str, title: str) -> SkerryError | None:
    if names := dict.fromkeys(name.strip() for match in _MISSING.finditer(said) for name in match[1].split()):
        return BadRecipe(
            f"{title} has no package {', '.join(names)}",
            hint="check the name in %packages; --ignoremissing leaves out what is not there",
        )
    if groups := dict.fromkeys(match[1] for match in _NO_GROUP.finditer(said)):
        hint = "check the name in %packages"
        if "core" in groups:
            hint = "every recipe has the group core unless its %packages has --nocore"
        return BadRecipe(f"{title} has no group {', '.join(groups)}", hint=hint)
    return None


def _untrusted(said: str, title: str) -> SkerryError | None:
    if not (match := _UNSIGNED.search(said)):
        return None
    name = match[1] or match[2]
    whose = f"the package {name.removesuffix('.rpm')}" if name else "a package"
    key = "" if "is not signed" in said else " by a key that is trusted for its repository"
    return BadSignature(
        f"{whose} of {title} is not signed{key}; it was not installed",
        hint="SKERRY_RPM_KEYS names the key files of repositories; ask where the package comes from",
    )


def _unreachable(said: str, title: str) -> SkerryError | None:
    hint = "check the network, and the address or SKERRY_FEDORA_MIRROR (SKERRY_CENTOS_MIRROR)"
    if match := _METADATA.search(said):
        why = f": {match[2].strip()}" if match[2] else ""
        return Unavailable(f"the repository {match[1]} of {title} cannot be read{why}", hint=hint)
    if match := _DOWNLOAD.search(said):
        return Unavailable(f"packages of {title} cannot be fetched: {match[0].strip(' :')}", hint=hint)
    return None


def _impossible(said: str, title: str) -> SkerryError | None:
    if problems := [match[0].strip() for match in _PROBLEMS.finditer(said)]:
        return BadRecipe(
            f"the packages of the recipe cannot be installed together from {title}:\n" + "\n".join(problems),
            hint="a minus line, a version or a missing `repo` may be the reason",
        )
    if conflicts := re.findall(r"^\s+file .+ conflicts? .+$", said, re.MULTILINE):
        return BadRecipe("two packages have the same file:\n" + "\n".join(conflicts[:12]))
    return None


def _failed_scriptlet(said: str, title: str) -> SkerryError | None:
    if match := re.search(r"Error in (?:PREIN|PRETRANS|PREUN) scriptlet in rpm package (\S+)", said):
        words = [line for line in said[: match.start()].splitlines()[-6:] if line.strip()]
        heard = "\n".join(line for line in words if not re.match(r"\s+[A-Z][a-z ]+:", line))
        return BadRecipe(f"{match[1]} of {title} cannot be installed, because its own script failed:\n{heard}")
    if re.search(r"mknod failed|cpio: mknod", said):
        return BadRecipe(f"a package of {title} holds a device node; /dev of an image is made when it boots")
    return None
