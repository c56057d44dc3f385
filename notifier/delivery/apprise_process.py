"""The process in which Apprise runs: lines of JSON in, one line of JSON out for each.

A process of its own, for what must hold whatever a service's code in the library does, and must not
hold elsewhere: one request for a message; no connection to an address that may not be reached,
looked at when it is connected to; no redirect, proxy, login file or template; nothing logged, since
the library writes addresses down. And it can be killed when an answer takes too long.

It is asked by `delivery.poster`, whose `Question` and `Answer` the lines are.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from dataclasses import dataclass, field
from typing import Any, TextIO
from urllib.parse import urlsplit

import apprise
import requests
from apprise.common import PersistentStoreMode
from requests.adapters import HTTPAdapter

from notifier import __version__
from notifier.delivery.networks import Reach

ANSWER_BYTES = 65_536
CONNECT_SECONDS = 5.0
# What the library adds of its own: pictures from its site, its name below a message.
_OWN = ("include_image", "include_footer", "include_timestamp", "avatar", "footer", "footer_logo")


@dataclass(slots=True)
class Watch:
    """What may be asked for the message at hand, and what came of it."""

    reach: Reach
    hosts: tuple[str, ...] = ()
    asked: int = 0
    refused: str = ""
    status: int = 0
    retry_after: str = ""
    body: bytes = b""
    failure: str = ""
    connected: int = 0
    private: list[str] = field(default_factory=list)

    def connecting(self, address: str, port: int) -> None:
        """Stop a connection, before it is made, to where it must not lead."""
        if not self.reach.leads_to(address, port):
            self.private.append(address)
            raise OSError(f"{address} must not be connected to")
        self.connected += 1


class OneRequest(HTTPAdapter):
    """Sends the only request of a message, to a host that may be asked, and keeps the answer."""

    watch = Watch(Reach(()))

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        """Send it; what is refused looks to the library like a broken connection."""
        watch, parts = self.watch, urlsplit(request.url)
        host = parts.hostname or ""
        watch.asked += 1
        if watch.asked > 1:
            raise requests.ConnectionError("one message is one request")
        if host not in watch.hosts and not watch.reach.names(host, parts.port):
            watch.refused = f"{host} is not listed in channels.hosts"
            raise requests.ConnectionError(watch.refused)
        try:
            response = super().send(request, *args, **options | {"stream": True, "proxies": {}})
            body = response.raw.read(ANSWER_BYTES, decode_content=True)
        except Exception as error:
            watch.failure = type(error).__name__
            raise
        response.raw.close()
        response.raw = io.BytesIO(body)
        watch.status, watch.body = response.status_code, body
        watch.retry_after = response.headers.get("Retry-After", "")
        return response


def main() -> None:
    """Answer until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever the library prints
    logging.disable()
    sys.addaudithook(_before)
    # What every session takes, whichever the library opens; not meant to be set from outside.
    requests.sessions.HTTPAdapter = OneRequest  # type: ignore[attr-defined]
    _say(answers, {"ready": True})
    for line in sys.stdin:
        _say(answers, answer(json.loads(line)))


def _before(event: str, given: tuple[Any, ...]) -> None:
    """What Python calls before a socket connects, whoever asked for it."""
    if event == "socket.connect" and isinstance(given[1], tuple):
        OneRequest.watch.connecting(*given[1][:2])


def _say(answers: TextIO, said: dict[str, Any]) -> None:
    answers.write(json.dumps(said) + "\n")
    answers.flush()


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Send a message, or (without `body`) only look at the address; say what came of it."""
    plugin = opened(question["url"], question["seconds"])
    if plugin is None:
        return {"wrong": "Apprise cannot read it"}
    if len(plugin) != 1 or getattr(plugin, "targets", True) == []:
        return {"wrong": "it must name one place"}
    if not question["body"]:
        return {"ok": True}
    watch = OneRequest.watch = Watch(Reach(question["listed"]), tuple(question["hosts"]))
    ok = said(plugin, question["title"], question["body"])
    if watch.private and not watch.connected:
        watch.refused = (
            f"it leads to {watch.private[0]}, a private address that is not in channels.hosts"
        )
    return {
        "ok": ok,
        "status": watch.status,
        "retry_after": watch.retry_after,
        "body": watch.body.decode("utf-8", "replace"),
        "refused": watch.refused,
        "failure": watch.failure,
        "asked": watch.asked,
    }


def opened(url: str, seconds: float) -> Any:
    """Return the library's object for an address, made to do nothing but send; None: it is none."""
    asset = apprise.AppriseAsset(
        app_id=f"paper-notifier/{__version__}",
        async_mode=False,
        http_redirects=False,
        allow_templates=False,
        storage_mode=PersistentStoreMode.MEMORY,
    )
    plugin: Any = apprise.Apprise.instantiate(url, asset=asset)
    if plugin is None:
        return None
    for name in _OWN:
        if hasattr(plugin, name):
            setattr(plugin, name, False)
    plugin.socket_connect_timeout = min(CONNECT_SECONDS, seconds)
    plugin.socket_read_timeout = seconds
    plugin.throttle = _at_once
    return plugin


def said(plugin: Any, title: str, body: str) -> bool:
    """Send a message as plain text: the library escapes what its service would take for markup."""
    every = apprise.Apprise(asset=plugin.asset)
    every.add(plugin)
    return bool(every.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT))


def _at_once(*_: Any, **__: Any) -> None:
    """Instead of the library's waits: we wait ourselves, and longer."""


if __name__ == "__main__":
    main()
