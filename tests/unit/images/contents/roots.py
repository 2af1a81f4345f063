"""Small roots for tests, as data: `root({"usr/bin/sh": "#!…", "bin": link("usr/bin")})`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from skerry.images.contents.tree import Entry, Tree


@dataclass(frozen=True)
class MadeFiles:
    """A root whose files are texts."""

    tree: Tree
    contents: Mapping[str, bytes]

    def read(self, path: str, *, most: int, offset: int = 0) -> bytes:
        return self.contents[path][offset : offset + most]


@dataclass(frozen=True)
class Made:
    """Something that is more than a text with usual rights."""

    entry: Entry
    content: bytes = b""


def link(target: str) -> Made:
    return Made(Entry("link", target=target))


def folder() -> Made:
    return Made(Entry("folder"))


def program(content: str | bytes) -> Made:
    data = content.encode() if isinstance(content, str) else content
    return Made(Entry("file", len(data), mode=0o755), data)


def hard_link(content: str, inode: int) -> Made:
    return Made(Entry("file", len(content), mode=0o644, inode=inode), content.encode())


def root(names: Mapping[str, str | bytes | Made]) -> MadeFiles:
    entries, contents = {}, {}
    for path, each in names.items():
        made = each if isinstance(each, Made) else program(each)
        entries[path] = made.entry if isinstance(each, Made) else replace(made.entry, mode=0o644)
        contents[path] = made.content
    return MadeFiles(Tree(entries), contents)


def tree(*paths: str, **links: str) -> Tree:
    """Files by their paths; a path that ends with a slash is a folder. Links as `lib="usr/lib"`."""
    entries = {path.rstrip("/"): Entry("folder" if path.endswith("/") else "file", 10) for path in paths}
    return Tree(
        entries | {name.replace("__", "/"): Entry("link", target=target) for name, target in links.items()}
    )
