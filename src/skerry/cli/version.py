"""`skerry version`: of the program, and of the server where one is known."""

from __future__ import annotations

from importlib.metadata import version as installed_version

from skerry.cli import output
from skerry.cli.certificates import CannotReach
from skerry.cli.credentials import NotSignedIn
from skerry.cli.program import Run, single


def version(run: Run) -> None:
    """Say which version this is, and which the server is."""
    own = installed_version("skerry")
    if not run.json:
        output.put_line(f"skerry {own}")
    url = server = None
    try:
        url = run.server.url
        server = run.client.get("/about")["version"]
    except NotSignedIn:
        pass
    except CannotReach as exc:
        output.say(exc.message)
    if run.json:
        output.put_json({"client": own, "server": server, "url": url})
    elif server:
        output.put_line(f"server {server} at {url}")


app = single(version)
