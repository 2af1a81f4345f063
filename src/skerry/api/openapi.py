"""The OpenAPI document: what FastAPI derives from the routes, finished so that it says the whole truth.

`python -m skerry.api.openapi` prints it without starting anything; the page's client is generated from that.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from skerry.api.answers import BASE
from skerry.api.credentials import COOKIE
from skerry.api.doors import Need
from skerry.api.examples import EXAMPLES

Json = dict[str, Any]

DESCRIPTION = """\
Everything that the page and the command line do goes through this API; there is no private door.

**Signing in.** A browser signs in with `POST /sessions`, gets a cookie, and sends the session's `csrf_token` as
the header `X-CSRF-Token` with every request that changes something. A program sends an API token as
`Authorization: Bearer …`. `x-permission` of each operation names what it needs.

**Errors** are `application/problem+json` with a stable `code`, the thing's name in `detail`, and often a
`hint`.

**Lists** come in pages: ask again with `cursor` = `next_cursor`.

**Long work** answers 202 with a task; `Location` is where to follow it. `GET /events` tells of everything as it
happens, so that nothing need be asked for twice.

**Repeating safely.** A POST with an `Idempotency-Key` is worked on once; the same request with the same key
gets the same answer for a day.

**Consoles.** `POST /vms/{ref}/consoles` gives a ticket; connect a WebSocket to its `path` (subprotocol
`binary`). Frames are binary both ways: raw bytes of the serial line with what it said last first, or RFB.
"""

_KEY_PARAMETER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "Any unique text, such as a UUID. The request is worked on once for each.",
}
_LOCATION: Json = {"Location": {"schema": {"type": "string"}, "description": "Where to follow the task."}}
_ETAG: Json = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match."}}
_WITH_ETAG = frozenset({"get_vm", "get_definition", "put_definition"})


def document(app: FastAPI) -> Json:
    """The whole document of this app."""
    found = get_openapi(
        title="Skerry",
        version="v1",
        summary="Virtual machines, images, hosts and tasks of a private cloud",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
    )
    found["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "token": {"type": "http", "scheme": "bearer"},
    }
    for operation in operations(found):
        _finish(operation)
    found["paths"][BASE + "/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"].pop(
        "type"
    )
    schemas = found["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _require_what_is_always_there(found, schemas)
    renamed: Json = json.loads(_with_plain_page_names(json.dumps(found), schemas))
    return renamed


def operations(found: Json) -> Iterator[Json]:
    """Every operation of a document."""
    for path in found["paths"].values():
        yield from path.values()


def _finish(operation: Json) -> None:
    needs = operation["x-permission"]
    operation["security"] = [] if needs == Need.NOTHING else [{"session": []}, {"token": []}]
    operation.pop("x-about", None)
    operation.pop("x-audited", None)
    if operation.pop("x-idempotent", False):
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    for status, answer in operation["responses"].items():
        if status == "202":
            answer["headers"] = _LOCATION
        if status == "200" and operation["operationId"] in _WITH_ETAG:
            answer["headers"] = _ETAG
        if status.startswith("2"):
            answer["description"] = answer["description"].replace("Successful Response", "Done.")
            _give_example(answer)
    if "requestBody" in operation:
        _give_example(operation["requestBody"])


def _require_what_is_always_there(found: Json, schemas: Json) -> None:
    """Answers carry every field, also those with a default; what people send may leave these out."""
    sent: set[str] = set()
    unseen = [_refs(operation.get("requestBody", {})) for operation in operations(found)]
    while unseen:
        new = unseen.pop() - sent
        sent |= new
        unseen.extend(_refs(schemas[name]) for name in new)
    for name, schema in schemas.items():
        if name not in sent and "properties" in schema:
            schema["required"] = list(schema["properties"])


def _refs(part: Json) -> set[str]:
    """The names of the schemas that a part of the document refers to."""
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part)))


def _give_example(holder: Json) -> None:
    media = holder.get("content", {}).get("application/json")
    if media is None:
        return
    schema = media["schema"]
    if "oneOf" in schema:
        schema = schema["oneOf"][0]
    name = schema["$ref"].rpartition("/")[2].removesuffix("-Input").removesuffix("-Output")
    if name.startswith("Page_"):
        item = EXAMPLES[name.removeprefix("Page_").removesuffix("_")]
        media["example"] = {"items": [item.model_dump(mode="json")], "next_cursor": None, "total": 1}
    else:
        media["example"] = EXAMPLES[name].model_dump(mode="json")


def _with_plain_page_names(text: str, schemas: Json) -> str:
    """`Page_Vm_` is FastAPI's name for `Page[Vm]`; clients read `VmPage`."""
    for name in schemas:
        if name.startswith("Page_"):
            text = text.replace(f'"{name}"', f'"{_page_name(name)}"').replace(f'/{name}"', f'/{_page_name(name)}"')
    return text


def _page_name(name: str) -> str:
    return name.removeprefix("Page_").removesuffix("_") + "Page"


def printed(app: FastAPI) -> str:
    """The document as text, the same bytes every time."""
    return json.dumps(document(app), indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def main() -> None:
    """Print the document."""
    from skerry.api.app import bare_app  # noqa: PLC0415 - the app needs this module

    sys.stdout.write(printed(bare_app()))


if __name__ == "__main__":
    main()
