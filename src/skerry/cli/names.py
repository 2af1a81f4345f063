"""Names of things on the server: completed by the shell, and the nearest ones told when one is not known.

Words that an option knows by itself are completed, too; a test holds them to what the server takes.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from skerry.cli.client import Client, Refused, path
from skerry.cli.program import Run, typer
from skerry.errors import NotFound, SkerryError

COMPLETION_S = 1.0  # a shell must not hang on the Tab key
_MOST = 500

# Where each kind of thing is listed, and the command that shows the list.
_LISTS = {
    "vms": "skerry vm ls",
    "images": "skerry image ls",
    "hosts": "skerry host ls",
    "users": "skerry user ls",
    "pools": "skerry pool ls",
    "tokens": "skerry token ls",
    "tasks": "skerry task ls",
}
_THING = re.compile(r"/(\w+)/([^/]+)")
_SNAPSHOT = re.compile(r"(/vms/([^/]+)/snapshots)/([^/]+)")


def add_near_names(run: Run, error: SkerryError) -> None:
    """Where the server did not know a name, add those that look like it to the hint."""
    if not isinstance(error, Refused) or error.problem.get("code") != NotFound.code:
        return
    with contextlib.suppress(SkerryError):  # the first error is the one to tell
        error.hint = _near(run.client, error.where) or error.hint


def _near(client: Client, where: str) -> str | None:
    client.close()
    if match := _SNAPSHOT.match(where):
        with contextlib.suppress(Refused):
            known = [item["name"] for item in client.get(match[1])["items"]]
            return _meant(unquote(match[3]), known, f"skerry vm snapshot ls {unquote(match[2])}")
    match = _THING.match(where)
    if not match or match[1] not in _LISTS:
        return None
    kind, name = match[1], unquote(match[2])
    if kind == "tasks":
        return f"{_LISTS[kind]} lists them"
    known = [item["name"] for item in client.every(f"/{kind}", most=_MOST)]
    return None if name in known else _meant(name, known, _LISTS[kind])


@contextlib.contextmanager
def said(run: Run, kind: str, *words: str | None) -> Iterator[None]:
    """Names that stand in a request's body: where the server does not know one, its near ones are told."""
    try:
        yield
    except Refused as exc:
        if exc.problem.get("code") == NotFound.code:
            with contextlib.suppress(SkerryError):
                items = list(run.client.every(f"/{kind}", most=_MOST))
                known = {item["name"] for item in items} | {item["id"] for item in items}
                for word in words:
                    if word and word not in known:
                        exc.hint = _meant(word, [item["name"] for item in items], _LISTS[kind])
        raise


def _meant(name: str, known: list[str], command: str) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    question = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{question}{command} lists them"


# ---- completion


def words(*known: str) -> Callable[[str], Iterator[str]]:
    """The words that an option knows."""

    def complete(incomplete: str) -> Iterator[str]:
        return (word for word in known if word.startswith(incomplete))

    return complete


def _asked(
    where: str, incomplete: str, field: str, *, below: str = "items", query: dict[str, int] | None = None
) -> Iterator[str]:
    """What a field has in a list of the server's, each once; nothing where it does not answer soon."""
    with contextlib.suppress(SkerryError):
        client = Client(Run().server, connect_s=COMPLETION_S)
        answer = client.call("GET", where, query=query, timeout_s=COMPLETION_S)
        client.close()
        found = dict.fromkeys(item[field] for item in answer.json()[below])
        yield from (word for word in found if word and word.startswith(incomplete))


def _completion(where: str, field: str = "name", *, in_pages: bool = True) -> Callable[[str], Iterator[str]]:
    def complete(incomplete: str) -> Iterator[str]:
        return _asked(where, incomplete, field, query={"limit": _MOST} if in_pages else None)

    return complete


def _of_vm(field: str, *what: str, below: str = "items") -> Callable[[typer.Context, str], Iterator[str]]:
    """What the machine that is named before has."""

    def complete(ctx: typer.Context, incomplete: str) -> Iterator[str]:
        vm = ctx.params.get("name")
        return _asked(path("vms", vm, *what), incomplete, field, below=below) if vm else iter(())

    return complete


vms = _completion("/vms")
images = _completion("/images")
hosts = _completion("/hosts")
networks = _completion("/networks", in_pages=False)
tasks = _completion("/tasks", "id")
kinds_of_tasks = _completion("/tasks", "kind")
kinds_of_facts = _completion("/facts", "kind")
users = _completion("/users")
tokens = _completion("/tokens")
uploads = _completion("/uploads", "id")
volumes = _completion("/volumes")
storage_pools = _completion("/storage-pools", in_pages=False)
snapshots = _of_vm("name", "snapshots")
disks = _of_vm("target", below="disks")
nics = _of_vm("mac", below="nics")


def guest_oses(incomplete: str) -> Iterator[str]:
    """Definitions, each with its variants, as the hosts have them."""
    with contextlib.suppress(SkerryError):
        client = Client(Run().server, connect_s=COMPLETION_S)
        answer = client.call("GET", "/guest-oses", timeout_s=COMPLETION_S)
        client.close()
        usable = [item for item in answer.json()["items"] if item["usable"]]
        found = {f"{item['name']}+{each}".rstrip("+") for item in usable for each in item["variants"] or [""]}
        yield from sorted(name for name in found if name.startswith(incomplete))
