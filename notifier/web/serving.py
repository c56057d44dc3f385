"""A web server inside somebody else's event loop, who also handles the signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from notifier import errors


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(listen: str) -> socket.socket:
    """Return a socket bound to `host:port`; port 0 takes any free one.

    Raises:
        Busy: the port is taken.
        UsageError: the address is none of this machine's.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, int(port)))
    except PermissionError as error:
        made.close()
        raise errors.UsageError(f"{listen}: {error.strerror} - take a port above 1023") from error
    except OSError as error:
        made.close()
        if isinstance(error, socket.gaierror) or error.errno == 99:
            raise errors.UsageError(f"{listen} is no address of this machine") from error
        raise errors.Busy(f"{listen} is in use - set another in site.listen") from error
    return made


@asynccontextmanager
async def serving(site: Starlette, listen: str | socket.socket) -> AsyncIterator[None]:
    """Serve `site` for as long as the context is open; "" serves nothing."""
    if not listen:
        yield
        return
    place = bound(listen) if isinstance(listen, str) else listen
    # No access log: addresses of pages hold tokens.
    config = uvicorn.Config(site, log_config=None, access_log=False, lifespan="off",
                            timeout_graceful_shutdown=3)  # fmt: skip
    server = _Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[place]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        place.close()
