"""What an output is: it turns a finished root into files that a person takes away."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from skerry.commands import Commands
from skerry.images.cache import Make, Workspace
from skerry.images.toolbox import Tools
from skerry.images.words import Meaning
from skerry.progress import Progress

_NAMESPACE = uuid.UUID("5d0c3b6e-6a2b-4f0e-9a52-0c5a6c9e9b41")


def tools_of(output: Output, meaning: Meaning) -> tuple[str, ...]:
    """The packages that the tools tree of an output must have beyond the common ones."""
    more = output.more_tools(meaning) if isinstance(output, ChoosesTools) else ()
    return tuple(sorted({*output.tools, *more}))


def identity(key: str, name: str) -> str:
    """A UUID that follows from the step's key, so that one recipe gives one disk."""
    return str(uuid.uuid5(_NAMESPACE, f"{key}/{name}"))


class Shared(Protocol):
    """Keeps what several outputs of one root have in common, such as its read-only image."""

    def __call__(self, kind: str, inputs: Mapping[str, object], make: Make) -> AbstractAsyncContextManager[Path]:
        """The folder of a cache's entry for this root and these inputs, made when it is not there."""
        ...


@dataclass(frozen=True)
class OutputBuild:
    """One output to make."""

    meaning: Meaning
    key: str  # of the content: equal roots and options give equal bytes
    root_tar: Path
    about: Path  # folder of manifests
    tools: Tools
    workspace: Workspace
    commands: Commands
    epoch: int  # seconds since 1970: the time that everything made claims
    progress: Progress
    name: str  # base name of the files
    live_tar: Path | None = None  # what scripts want on a live medium, beside the root
    shared: Shared | None = None

    def identity(self, name: str) -> str:
        """A UUID for a part of the output."""
        return identity(self.key, name)


@runtime_checkable
class ChoosesTools(Protocol):
    """An output whose tools depend on the recipe, too."""

    def more_tools(self, meaning: Meaning) -> tuple[str, ...]:
        """Debian packages that its tools tree must have for this recipe."""
        ...


class Output(Protocol):
    """A kind of output."""

    @property
    def name(self) -> str:
        """The word for it on the command line."""
        ...

    @property
    def help(self) -> str:
        """What it is, in a line."""
        ...

    @property
    def tools(self) -> tuple[str, ...]:
        """Debian packages that its tools tree must have beyond the common ones."""
        ...

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:
        """What decides about it beside the root, the tools and the manifests; with the format's own number."""
        ...

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Fill the folder with the final files, named `build.name` and a suffix.

        Raises:
            BadRecipe, BadInput: this output cannot be made of this root.
        """
        ...
