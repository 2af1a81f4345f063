"""`skerry completion`: what a shell needs to complete nouns, verbs, options, and names from the server."""

from __future__ import annotations

from typing import Annotated

from skerry.cli.program import Run, single, typer
from skerry.errors import BadInput

SHELLS = ("bash", "zsh", "fish")


def completion(
    run: Run, shell: Annotated[str, typer.Argument(help="bash, zsh or fish.", autocompletion=lambda: SHELLS)]
) -> None:
    """Print the completion script for a shell: source <(skerry completion bash)."""
    from skerry.cli.main import complete  # noqa: PLC0415 - it imports all nouns by name, this one too

    del run
    if shell not in SHELLS:
        raise BadInput(f"there is no completion for {shell!r}", hint=f"choose {', '.join(SHELLS)}")
    complete(f"source_{shell}")


app = single(completion)
