"""What went into the last build of a recipe, so that a plan can say why a step would run again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skerry.images.configure import after_packages
from skerry.images.plan import Plan
from skerry.images.recipe import Script

_SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class PlannedStep:
    """A step, and what would happen with it."""

    name: str
    title: str
    runs: bool
    why: tuple[str, ...]


def remember(cache: Path, recipe: Path, planned: Plan) -> None:
    """Write down the inputs of all steps; of secrets, scripts and long texts only hashes."""
    file = _file(cache, recipe)
    file.parent.mkdir(parents=True, exist_ok=True)
    old = _read(file)
    new = {each.name: {"key": each.key, "inputs": _flat(each.inputs)} for each in planned.steps}
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    part.write_text(json.dumps(old | new))
    part.rename(file)


def explain(cache: Path, recipe: Path, planned: Plan, there: Mapping[str, bool]) -> list[PlannedStep]:
    """Which steps would run and why; `there` tells which the cache has, by name."""
    old = _read(_file(cache, recipe))
    needed = _needed(planned, there)
    places = _Places(after_packages(planned.meaning))
    again: set[str] = set()
    found = []
    for each in planned.steps:
        runs = each.name in needed and not there[each.name]
        why: list[str] = []
        if runs:
            before = old.get(each.name)
            if before is None:
                why = ["it was not built before on this machine"]
            elif before["key"] == each.key:
                why = ["the cache no longer has it"]
            else:
                why = [f"{need} changes" for need in each.needs if need in again]
                lines = changes(before["inputs"], _flat(each.inputs))
                why = [*map(places.named, lines), *why] or ["what it needs was another"]
            again.add(each.name)
        found.append(PlannedStep(each.name, each.title, runs, tuple(why)))
    return found


@dataclass(frozen=True)
class _Places:
    """Where the scripts stand now, for lines that know only their numbers."""

    scripts: Sequence[Script]

    def named(self, line: str) -> str:
        """The line, with the script's section and place."""
        number = re.match(r"script (\d+)\b", line)
        if number is None or int(number.group(1)) > len(self.scripts):
            return line
        return f"{self.scripts[int(number.group(1)) - 1]}{line[number.end() :]}"


def _needed(planned: Plan, there: Mapping[str, bool]) -> set[str]:
    """The steps that somebody asks for: the outputs and manifests, and what missing ones need."""
    steps = {each.name: each for each in planned.steps}
    queue = [each.step.name for each in planned.outputs] + [planned.about.name]
    needed: set[str] = set()
    while queue:
        name = queue.pop()
        needed.add(name)
        if not there[name]:
            queue += [need for need in steps[name].needs if need not in needed]
    return needed


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two sets of inputs, one line each."""
    lines = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name in {"format", "minimizer"}:
            lines.append("the builder does this in another way now")
        elif name.startswith("script ") and before and after:
            lines.append(f"{name} changed")
        elif isinstance(before, list) and isinstance(after, list):
            more = [f"+{each}" for each in after if each not in before]
            less = [f"-{each}" for each in before if each not in after]
            lines.append(f"{name}: {' '.join([*more, *less]) or 'another order'}")
        elif before is None or after is None:
            lines.append(f"{name}: {'new' if before is None else 'gone'}")
        elif _is_hash(before) or _is_hash(after):
            lines.append(f"{name} changed")
        else:
            lines.append(f"{name}: {before} → {after}")
    return lines


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and value.startswith("sha256:")


def _flat(inputs: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Inputs by dotted names; lists of words stay lists, long values become hashes."""
    found: dict[str, Any] = {}
    for name, value in inputs.items():
        full = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{full} ")
        elif isinstance(value, (list, tuple)):
            found[full] = [_short(each) for each in value]
        else:
            found[full] = _short(value)
    return found


def _short(value: object) -> str:
    text = json.dumps(value, default=str) if isinstance(value, (Mapping, list, tuple)) else str(value)
    return text if len(text) <= _SHOWN else "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def _file(cache: Path, recipe: Path) -> Path:
    name = hashlib.sha256(os.fsencode(recipe.resolve())).hexdigest()[:32]
    return cache / "history" / f"{name}.json"
