"""What systemd's units, and PAM's stacks, need. Formats: systemd.unit(5), systemd.service(5), pam.conf(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skerry.images.contents.tree import Files, Tree, join, name_of, parent_of

_FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_UNIT = re.compile(
    r"(?P<folder>(?:etc|(?:usr/)?lib)/systemd/(?:system|user))/(?P<name>[^/]+\.(?:service|socket|mount|timer|path|target|swap))"
    r"(?:\.d/[^/]+\.conf)?"
)
_EXEC = re.compile(r"Exec(?:Condition|StartPre|Start|StartPost|Reload|Stop|StopPost)")
_BINDING = frozenset({"Requires", "BindsTo", "Requisite"})
_CONDITION = re.compile(r"(?:Condition|Assert)(?:PathExists|FileIsExecutable|FileNotEmpty)")
_PATH = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
_PAM_LINE = re.compile(
    r"\s*(?:auth|account|password|session)\s+(?:\[[^\]]*\]|\w+)\s+(?P<module>\S+)", re.IGNORECASE
)
_MOST = 1024 * 1024


def is_unit(path: str) -> bool:
    """Whether a path is that of a unit or of a drop-in."""
    return _UNIT.fullmatch(path) is not None


def is_pam(path: str) -> bool:
    """Whether a path is that of one of PAM's stacks."""
    return parent_of(path) in {"etc/pam.d", "usr/lib/pam.d"}


def unit_loses(files: Files, after: Tree, path: str) -> Iterator[tuple[str, str]]:
    """What a unit names and loses: the line's key, and the path."""
    match = _UNIT.fullmatch(path)
    if match is None or _masked(files.tree, match["folder"], match["name"]):
        return
    settings = list(_settings(_text(files, path)))
    conditions = {value.lstrip("|!") for key, value in settings if _CONDITION.fullmatch(key)}
    for key, value in settings:
        if _EXEC.fullmatch(key):
            program = _program(files.tree, value)
            if program and f"/{program}" not in conditions and _lost(files.tree, after, program):
                yield key, program
        elif key in _BINDING:
            for name in value.split():
                found = _find_unit(files.tree, name)
                if found is not None and _find_unit(after, name) is None:
                    yield key, found


def _masked(tree: Tree, folder: str, name: str) -> bool:
    entry = tree.get(f"etc/systemd/{name_of(folder)}/{name}")
    return entry is not None and entry.kind == "link" and entry.target == "/dev/null"


def _settings(text: str) -> Iterator[tuple[str, str]]:
    joined = re.sub(r"\\\n(?:[ \t]*[#;][^\n]*\n)*", " ", text)
    for line in joined.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key[:1] not in {"#", ";"}:
            yield key.strip(), value.strip()


def _program(tree: Tree, value: str) -> str | None:
    """The path of the program in a line of Exec, unless its failure does not matter or its name is made."""
    word = (value.split(maxsplit=1) or [""])[0]
    bare = word.lstrip("@-:+!|")
    may_fail = "-" in word.removesuffix(bare)
    bare = bare.strip("\"'")
    if may_fail or not bare or "%" in bare or "$" in bare:
        return None
    if bare.startswith("/"):
        return bare.lstrip("/")
    return next((join(folder, bare) for folder in _PATH if tree.resolve(join(folder, bare)) is not None), None)


def _find_unit(tree: Tree, name: str) -> str | None:
    template = re.sub(r"@[^.]*\.", "@.", name)
    for folder in _FOLDERS:
        for each in dict.fromkeys((name, template)):
            if tree.resolve(join(folder, each)) is not None:
                return join(folder, each)
    return None


def pam_loses(files: Files, after: Tree, path: str) -> Iterator[tuple[str, str]]:
    """The modules that a stack names and loses; one with a dash before its type may be missing."""
    for line in _text(files, path).splitlines():
        match = _PAM_LINE.match(line)
        if match is None:
            continue
        module = match["module"]
        usual = [f"/lib*/security/{module}", f"/lib*/*/security/{module}"]
        patterns = [module] if module.startswith("/") else usual
        found = [each for pattern in patterns for each in files.tree.glob(pattern)]
        if found and all(after.resolve(each) is None for each in found):
            yield module, found[0]


def script_loses(tree: Tree, after: Tree, head: bytes) -> str | None:
    """The path of the interpreter in a script's first line, when it is lost."""
    words = head[2:].partition(b"\n")[0].decode("utf-8", "surrogateescape").split()
    if not words:
        return None
    program = words[0].lstrip("/")
    if _lost(tree, after, program):
        return program
    if name_of(program) == "env":
        name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
        found = [join(folder, name) for folder in _PATH if tree.resolve(join(folder, name)) is not None]
        if name and found and all(after.resolve(each) is None for each in found):
            return found[0]
    return None


def _lost(tree: Tree, after: Tree, path: str) -> bool:
    return tree.resolve(path) is not None and after.resolve(path) is None


def _text(files: Files, path: str) -> str:
    return files.read(path, most=_MOST).decode("utf-8", "surrogateescape")
