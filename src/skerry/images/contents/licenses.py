"""Licences of packages: the tags that packages give themselves, and the same as SPDX expressions.

An RPM has one tag. A Debian package has a copyright file: machine-readable ones (DEP-5) name a licence for each
group of files; of others, what they refer to in /usr/share/common-licenses, or phrases that licences are known by,
is told. That is what the packages say, not what a lawyer would.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from skerry.images.contents.dpkg import stanzas
from skerry.images.contents.packages import Package
from skerry.images.contents.tree import Files

UNKNOWN = "see-copyright-file"
_MOST = 2 * 1024 * 1024
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z]+(?:-[0-9.]*[0-9])?)")
_PHRASES = (
    ("PYTHON SOFTWARE FOUNDATION LICENSE", "PSF-2"),
    ("Permission is hereby granted, free of charge, to any person", "Expat"),
    ("Redistribution and use in source and binary forms", "BSD"),
    ("public domain", "public-domain"),
)


def license_tags(files: Files, package: Package) -> tuple[str, ...]:
    """The licences that a package names, sorted, each once; empty where it says nothing."""
    if package.family == "rpm":
        return (package.license,) if package.license else ()
    path = files.tree.resolve(f"usr/share/doc/{package.name}/copyright")
    if path is None or files.tree[path].kind != "file":
        return ()
    return copyright_tags(files.read(path, most=_MOST).decode("utf-8", "replace"))


def copyright_tags(text: str) -> tuple[str, ...]:
    """The licences that a copyright file names."""
    if re.match(r"\s*(?:#[^\n]*\n\s*)*Format(?:-Specification)?:", text):
        found = {_plain(each["license"]) for each in stanzas(text) if each.get("license") and _is_grant(each)}
        found |= {_plain(each["license"]) for each in stanzas(text) if each.get("license")} if not found else set()
        return tuple(sorted(found - {""}))
    found = set(_COMMON.findall(text))
    found |= {name for phrase, name in _PHRASES if phrase.lower() in " ".join(text.split()).lower()}
    return tuple(sorted(found)) or (UNKNOWN,)


def _is_grant(stanza: Mapping[str, str]) -> bool:
    return "files" in stanza or "format" in stanza


def _plain(value: str) -> str:
    """The first line of a License field, in one form."""
    return " ".join(value.partition("\n")[0].split())


# ---- SPDX

_KNOWN = {  # names of Debian's and Fedora's lists, in small letters, and what SPDX calls them
    "expat": "MIT",
    "mit": "MIT",
    "mit/x11": "MIT",
    "x11": "X11",
    "isc": "ISC",
    "zlib": "Zlib",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "bsd-4-clause-uc": "BSD-4-Clause-UC",
    "0bsd": "0BSD",
    "apache": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "asl 2.0": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "artistic-2.0": "Artistic-2.0",
    "bsl-1.0": "BSL-1.0",
    "boost": "BSL-1.0",
    "cc0": "CC0-1.0",
    "cc0-1.0": "CC0-1.0",
    "curl": "curl",
    "ftl": "FTL",
    "mpl-1.1": "MPL-1.1",
    "mplv1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "mplv2.0": "MPL-2.0",
    "openldap": "OLDAP-2.8",
    "openldap-2.8": "OLDAP-2.8",
    "openssl": "OpenSSL",
    "psf": "PSF-2.0",
    "psf-2": "PSF-2.0",
    "python": "PSF-2.0",
    "python-2.0": "Python-2.0",
    "ofl-1.1": "OFL-1.1",
    "unicode": "Unicode-DFS-2016",
    "unlicense": "Unlicense",
    "wtfpl": "WTFPL",
    "wtfpl-2": "WTFPL",
}
_SPDX_NAMES = {  # that packages of both families use, by their small letters; https://spdx.org/licenses
    name.lower(): name
    for name in (
        *_KNOWN.values(),
        *("AFL-2.1", "Apache-1.1", "Beerware", "BSD-1-Clause", "BSD-2-Clause-NetBSD", "BSD-2-Clause-Patent"),
        *("BSD-2-Clause-Views", "BSD-3-Clause-LBNL", "BSD-3-Clause-Modification", "BSD-Source-Code"),
        *("BSD-4-Clause-Shortened", "bzip2-1.0.6", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"),
        *("CDDL-1.0", "CPL-1.0", "EPL-1.0", "EPL-2.0", "EUPL-1.2", "FSFAP", "FSFUL", "FSFULLR", "FSFULLRWD"),
        *("HPND", "HPND-sell-variant", "ICU", "IJG", "Info-ZIP", "Latex2e", "libtiff", "Libpng", "libpng-2.0"),
        *("libselinux-1.0", "LPPL-1.3c", "MIT-0", "MIT-CMU", "MIT-Modern-Variant", "MS-PL", "NCSA", "NTP"),
        *("OLDAP-2.7", "PostgreSQL", "Python-2.0.1", "QPL-1.0", "Ruby", "SGI-B-2.0", "SISSL", "Sleepycat"),
        *("SMLNJ", "Spencer-86", "Spencer-94", "SSH-OpenSSH", "SSH-short", "SunPro", "TCL", "TCP-wrappers"),
        *("Unicode-3.0", "Unicode-DFS-2015", "UPL-1.0", "Vim", "W3C", "ZPL-2.1", "zlib-acknowledgement"),
        *("blessing", "dtoa", "OFL-1.0", "Artistic-1.0"),
    )
}
_GNU = re.compile(r"(L|A|)GPL(?:-?v?(\d)(?:\.(\d))?)?(\+|-or-later|-only)?", re.IGNORECASE)
_GFDL = re.compile(r"GFDL(?:-NIV)?-(1\.\d)(\+|-or-later|-only)?", re.IGNORECASE)
_EXCEPTION = re.compile(r"[A-Za-z0-9.-]+-exception(?:-[0-9.]+)?|Linux-syscall-note")
_LOOSE = re.compile(r"\s*,\s*(and|or)\s+", re.IGNORECASE)
_WORDS = re.compile(r"\s+(and|or)\s+|\s*(\(|\))\s*|\s*,\s*|\s*;\s*|\s+(/)\s+", re.IGNORECASE)


def spdx_expression(tags: Iterable[str]) -> str:
    """All of these licences as one SPDX expression; NOASSERTION for none.

    What SPDX has no name for is a LicenseRef, which a document must define (`references`).
    """
    parts = [_expression(tag) for tag in tags]
    wrapped = [f"({part})" if len(parts) > 1 and " " in part else part for part in dict.fromkeys(parts)]
    return " AND ".join(wrapped) or "NOASSERTION"


def references(expression: str) -> list[str]:
    """The LicenseRefs in an expression."""
    return re.findall(r"LicenseRef-[A-Za-z0-9.-]+", expression)


def _expression(tag: str) -> str:
    """One tag with its own `and`, `or` and parentheses; one that cannot be taken apart is a name as a whole.

    In Debian's tags a comma before `and` or `or` binds less than anything else.
    """
    first, *more = _LOOSE.split(tag)
    if more:
        parts = [_expression(part) if not at % 2 else part.upper() for at, part in enumerate((first, *more))]
        return " ".join(f"({part})" if " " in part else part for part in parts)
    tokens: list[str] = []
    here = 0
    for match in _WORDS.finditer(tag):
        _add_name(tokens, tag[here : match.start()])
        word = next((group for group in match.groups() if group), "and")
        tokens.append({"/": "OR"}.get(word, word.upper()))
        here = match.end()
    _add_name(tokens, tag[here:])
    text = " ".join(tokens).replace("( ", "(").replace(" )", ")")
    return text if _is_sound(tokens) else _reference(tag)


def _add_name(tokens: list[str], name: str) -> None:
    if name.strip():
        tokens.append(spdx_name(name.strip()))


def _is_sound(tokens: list[str]) -> bool:
    """Whether names and operators take turns, and parentheses close."""
    depth, wants_name = 0, True
    for word in tokens:
        depth += (word == "(") - (word == ")")
        if depth < 0 or (word in {"AND", "OR", ")"}) == wants_name:
            return False
        wants_name = word in {"AND", "OR", "("}
    return depth == 0 and not wants_name


def spdx_name(name: str) -> str:
    """SPDX's name of one licence, with or without an exception."""
    base, *exception = re.split(r"\s+with\s+", name, maxsplit=1, flags=re.IGNORECASE)
    if exception:
        return f"{spdx_name(base)} WITH {exception[0]}" if _EXCEPTION.fullmatch(exception[0]) else _reference(name)
    if known := _KNOWN.get(name.lower()):
        return known
    if match := _GNU.fullmatch(name):
        family, major, minor, later = match.groups()
        end = "or-later" if later in {"+", "-or-later"} or not major else "only"
        first = major or ("2" if family else "1")
        return f"{family.upper()}GPL-{first}.{minor or '0'}-{end}"
    if match := _GFDL.fullmatch(name):
        return f"GFDL-{match[1]}-{'or-later' if match[2] in {'+', '-or-later'} else 'only'}"
    if re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", name):
        return name
    return _SPDX_NAMES.get(name.lower()) or _reference(name)


def _reference(name: str) -> str:
    return "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.]+", "-", name.replace("+", "-plus")).strip("-") or "unnamed")
