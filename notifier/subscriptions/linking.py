"""A link for who has none: mailed to the address that is typed, if digests go there.

Known and unknown addresses are treated alike: in what is answered, in what is taken from buckets,
and in time, since the letter is made and signed for both.
"""

from __future__ import annotations

from datetime import datetime

from notifier.profiles.profile import Subscriber
from notifier.storage import store_subscribers
from notifier.storage.database import Database
from notifier.subscriptions.finding import subscriber_of
from notifier.subscriptions.gate import Gate
from notifier.subscriptions.letters import Letters
from notifier.subscriptions.links import CHANGE_LIFE, Links


class Linking:
    """The service behind the pages that mail a link."""

    def __init__(self, database: Database, gate: Gate, letters: Letters, links: Links) -> None:
        self._database, self._gate = database, gate
        self._letters, self._links = letters, links

    def ask(self, address: str, *, host: str, language: str, now: datetime) -> None:
        """Mail a fresh link for changes to an address, if it has an active subscription.

        Args:
            address: In normal form.
            host: IP address of the asker, "" where it is not known.
            language: Of who asks; a subscriber's mail is in their own.
        Raises:
            TooOften: too much was asked from this network.
        """
        with self._database.writing() as conn:
            self._gate.let_ask(conn, host, now=now)
            if not self._gate.lets_address(conn, address, now=now):
                return
            found = store_subscribers.find(conn, address)
            reader = found if found and found.state == "active" else None
            url = self._links.change(reader.row if reader else 0, now)
            self._letters.write(
                conn, "change", address, url, code=reader.language if reader else language,
                life=CHANGE_LIFE, now=now, is_wanted=reader is not None,
            )  # fmt: skip

    def renew(self, row: int, *, host: str, now: datetime) -> Subscriber:
        """Mail a fresh link to whom an old one belongs, if they are active; return who it is.

        Args:
            host: As in `ask`.
        Raises:
            TooOften: too much was asked from this network.
            NotFound: the subscriber was deleted.
        """
        with self._database.writing() as conn:
            self._gate.let_ask(conn, host, now=now)
            reader = subscriber_of(conn, row)
            if reader.state == "active" and self._gate.lets_address(conn, reader.address, now=now):
                self._letters.write(
                    conn, "change", reader.address, self._links.change(row, now),
                    code=reader.language, life=CHANGE_LIFE, now=now,
                )  # fmt: skip
            return reader
