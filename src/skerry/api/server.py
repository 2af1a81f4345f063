"""The web server, run inside the program's own event loop.

uvicorn with its habits turned off that do not fit: it takes no signals, writes no log of its own (its lines
carry query strings and console tickets), and is stopped in an order that lets streams end before connections are
cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from skerry.sizes import MIB

_GRACE_S = 5  # for requests that are being answered when we stop
_KEEP_ALIVE_S = 75  # TLS handshakes cost more than idle connections
_LARGEST_FRAME = 1 * MIB  # of a console; pastes are far smaller


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The program takes its signals itself."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; connections on which nothing is asked are cut, as their TLS farewell may take for ever."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol) and _is_idle(connection):
                connection.transport.abort()
        await super().shutdown(sockets)


def _is_idle(connection: HttpToolsProtocol) -> bool:
    return connection.cycle is None or connection.cycle.response_complete


@contextlib.asynccontextmanager
async def serving(
    app: FastAPI, sockets: Sequence[socket.socket], context: ssl.SSLContext, *, trusted_proxies: Sequence[str] = ()
) -> AsyncIterator[asyncio.Task[None]]:
    """Answer on these sockets, which are closed in the end, until the context is left.

    The task ends early only if the server fails.
    """
    config = uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        ws_max_size=_LARGEST_FRAME,
        ws_per_message_deflate=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_context_factory=lambda _config, _default: context,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(list(sockets)), name="web server")
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield running
    finally:
        ready.cancel()
        app.state.stopping.set()
        server.should_exit = True
        await asyncio.wait({running})
