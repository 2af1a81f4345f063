"""The whole web application: guard, API, page."""

from __future__ import annotations

import asyncio
import functools
import json

from fastapi import APIRouter, FastAPI, Request, Response

from skerry.api import openapi, problems
from skerry.api.answers import BASE
from skerry.api.guard import Guard
from skerry.api.page import WebPage
from skerry.api.routes.about import about
from skerry.api.routes.consoles import router as consoles
from skerry.api.routes.devices import devices
from skerry.api.routes.events import events
from skerry.api.routes.hosts import hosts, pools
from skerry.api.routes.images import images, uploads
from skerry.api.routes.people import tokens, users
from skerry.api.routes.sessions import sessions
from skerry.api.routes.tasks import history, tasks
from skerry.api.routes.vms import vms
from skerry.api.settings import ApiSettings, find_page
from skerry.errors import NotFound
from skerry.manager.manager import Manager

ROUTES = (about, sessions, users, tokens, vms, devices, images, uploads, hosts, pools, tasks, history, events)


def bare_app() -> FastAPI:
    """The API's routes, without anything behind them: enough for the document."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for routes in ROUTES:
        app.include_router(routes.router, prefix=BASE)
    return app


def create_app(manager: Manager, settings: ApiSettings) -> FastAPI:
    """The application over a manager. `app.state.stopping` ends its streams when it is set."""
    app = bare_app()
    app.state.manager = manager
    app.state.stopping = asyncio.Event()
    problems.install(app)
    app.add_middleware(Guard, settings=settings)
    app.include_router(consoles, prefix=BASE)
    app.include_router(_document_and_page(WebPage(find_page(settings))))
    return app


@functools.cache
def _document() -> str:
    return json.dumps(openapi.document(bare_app()))


def _document_and_page(page: WebPage) -> APIRouter:
    router = APIRouter()

    @router.get(BASE + "/openapi.json", include_in_schema=False)
    async def get_document() -> Response:
        return Response(_document(), media_type="application/json")

    @router.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def get_page(request: Request, path: str) -> Response:
        if path == "api" or path.startswith("api/"):
            raise NotFound(f"there is nothing at /{path}")
        return await page.answer(request, path)

    return router
