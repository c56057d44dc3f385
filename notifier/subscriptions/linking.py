"""A link for who has none: mailed to the address that is typed, if digests go there.

Known and unknown addresses are treated alike: in what is answered, in what is taken from buckets,
and in time, since the letter is made and signed for both.
"""

from __future__ import annotations

from datetime import datetime

from notifier import errors
from notifier.storage import store_subscribers
from notifier.storage.database import Database
from notifier.subscriptions.gate import Gate
from notifier.subscriptions.letters import Letters
from notifier.subscriptions.links import CHANGE_LIFE, Links


class Linking:
    """The service behind the page that mails a link."""

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
            if not self._gate.lets_network(conn, host, now=now):
                raise errors.TooOften("too many mails were asked for from this network")
            if not self._gate.lets_address(conn, address, now=now):
                return
            found = store_subscribers.find(conn, address)
            reader = found if found and found.state == "active" else None
            url = self._links.change(reader.row if reader else 0, now)
            self._letters.write(
                conn, "change", address, url, code=reader.language if reader else language,
                life=CHANGE_LIFE, now=now, is_wanted=reader is not None,
            )  # fmt: skip
