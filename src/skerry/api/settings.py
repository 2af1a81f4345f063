"""What the REST API has to be told: under which names it answers, and where the page lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skerry.settings import FLAG, PATH, SIZE, WORDS, setting
from skerry.sizes import MIB

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class ApiSettings:
    """Settings of the REST API and the page."""

    names: tuple[str, ...] = setting(
        WORDS,
        "further names under which browsers reach Skerry, such as that of a proxy; localhost, this machine's own "
        "name and plain addresses always work",
        default=(),
    )
    origins: tuple[str, ...] = setting(
        WORDS,
        "further origins (https://name:port) whose pages may use the API, such as a development server",
        default=(),
    )
    hsts: bool = setting(
        FLAG,
        "tell browsers to use nothing but TLS for this name; only with a certificate that they trust",
        default=False,
    )
    max_body: int = setting(
        SIZE, "the largest body of a request, uploads aside", default=2 * MIB, unit="bytes", minimum=1024
    )
    page_dir: Path | None = setting(
        PATH, "folder of the built web page; without it, the one that came along", default=None
    )


def find_page(settings: ApiSettings) -> Path | None:
    """The folder of the built page: as set, a package's, or a checkout's; None where none was built."""
    own = (_HERE / "page", _HERE.parents[2] / "web" / "dist")
    candidates = own if settings.page_dir is None else (settings.page_dir,)
    return next((folder for folder in candidates if (folder / "index.html").is_file()), None)
