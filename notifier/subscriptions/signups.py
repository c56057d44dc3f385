"""From a form to a confirmed subscription.

A wish is kept apart from subscribers until its address confirms it: so known and unknown addresses
are treated alike, in what is answered, in what is mailed and in time, and nobody changes what
another gets. Confirming twice is the same as once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from notifier import errors
from notifier.profiles.profile import Subscriber
from notifier.storage import store_sharing, store_signups, store_subscribers
from notifier.storage.database import Database
from notifier.storage.store_signups import Signup, Wish
from notifier.subscriptions.gate import Gate
from notifier.subscriptions.letters import Letters
from notifier.subscriptions.links import Links
from notifier.subscriptions.service import Subscriptions
from notifier.subscriptions.sharing import Sharing

# What became of an invitation: "before" is one who was invited already, "known" a subscriber.
Invited: TypeAlias = Literal["invited", "known", "left", "suppressed", "before"]
# For so long the link in the mail works.
CONFIRM_LIFE = timedelta(days=7)


class Signups:
    """The service behind the page for subscribing."""

    def __init__(
        self,
        database: Database,
        subscriptions: Subscriptions,
        gate: Gate,
        letters: Letters,
        links: Links,
    ) -> None:
        self._database, self._subscriptions = database, subscriptions
        self._gate, self._letters, self._links = gate, letters, links
        self._sharing = Sharing(database, links)

    def ask(self, wish: Wish, *, host: str, now: datetime) -> int:
        """Keep a wish, mail its address a link to confirm it, and return its row.

        Args:
            wish: Checked: rules that work, a schedule that can be kept.
            host: IP address of the asker, "" where it is not known.
        Raises:
            TooOften: too much was asked from this network.
        """
        with self._database.writing() as conn:
            self._gate.let_ask(conn, host, now=now)
            row = store_signups.add(conn, wish, now=now)
            self._write(conn, row, wish, now)
            return row

    def again(self, row: int, *, host: str, now: datetime) -> Signup:
        """Mail a fresh link for a wish; none for one that is confirmed.

        Raises:
            NotFound: it was withdrawn, or is forgotten.
            TooOften: too much was asked from this network.
        """
        signup = self.get(row)
        with self._database.writing() as conn:
            self._gate.let_ask(conn, host, now=now)
            if not signup.confirmed_at:
                self._write(conn, row, signup.wish, now)
        return signup

    def _write(self, conn: Connection, row: int, wish: Wish, now: datetime) -> None:
        """Mail the link that confirms a wish, unless its address was sent too many."""
        if self._gate.lets_address(conn, wish.address, now=now):
            self._letters.write(
                conn, "confirm", wish.address, self._links.confirm(row, now),
                code=wish.language, life=CONFIRM_LIFE, now=now,
            )  # fmt: skip

    def get(self, row: int) -> Signup:
        """Return a signup.

        Raises:
            NotFound: it was withdrawn, or is forgotten.
        """
        with self._database.reading() as conn:
            if signup := store_signups.get(conn, row):
                return signup
        raise errors.NotFound("this request was withdrawn")

    def confirm(self, row: int, *, now: datetime) -> Subscriber:
        """Let the address of a wish have what was asked for, beside what it has already.

        Whoever has digests keeps their days and time; the rules become a profile of their own.
        A wish that was confirmed before does nothing more, also after its address has left.

        Raises:
            NotFound: it was withdrawn, or is forgotten.
        """
        signup, service = self.get(row), self._subscriptions
        wish = signup.wish
        if signup.confirmed_at:
            return service.get(wish.address)
        before = service.request(
            wish.address, now=now, schedule=wish.schedule, language=wish.language
        )
        if before.state != "active":
            service.change(wish.address, now=now, schedule=wish.schedule, language=wish.language)
        self._follow(wish, now)
        what = f"an invitation by {wish.invited_by}" if wish.invited_by else "a request"
        because = f"by the link mailed after {what} of {signup.made_at:%Y-%m-%d %H:%M} UTC"
        confirmed = service.confirm(wish.address, now=now, because=because)
        with self._database.writing() as conn:
            store_signups.confirm(conn, row, now=now)
        return confirmed

    def _follow(self, wish: Wish, now: datetime) -> None:
        """Give an address what it asked for: a shared profile, as long as it is shared."""
        service = self._subscriptions
        if wish.share:
            try:
                self._sharing.join(service.get(wish.address), wish.share, now=now)
                return
            except errors.NotFound:
                pass  # it is shared no more: its rules are what was confirmed
        service.follow(wish.address, wish.rules, now=now)

    def invite(self, wish: Wish, *, now: datetime) -> Invited:
        """Mail an address an invitation, once ever; nobody who knows us already, or must not be.

        Args:
            wish: With `invited_by`.
        """
        with self._database.writing() as conn:
            found = self._foreseen(conn, wish.address)
            if found != "invited":
                return found
            store_sharing.invite(conn, self._invited(wish.address), now=now)
            row = store_signups.add(conn, wish, now=now)
            self._letters.write(
                conn, "invite", wish.address, self._links.confirm(row, now),
                code=wish.language, life=CONFIRM_LIFE, now=now, by=wish.invited_by or "",
            )  # fmt: skip
            return "invited"

    def foreseen(self, wish: Wish) -> Invited:
        """Return what would become of an invitation; nothing is changed."""
        with self._database.reading() as conn:
            return self._foreseen(conn, wish.address)

    def _foreseen(self, conn: Connection, address: str) -> Invited:
        known = store_subscribers.find(conn, address)
        if store_subscribers.suppression(conn, address):
            return "suppressed"
        if known is not None:
            return "left" if known.state == "left" else "known"
        return "before" if store_sharing.is_invited(conn, self._invited(address)) else "invited"

    def _invited(self, address: str) -> str:
        return self._gate.unnamed(f"invited:{address}")

    def withdraw(self, row: int) -> None:
        """Forget a wish that is not confirmed."""
        with self._database.writing() as conn:
            store_signups.withdraw(conn, row)

    def has_digests(self, address: str) -> bool:
        """Whether an address gets digests already: for the page of who reads its mail."""
        with self._database.reading() as conn:
            found = store_subscribers.find(conn, address)
        return found is not None and found.state == "active"
