"""Programs of an unpacked tree, started with the tree's own libraries; `skerry.images.tools` makes the tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg, Commands, Output
from skerry.errors import BadImage


@dataclass(frozen=True)
class Tools:
    """An unpacked tree of tools."""

    root: Path
    commands: Commands

    def argv(self, program: str, *words: Arg) -> list[Arg]:
        """The command that runs a program of the tree with the tree's own libraries."""
        found = next((path for path in self._places(program) if path.exists()), None)
        if found is None:
            raise BadImage(f"the tools tree has no {program}", hint=f"delete {self.root} and build again")
        loader = self.root / "usr/lib64/ld-linux-x86-64.so.2"
        return [loader, "--library-path", self.root / "usr/lib/x86_64-linux-gnu", found, *words]

    def _places(self, program: str) -> list[Path]:
        return [self.root / folder / program for folder in ("usr/sbin", "usr/bin", "sbin", "bin")]

    async def run(
        self,
        program: str,
        *words: Arg,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Output:
        """Run a program of the tree to its end."""
        argv: list[Arg] = ["setpriv", "--pdeathsig", "KILL", "--", *self.argv(program, *words)]
        return await self.commands.run(argv, stdin=stdin, env=env, cwd=cwd, timeout=900, pass_fds=pass_fds)
