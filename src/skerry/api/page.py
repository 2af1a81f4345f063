"""The web page: static files of the build, with index.html for every path that the page routes itself.

Files below `assets/` carry a hash of their content in their name, so browsers may keep them for ever; everything
else is asked for again with its ETag. Files are packed with gzip on first use and kept: the whole page is a few
megabytes.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response

from skerry.errors import NotFound

# Said here, because what the machine's own mime.types says differs, and browsers are told not to guess.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_PACKED = frozenset({".css", ".html", ".js", ".json", ".map", ".svg", ".ttf", ".txt", ".wasm", ".webmanifest"})
_LEAST_WORTH_PACKING = 1024  # bytes

NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Skerry</title>
<h1>The web page was not built</h1>
<p>Skerry runs, and its REST API answers at <code>/api/v1</code>. The page is missing from this checkout.</p>
<p>Build it with <code>make web</code>, then start Skerry again.</p>
</html>
"""


@dataclass(frozen=True)
class _File:
    content: bytes
    packed: bytes | None
    media_type: str
    etag: str


class WebPage:
    """Answers with files from one folder; None: the page was not built."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder else None
        self._files: dict[
            Path, tuple[int, _File]
        ] = {}  # with the time of the last change, for `npm run build` beside us

    async def answer(self, request: Request, path: str) -> Response:
        """The file at this path, or index.html where the page's own router owns the path.

        Raises:
            NotFound: something that looks like a file is not there.
        """
        if self._folder is None:
            return Response(NOT_BUILT, 503, media_type="text/html")
        wanted = self._find(self._folder, path)
        hashed = wanted.parent.name == "assets"
        try:
            file = await self._load(wanted)
        except FileNotFoundError as exc:
            raise NotFound(f"there is no file {path}") from exc
        headers = {
            "ETag": file.etag,
            "Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(file.packed, headers=headers, media_type=file.media_type)
        return Response(file.content, headers=headers, media_type=file.media_type)

    @staticmethod
    def _find(folder: Path, path: str) -> Path:
        wanted = (folder / path).resolve() if "\0" not in path else folder
        if not wanted.is_relative_to(folder):
            raise NotFound(f"there is no file {path}")
        if wanted.is_file():
            return wanted
        if path.startswith("assets/"):
            raise NotFound(f"there is no file {path}", hint="the page was updated; load it again")
        return folder / "index.html"

    async def _load(self, path: Path) -> _File:
        changed = path.stat().st_mtime_ns
        known = self._files.get(path)
        if known is None or known[0] != changed:
            known = changed, await asyncio.to_thread(_read, path)
            self._files[path] = known
        return known[1]


def _read(path: Path) -> _File:
    content = path.read_bytes()
    media_type = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    worth = path.suffix in _PACKED and len(content) >= _LEAST_WORTH_PACKING
    packed = gzip.compress(content, 9, mtime=0) if worth else None
    return _File(content, packed, media_type, f'W/"{hashlib.sha256(content).hexdigest()[:20]}"')
