"""Which options of `--mkfsoptions` a recipe may give to the program that makes a file system.

Those programs run on the builder's machine, and some of their options name files and devices that they create or
overwrite (a log on another device, a file for undoing). So what is not known here is refused, and no value has a
slash. What the builder sets itself (label, UUID, size, where in the disk) is not a recipe's to change either.

Facts: mke2fs(8), mkfs.xfs(8), mkfs.btrfs(8), mkfs.fat(8), mkfs.erofs(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from skerry.errors import BadInput

_VALUE = re.compile(r"[A-Za-z0-9_.,:=@+^-]{1,200}")


@dataclass(frozen=True)
class _Program:
    """A program's options; of those with suboptions, only these are known."""

    name: str
    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    suboptions: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def takes_value(self, option: str) -> bool:
        return option in self.valued or option in self.suboptions

    def __str__(self) -> str:
        return f"{self.name}: {' '.join(sorted({*self.flags, *self.valued, *self.suboptions}))}"


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


_EXT = _Program(
    "mke2fs",
    _words("-F -j -q -v"),
    _words("-C -e -G -g -I -i -m -N -O -T"),
    {
        "-E": _words(
            "assume_storage_prezeroed desc_size discard encoding encoding_flags lazy_itable_init",
            "lazy_journal_init mmp_update_interval no_copy_xattrs nodiscard num_backup_sb orphan_file_size",
            "packed_meta_blocks quotatype resize root_owner root_perms stride stripe-width stripe_width",
        ),
        "-J": _words("fast_commit_size location size"),
    },
)
_PROGRAMS: Mapping[str, _Program] = {
    "ext2": _EXT,
    "ext3": _EXT,
    "ext4": _EXT,
    "xfs": _Program(
        "mkfs.xfs",
        _words("-f -K -q"),
        suboptions={
            "-b": _words("size"),
            "-d": _words("agcount agsize cowextsize extszinherit noalign su sunit sw swidth"),
            "-i": _words("attr exchange maxpct nrext64 perblock projid32bit size sparse"),
            "-l": _words("internal lazy-count size su sunit version"),
            "-m": _words("bigtime crc finobt inobtcount metadir reflink rmapbt"),
            "-n": _words("ftype parent size version"),
            "-s": _words("size"),
        },
    ),
    "btrfs": _Program(
        "mkfs.btrfs",
        _words("-f --force -K --nodiscard -M --mixed -q --quiet -v --verbose"),
        _words(
            "-d --data -m --metadata -n --nodesize -s --sectorsize -O --features -R --runtime-features",
            "--csum --checksum --compress",
        ),
    ),
    "vfat": _Program("mkfs.vfat", _words("-a -v"), _words("-D -F -f -g -h -M -R -r -S -s")),
    "erofs": _Program(
        "mkfs.erofs",
        _words("--all-root --ignore-mtime --preserve-mtime --quiet"),
        _words("-C -E -x -z --chunksize --force-gid --force-uid --max-extent-bytes"),
    ),
}


def mkfs_words(kind: str, text: str) -> tuple[str, ...]:
    """The words of `--mkfsoptions` for a file system of this kind.

    Raises:
        BadInput: one of them is no option that a recipe may give.
    """
    program = _PROGRAMS.get(kind)
    if program is None:
        raise BadInput(f"--mkfsoptions: {kind} takes none")
    words = text.split()
    for option, value in _options(program, iter(words)):
        for name in _suboptions(value) if option in program.suboptions else ():
            if name not in program.suboptions[option]:
                known = " ".join(sorted(program.suboptions[option]))
                raise BadInput(
                    f"--mkfsoptions: {option} {name[:60]} cannot be had; {program.name} {option}: {known}"
                )
    return tuple(words)


def _options(program: _Program, words: Iterator[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        option, value = _parts(program, word)
        if value is None and program.takes_value(option):
            value = next(words, "")
            if value.startswith("-"):
                raise BadInput(f"--mkfsoptions: {option} needs a value")
        elif value is not None and not program.takes_value(option):
            option = word
        if not program.takes_value(option) and option not in program.flags:
            raise BadInput(f"--mkfsoptions: {word[:60]!r} cannot be had; a recipe may give to {program}")
        if program.takes_value(option) and not _VALUE.fullmatch(value or ""):
            raise BadInput(f"--mkfsoptions: {(value or '')[:60]!r} cannot be the value of {option}")
        yield option, value or ""


def _parts(program: _Program, word: str) -> tuple[str, str | None]:
    """`-m0` and `--csum=xxhash` hold their values; the value is None where the next word may be it."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return option, value if equals else None
    return (word[:2], word[2:]) if len(word) > 2 and program.takes_value(word[:2]) else (word, None)


def _suboptions(value: str) -> Iterable[str]:
    return (part.partition("=")[0] for part in value.split(","))
