"""What a real Postfix makes of refusals, and what becomes of the mails that it sends back."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from notifier.delivery import lmtp
from notifier.jobs.bounce import Read
from notifier.storage import database as database_module
from notifier.web.serving import bound

from .databases import another_writes, url_of
from .postfix import Postfix, running
from .sink import Sink, listening
from .test_jobs import MONDAY, RAG, Instance

pytestmark = pytest.mark.anyio
DOMAIN = "papers.example.org"

# By the reader's name: at which stage their server refuses, in which words, what that is and what
# is done. Postfix gives up at every 5yz, also at a 552 to RCPT (RFC 5321, 4.5.3.1.10, calls that
# one temporary); at a 4yz when its time is over.
REFUSALS = {
    "nobody": ("rcpt", "550 5.1.1 <nobody@example.org>: User unknown", "hard", "suppressed"),
    "plain": ("rcpt", "550 no such user here", "hard", "suppressed"),
    "disabled": ("rcpt", "550 5.2.1 the account is inactive", "hard", "suppressed"),
    "full": ("rcpt", "552 5.2.2 mailbox full", "soft", "counted"),
    "fuller": ("dot", "552 5.2.2 over quota", "soft", "counted"),
    "filled": ("rcpt", "552 exceeded storage allocation", "soft", "counted"),
    "later": ("rcpt", "452 4.2.2 mailbox full", "soft", "counted"),
    "spam": ("dot", "554 5.7.1 message rejected as spam", "policy", ""),
    "blocked": ("rcpt", "554 5.7.1 blocked using zen.spamhaus.org", "policy", ""),
    "words": ("dot", "550 high probability of spam", "policy", ""),
    "large": ("dot", "552 5.3.4 message too big", "policy", ""),
}
NAMES = tuple(REFUSALS)


class Refusing(Sink):
    """Refuses by the recipient's name; takes everybody else's mail."""

    def _said(self, stage: str, recipient: str) -> str | None:
        at, words, *_ = REFUSALS.get(recipient.partition("@")[0], ("", ""))
        return words if at == stage else None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = self._said("rcpt", address)
        if not refused:
            envelope.rcpt_tos.append(address)
        return refused or "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        refused = self._said("dot", envelope.rcpt_tos[0])
        return refused or await super().handle_DATA(server, session, envelope)


class Lab(Instance):
    """An instance that mails through a Postfix, and what came back."""

    def __init__(self, folder: Path, postfix: Postfix) -> None:
        super().__init__(folder, postfix.port, mail={"bounce_address": f"bounces@{DOMAIN}"})
        self.postfix = postfix
        self.read: list[Read] = []
        self.failures: list[str] = []
        self.held = False  # whether somebody else is writing when mails come back
        self._news, self._loop = asyncio.Event(), asyncio.get_running_loop()

    def take_back(self, mail: bytes, recipient: str) -> None:
        """Called by the LMTP server, in a thread."""
        try:
            with another_writes(url_of(self.app.database)) if self.held else nullcontext():
                self.read += self.app.take_mail(mail, envelope=recipient)
        except Exception as error:
            self.failures.append(type(error).__name__)
            raise
        finally:
            self._loop.call_soon_threadsafe(self._news.set)

    async def edition(self, day: int) -> None:
        """Hand a paper for everybody who may be mailed to Postfix."""
        self.now = MONDAY + timedelta(days=day, hours=3)
        super().take(RAG | {"id": f"2611.{day:05d}"})
        self.app.compose()
        assert not (await self.app.deliver()).down

    async def came(self, many: int = 0, *, failures: int = 0) -> None:
        """Wait until so many mails have come back, or could not be taken."""
        async with asyncio.timeout(60):
            while len(self.read) < many or len(self.failures) < failures:
                await self._news.wait()
                self._news.clear()

    def of(self, name: str) -> Read:
        """What came back of a reader's mail."""
        (found,) = (r for r in self.read if r.report.recipient == f"{name}@example.org")
        return found

    def is_suppressed(self, name: str) -> bool:
        found = self.app.subscriptions.get(f"{name}@example.org")
        return self.app.subscriptions.suppressed(found, self.now) is not None


@asynccontextmanager
async def corresponding(
    folder: Path, sink: Sink, *names: str, main: str = "", listen: str = "127.0.0.1:0"
) -> AsyncIterator[Lab]:
    """Yield an instance with these readers; what comes back goes from Postfix to our LMTP."""
    place = bound(listen)
    name = place.getsockname()
    to = f"unix:{name}" if isinstance(name, str) else f"inet:127.0.0.1:{name[1]}"
    routes = f"transport_maps = inline:{{ {DOMAIN}=lmtp:{to} }}\n"
    with running(sink.port, main=routes + main) as postfix:
        lab = Lab(folder, postfix)
        for reader in names:
            lab.reader(reader)
        async with lmtp.listening(place, lab.take_back, domain=lambda: DOMAIN):
            yield lab
        lab.app.close()


@pytest.fixture(scope="module")
async def after(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """An edition to all of them and to Ada, and all that came back."""
    folder = tmp_path_factory.mktemp("returns")
    lifetime = "maximal_queue_lifetime = 0\n"
    async with (
        listening(Refusing()) as sink,
        corresponding(folder, sink, "ada", *NAMES, main=lifetime) as lab,
    ):
        await lab.edition(0)
        await lab.came(len(NAMES))
        yield lab


@pytest.mark.parametrize("name", NAMES)
async def test_a_refusal_that_postfix_sends_back_does_what_the_table_says(
    after: Lab, name: str
) -> None:
    _, words, kind, done = REFUSALS[name]
    read = after.of(name)
    assert (read.report.kind, read.done) == (kind, done), read.report
    assert after.is_suppressed(name) == (done == "suppressed")
    assert read.report.reason == f"smtp; {words}"


async def test_only_dead_addresses_get_no_further_edition(after: Lab) -> None:
    before = len(after.read)
    await after.edition(1)
    alive = [name for name in NAMES if REFUSALS[name][3] != "suppressed"]
    await after.came(before + len(alive))
    again = [one.report.recipient.partition("@")[0] for one in after.read[before:]]
    assert sorted(again) == sorted(alive)


@pytest.fixture
def socket_path() -> Iterator[str]:
    """A path that Postfix's own user reaches."""
    folder = Path(tempfile.mkdtemp(prefix="lmtp-"))
    folder.chmod(0o755)
    yield f"unix:{folder}/lmtp.sock"
    shutil.rmtree(folder)


async def test_what_cannot_be_written_down_waits_with_postfix_and_is_taken_later(
    tmp_path: Path, socket_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.01)
    never = "queue_run_delay = 1000s\n"
    async with (
        listening(Refusing()) as sink,
        corresponding(tmp_path, sink, "nobody", main=never, listen=socket_path) as lab,
    ):
        lab.held = True
        await lab.edition(0)
        await lab.came(failures=1)
        lab.held = False
        assert (lab.failures, lab.read) == (["Busy"], [])
        async with asyncio.timeout(60):
            while not lab.read:  # Postfix puts it aside in its own time
                await asyncio.to_thread(lab.postfix.command, "postqueue", "-f")
        assert (lab.of("nobody").done, lab.is_suppressed("nobody")) == ("suppressed", True)
