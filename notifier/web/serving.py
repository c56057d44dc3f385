"""A web server inside somebody else's event loop, who also handles the signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from notifier import errors

# Pages made at once, in threads: their work is Python's, and more threads only hinder each other.
# 200 clients wait 0.3 s with 3 to 6, and one in a hundred of them 1.4 s with anyio's 40.
PAGES_AT_ONCE = 6
_HEAD_BYTES = 262_144  # a read may hold so much at once; what answers takes none of it for long


class _Protocol(HttpToolsProtocol):
    """HTTP whose heads (and what else is no body) have an end: the parser keeps any number."""

    _unread_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read on, or close a connection that sends a head without end."""
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > _HEAD_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Count from here on."""
        self._unread_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """What is of a body is counted where it is read."""
        self._unread_bytes = 0
        super().on_body(body)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers; `begun` is set once it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(listen: str, setting: str = "site.listen") -> socket.socket:
    """Return a socket bound to `host:port` (port 0: any free one) or `unix:PATH`.

    Args:
        setting: What to change when it fails.
    Raises:
        Busy: the port is taken, or somebody listens at the path.
        UsageError: the address is none of this machine's, or the path cannot be made.
    """
    if listen.startswith("unix:"):
        return _bound_path(listen.removeprefix("unix:"), setting)
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms more for many an answer.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
        raise errors.Busy(f"{listen} is in use - set another in {setting}") from error
    return made


def _bound_path(path: str, setting: str) -> socket.socket:
    """Bind a path; who may enter its folder may connect. A socket that nobody holds is replaced."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_held(path):
            raise errors.Busy(f"{path} is in use - set another in {setting}")
        if Path(path).is_socket():
            Path(path).unlink()
        made.bind(path)
        Path(path).chmod(0o666)  # as open as a port of the loopback
    except OSError as error:
        made.close()
        raise errors.UsageError(
            f"{setting}: no socket can be made at {path}: {error.strerror or error}"
        ) from error
    except errors.Busy:
        made.close()
        raise
    return made


def _is_held(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


@asynccontextmanager
async def serving(site: ASGIApp, listen: str | socket.socket) -> AsyncIterator[None]:
    """Serve `site` for as long as the context is open; "" serves nothing."""
    if not listen:
        yield
        return
    place = bound(listen) if isinstance(listen, str) else listen
    # No access log: addresses of pages hold tokens. The site itself knows which proxies to believe.
    config = uvicorn.Config(site, log_config=None, access_log=False, lifespan="off",
                            proxy_headers=False, server_header=False,
                            # We have no WebSockets, and what would refuse them logs their address.
                            http=_Protocol, ws="none", interface="asgi3",
                            timeout_graceful_shutdown=3)  # fmt: skip
    server = _Server(config)
    current_default_thread_limiter().total_tokens = PAGES_AT_ONCE
    task = asyncio.ensure_future(server.serve(sockets=[place]))
    beginning = asyncio.ensure_future(server.begun.wait())
    await asyncio.wait({task, beginning}, return_when=asyncio.FIRST_COMPLETED)
    beginning.cancel()
    try:
        yield
    finally:
        server.should_exit = True
        await task
        place.close()
