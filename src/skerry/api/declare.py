"""How a route is declared: what it needs, what it answers and how it can fail, said once.

The check at the door, the audit trail and the OpenAPI document all follow from the declaration:

    vms = Routes("Machines", "/vms", about=ObjectKind.VM)

    @vms.get("/{ref}", needs=Permission.VM_VIEW, answers=Vm, errors=(NotFound,))
    async def get_vm(call: Calling, ref: Ref) -> Response: ...
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Response

from skerry.api.doors import SAFE_METHODS, Door, Need
from skerry.api.errors import BadCsrfToken
from skerry.api.problems import MEDIA_TYPE
from skerry.errors import BadInput, Conflict, Denied, SkerryError, TooLarge, TooManyTries, Unauthenticated
from skerry.manager.access import AnyPermission
from skerry.manager.problems import problem_of
from skerry.manager.types import ObjectKind, Task

Endpoint = TypeVar("Endpoint", bound=Callable[..., Coroutine[Any, Any, Response]])


class Routes:
    """The routes of one noun."""

    def __init__(self, tag: str, prefix: str = "", *, about: ObjectKind | None = None) -> None:
        self.router = APIRouter(prefix=prefix, tags=[tag], route_class=Door)
        self._about = about

    def get(
        self,
        path: str,
        *,
        needs: Need | AnyPermission,
        answers: Any = None,  # noqa: ANN401 - a model, or a generic one
        errors: Sequence[type[SkerryError]] = (),
        **more: Any,  # noqa: ANN401 - as FastAPI takes it
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a route that changes nothing."""
        return self._declare("GET", path, needs, 200, answers, errors, more)

    def post(
        self,
        path: str,
        *,
        needs: Need | AnyPermission,
        answers: Any = Task,  # noqa: ANN401
        status: int = 202,
        errors: Sequence[type[SkerryError]] = (),
        once: bool = True,  # False where the answer or the body is a secret, which must not be kept
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a route that makes something or begins a task; repeated with the same key, it does so once."""
        extra = {"openapi_extra": {"x-idempotent": True}} if once else {}
        more = (Conflict,) if once else ()  # the first request with the key is still being worked on
        return self._declare("POST", path, needs, status, answers, (*errors, *more), extra)

    def change(
        self,
        method: str,
        path: str,
        *,
        needs: Need | AnyPermission,
        answers: Any = Task,  # noqa: ANN401
        status: int = 202,
        errors: Sequence[type[SkerryError]] = (),
        body: dict[str, Any] | None = None,  # content of the body, where the function reads it itself
        written: bool = True,  # False: only failures go to the audit trail
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a route that changes something by PATCH, PUT or DELETE; without an answer it is 204."""
        extra: dict[str, Any] = {} if written else {"x-audited": False}
        if body:
            extra["requestBody"] = {"content": body, "required": True}
        status = status if answers is not None else 204
        return self._declare(method, path, needs, status, answers, errors, {"openapi_extra": extra})

    def _declare(  # noqa: PLR0917 - the three above are what is called
        self,
        method: str,
        path: str,
        needs: Need | AnyPermission,
        status: int,
        answers: Any,  # noqa: ANN401
        errors: Sequence[type[SkerryError]],
        more: dict[str, Any],  # as FastAPI takes it
    ) -> Callable[[Endpoint], Endpoint]:
        extra = {"x-permission": str(needs), **more.pop("openapi_extra", {})}
        if self._about:
            extra["x-about"] = str(self._about)
        responses = more.pop("responses", {}) | _documented(_all_errors(method, needs, errors))

        def declare(endpoint: Endpoint) -> Endpoint:
            self.router.add_api_route(
                path,
                endpoint,
                methods=[method],
                operation_id=endpoint.__name__,
                status_code=status,
                response_model=answers,
                responses=responses,
                openapi_extra=extra,
                **more,
            )
            return endpoint

        return declare


def _all_errors(
    method: str, needs: Need | AnyPermission, errors: Sequence[type[SkerryError]]
) -> list[type[SkerryError]]:
    """The errors of the route itself, and those that its door adds."""
    found = list(errors)
    if needs is not Need.NOTHING:
        found.append(Unauthenticated)
        if method not in SAFE_METHODS:
            found.append(BadCsrfToken)
        if not isinstance(needs, Need):
            found.append(Denied)
    if method != "GET":
        found.append(TooLarge)
    return list(dict.fromkeys([*found, BadInput]))


def _documented(errors: Sequence[type[SkerryError]]) -> dict[int | str, dict[str, Any]]:
    """The errors as the document shows them: one answer a status, one example a code."""
    found: dict[int | str, dict[str, Any]] = {}
    for cls in sorted(errors, key=lambda cls: (cls.http_status, cls.code)):
        words = (cls.__doc__ or "").partition("\n")[0]
        answer = found.setdefault(
            cls.http_status, {"description": words, "content": {MEDIA_TYPE: _problem_content()}}
        )
        example = problem_of(cls(words.rstrip(".")[0].lower() + words.rstrip(".")[1:]))
        answer["content"][MEDIA_TYPE]["examples"][cls.code] = {"value": example.model_dump(mode="json")}
        if cls is TooManyTries:
            answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return found


def _problem_content() -> dict[str, Any]:
    return {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
