"""Sends one message to a channel through Apprise, which runs in a process of its own.

What comes back is the service's answer, never an error: what follows from it is decided elsewhere.
A service that is silent for too long costs that process, and the next message gets a new one.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from typing import Any

from notifier.delivery.channels import Address, hidden
from notifier.delivery.networks import Reach
from notifier.errors import UsageError

INSTALL = "pip install 'paper-notifier[channels]'"
# To start Python and load the library takes a second; on a machine that is busy, some.
START_SECONDS = 60.0
# The library gives up by itself; a service that answers byte by byte is given up by us.
_LONGER = 5.0
_LINE_BYTES = 1_000_000
# Of our environment it gets nothing else: no proxy, no login, no setting.
_KEPT = ("PATH", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "LANG")


def is_installed() -> bool:
    """Return whether Apprise is here."""
    return find_spec("apprise") is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said: `status` of HTTP (0: no answer), in its words, and how long to wait.

    `ok`: it has the message. `refused`: why we did not ask. `wrong`: the address cannot be used.
    """

    ok: bool = False
    status: int = 0
    said: str = ""
    retry_after: timedelta | None = None
    refused: str = ""
    wrong: str = ""

    def __str__(self) -> str:
        code = str(self.status) if self.status else "no answer"
        return self.refused or self.wrong or f"{code} {self.said}".rstrip()


@dataclass(slots=True)
class Poster:
    """One process, started when there is something to send; close it at the end."""

    reach: Reach
    timeout_seconds: float
    _process: Process | None = field(default=None, repr=False)

    async def send(self, address: Address, title: str, body: str, *, now: datetime) -> Answer:
        """Send a message and return what the service said; `now` is for a time that it names."""
        return self._read(await self._ask(address, title, body), address, now)

    async def check(self, address: Address) -> None:
        """See whether an address can be used, without asking anybody.

        Raises:
            UsageError: it cannot.
        """
        said = await self._ask(address, "", "")
        if not said.get("ok"):
            wrong = said.get("wrong") or "Apprise cannot be asked"
            example = address.service.example
            raise UsageError(f"{address.shown}: {wrong} - write it like {example}")

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, address: Address, title: str, body: str) -> dict[str, Any]:
        question = {
            "url": address.url, "title": title, "body": body, "seconds": self.timeout_seconds,
            "listed": self.reach.listed, "hosts": address.service.hosts,
        }  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                process = self._process or await self._start()
            async with asyncio.timeout(self.timeout_seconds + _LONGER):
                return await _spoken(process, question)
        except TimeoutError:
            said = {"failure": f"none within {self.timeout_seconds:g} s"}
        except (OSError, ValueError):
            said = {"failure": "the sending process ended"}
        except BaseException:
            await self.close()
            raise
        await self.close()
        return said

    async def _start(self) -> Process:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "notifier.delivery.apprise_process",
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LINE_BYTES,
            start_new_session=True,  # a Ctrl-C that asks us to stop lets it finish its message
            env=environment | {"NETRC": os.devnull, "HOME": os.devnull},
        )  # fmt: skip
        await _spoken(self._process, None)
        return self._process

    def _read(self, said: dict[str, Any], address: Address, now: datetime) -> Answer:
        if wrong := said.get("wrong"):
            return Answer(wrong=wrong)
        if not said.get("asked", 1):
            return Answer(wrong="Apprise sends nothing to it")
        body, status = str(said.get("body", "")), int(said.get("status", 0))
        return Answer(
            ok=bool(said.get("ok")),
            status=status,
            said=hidden(body or str(said.get("failure", "")), address.url),
            retry_after=None
            if said.get("ok")
            else asked_for(said.get("retry_after", ""), body, now),
            refused=str(said.get("refused", "")),
        )


async def _spoken(process: Process, question: dict[str, Any] | None) -> dict[str, Any]:
    """Say a line, if there is one, and return the answer.

    Raises:
        OSError, ValueError: the process has ended.
    """
    if process.stdin is None or process.stdout is None:
        raise OSError
    if question is not None:
        process.stdin.write(json.dumps(question).encode() + b"\n")
        await process.stdin.drain()
    found: dict[str, Any] = json.loads(await process.stdout.readline())
    return found


def asked_for(header: str, body: str, now: datetime) -> timedelta | None:
    """Return the wait that an answer asks for: `Retry-After` (RFC 9110, 10.2.3), or, as Discord
    and Telegram say it, `retry_after` in its JSON; None where it names none."""
    if header.strip().isdecimal():
        return timedelta(seconds=min(int(header), 86_400))
    with suppress(ValueError, TypeError):
        return max(parsedate_to_datetime(header) - now, timedelta(0))
    with suppress(ValueError, TypeError, AttributeError):
        told = json.loads(body)
        seconds = told.get("retry_after") or told.get("parameters", {}).get("retry_after")
        return timedelta(seconds=min(max(float(seconds), 0.0), 86_400.0))
    return None
