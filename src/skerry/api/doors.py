"""What every request to the API passes on its way in and out.

A person is known before the body is looked at. The check here asks whether the permission is held in any pool;
the services ask for the pool of the thing at hand. What changes something is written to the audit trail, however
it ends, and a POST with an Idempotency-Key is worked on once.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from skerry.api.answers import accepted
from skerry.api.credentials import address_of, who
from skerry.api.errors import BadCsrfToken
from skerry.errors import BadInput, Denied, SkerryError
from skerry.manager.access import ALL, Access, AnyPermission, Caller
from skerry.manager.idempotency import Answer, promised
from skerry.manager.manager import Manager
from skerry.manager.people import Known
from skerry.manager.types import ObjectKind, ObjectRef, Task

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY = re.compile(r"[\x21-\x7e]{1,200}")

_log = logging.getLogger(__name__)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Coroutine[Any, Any, Response]])


class Need(StrEnum):
    """What a route may need instead of a permission."""

    NOTHING = "none"
    SIGN_IN = "signed-in"


_NEEDS: dict[str, Need | AnyPermission] = {str(need): need for need in (*Need, *ALL)}
NOBODY = Caller("-", Access())


@dataclass
class Call:
    """One request: who asks, and whom to ask."""

    manager: Manager
    caller: Caller
    known: Known | None = None
    secret: str | None = None  # of the session cookie
    about: ObjectRef | None = None  # for the audit trail

    def accepted(self, task: Task) -> Response:
        """202 with the task."""
        self.about = task.object
        return accepted(task)


async def _call(request: Request) -> Call:
    call: Call = request.state.call
    return call


Calling = Annotated[Call, Depends(_call)]
PLAIN = r"^[^\x00-\x1F\x7F]*$"  # no control characters
Ref = Annotated[
    str, Path(alias="id", min_length=1, max_length=128, pattern=PLAIN, description="The id or the name.")
]
Id = Annotated[UUID, Path(alias="id")]
Name = Annotated[str, Path(min_length=1, max_length=128, pattern=PLAIN)]
Limit = Annotated[int, Query(ge=1, le=500, description="How many a page holds.")]
Cursor = Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the page before.")]
Words = Annotated[str | None, Query(max_length=128, pattern=PLAIN)]


class Door(APIRoute):
    """A route with a door: who comes in is known, may come in, and what changes is written down."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the door in front of the route."""
        inner = super().get_route_handler()
        extra = self.openapi_extra or {}
        needs = _NEEDS[extra["x-permission"]]
        kind = ObjectKind(extra["x-about"]) if "x-about" in extra else None
        once = extra.get("x-idempotent", False)
        written = extra.get("x-audited", True)
        action = self.operation_id or self.name
        words = [field.alias for field in self.dependant.query_params]

        async def handle(request: Request) -> Response:
            call = await _admit(request, needs)
            request.state.call = call
            _check_query(request, words)
            if request.method in SAFE_METHODS:
                return await inner(request)
            key = request.headers.get("idempotency-key") if once else None
            try:
                answer = await (_once(request, call, key, inner) if key is not None else inner(request))
            except Exception as exc:
                await _record(request, call, action, kind, *_outcome(exc))
                raise
            if written:
                await _record(request, call, action, kind, answer.status_code, "")
            return answer

        return handle


def _check_query(request: Request, known: Sequence[str]) -> None:
    """Refuse words that the route does not know: `disk=keep` must not delete what `disks=keep` would spare.

    Raises:
        BadInput: the nearest known word is in the hint.
    """
    for word in request.query_params:
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it knows: {', '.join(known) or 'nothing'}"
            raise BadInput(f"{request.url.path} does not know the query parameter {word[:100]!r}", hint=hint)


async def _admit(request: Request, needs: Need | AnyPermission) -> Call:
    """Who asks, if they may.

    Raises:
        Unauthenticated: nobody is signed in.
        BadCsrfToken: a session changes something without its token.
        Denied: the permission is not held in any pool.
    """
    manager: Manager = request.app.state.manager
    if needs is Need.NOTHING:
        return Call(manager, Caller(NOBODY.user, NOBODY.access, address_of(request)))
    known, secret = await who(request)
    if known.session is not None and request.method not in SAFE_METHODS:
        shown = request.headers.get("x-csrf-token", "")
        if not secrets.compare_digest(shown.encode(), known.session.csrf_token.encode()):
            raise BadCsrfToken(
                "the CSRF token is missing or wrong",
                hint="send `csrf_token` of the session as the header X-CSRF-Token",
            )
    if not isinstance(needs, Need) and not known.caller.access.allows(needs, None):
        raise Denied(
            f"{known.caller.user} may not do this: the permission {needs} is missing",
            hint="an administrator can grant a role that has it",
        )
    return Call(manager, known.caller, known, secret)


async def _once(
    request: Request, call: Call, key: str, inner: Callable[[Request], Coroutine[Any, Any, Response]]
) -> Response:
    """Work on a request with an Idempotency-Key, or repeat the answer it got the first time."""
    if not _KEY.fullmatch(key):
        raise BadInput(
            "the Idempotency-Key is not valid", hint="send 1 to 200 visible ASCII characters, such as a UUID"
        )
    keeper = call.manager.idempotency
    earlier = await keeper.begin(call.caller, key, await _fingerprint(request))
    if earlier is not None:
        return Response(earlier.body, earlier.status, headers=earlier.headers, media_type="application/json")
    with promised(call.caller, key, lambda task: _as_kept(accepted(task))) as promise:
        try:
            answer = await inner(request)
        except BaseException:  # whatever it was: where no task was accepted, nothing was done, and the key is free
            await keeper.forget(call.caller, key)
            raise
    if promise.kept:
        keeper.kept(call.caller, key)
    else:
        await keeper.finish(call.caller, key, _as_kept(answer))
    return answer


def _as_kept(answer: Response) -> Answer:
    headers = {name: answer.headers[name] for name in ("location", "etag") if name in answer.headers}
    return Answer(answer.status_code, bytes(answer.body).decode(), headers)


async def _fingerprint(request: Request) -> str:
    words = (request.method.encode(), request.url.path.encode(), request.url.query.encode(), await request.body())
    digest = hashlib.sha256()
    for word in words:
        digest.update(len(word).to_bytes(8, "big") + word)
    return digest.hexdigest()


def _outcome(exc: Exception) -> tuple[int, str]:
    if isinstance(exc, SkerryError):
        return exc.http_status, exc.message
    if isinstance(exc, HTTPException):
        return exc.status_code, "the body cannot be read"
    if isinstance(exc, RequestValidationError):
        return BadInput.http_status, "the request is not valid"
    return SkerryError.http_status, "it failed unexpectedly"


async def _record(
    request: Request, call: Call, action: str, kind: ObjectKind | None, status: int, detail: str
) -> None:
    ref = request.path_params.get("id") or request.path_params.get("name")
    about = call.about or (ObjectRef(kind=kind, id=ref, name=ref) if kind and ref else None)
    try:
        await call.manager.audit.record(
            user=call.caller.user,
            address=call.caller.address,
            method=request.method,
            action=action,
            status=status,
            about=about,
            detail=detail[:500],
        )
    except SkerryError:
        _log.exception(
            "%s by %s (status %s) could not be written to the audit trail", action, call.caller.user, status
        )
