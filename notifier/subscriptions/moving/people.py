"""Take somebody in with what they have, as `subscriber export` wrote it.

What is here already stays where the two differ, unless the file's is to replace it. Nobody becomes
mailed but on the operator's word, nobody who left here or must not be mailed, and what was
announced before is not mailed to who came: they had it where they come from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from notifier.profiles.profile import Subscriber
from notifier.storage import (
    store_feeds,
    store_news,
    store_papers,
    store_profiles,
    store_saved,
    store_sharing,
    store_subscribers,
    store_votes,
)
from notifier.storage.store_votes import StoredVote
from notifier.subscriptions.due import Planning
from notifier.subscriptions.moving.exported import Moved, MovedProfile
from notifier.subscriptions.moving.told import Told

IMPORTED = "import"  # the source of a suppression


@dataclass(frozen=True, slots=True)
class Wishes:
    """How people are taken in.

    `because`: how they agreed to be mailed, in the operator's words; "": nobody becomes mailed.
    `replace`: what the file says goes before what is here.
    """

    because: str = ""
    replace: bool = False


class People:
    """Takes in one after the other, in the caller's transaction."""

    def __init__(self, planning: Planning, max_papers: int, wishes: Wishes, told: Told) -> None:
        self._planning, self._max_papers = planning, max_papers
        self._wishes, self._told = wishes, told

    def take(self, conn: Connection, moved: Moved, *, where: str, now: datetime) -> None:
        """Take somebody in, and count what came of it; a second time changes nothing.

        Args:
            where: Of the file, for what is told.
        """
        told, before = self._told, store_subscribers.find(conn, moved.address)
        is_changed = before is None
        if before is None:
            self._add(conn, moved, now)
        found = before or store_subscribers.find(conn, moved.address)
        assert found is not None  # it was just added
        if before is not None:
            is_changed |= self._settings(conn, moved, before, where, now)
        is_changed |= self._standing(conn, moved, found, where, is_new=before is None, now=now)
        is_changed |= self._pause(conn, moved, found, now)
        is_changed |= self._profiles(conn, moved, found, where, now)
        is_changed |= self._votes(conn, moved, found)
        if moved.saved_secret and store_saved.secret(conn, found.row) is None:
            is_changed |= self._saved_feed(conn, moved.saved_secret, found)
        told.counts["channels"] += moved.channels
        told.counts["shared profiles"] += moved.shared
        told.counts["other rows"] += moved.others
        told.counts["added" if before is None else "completed" if is_changed else "unchanged"] += 1

    def _add(self, conn: Connection, moved: Moved, now: datetime) -> None:
        store_subscribers.add(
            conn, moved.address, moved.schedule, seen=store_news.arrival(conn), now=now,
            max_papers=self._max_papers,
        )  # fmt: skip
        made = store_subscribers.find(conn, moved.address)
        if made and moved.settings:
            store_subscribers.change(conn, made.row, **_columns(moved.settings))

    def _settings(
        self, conn: Connection, moved: Moved, here: Subscriber, where: str, now: datetime
    ) -> bool:
        """Settings of who was here already: theirs stay, unless they are to be replaced."""
        differing: dict[str, Any] = {
            name: value for name, value in moved.settings.items() if getattr(here, name) != value
        }
        is_moved = moved.schedule != here.schedule
        if not (differing or is_moved):
            return False
        if not self._wishes.replace:
            names = ", ".join([*(["schedule"] if is_moved else []), *differing])
            self._told.care(
                f"{where}: {moved.address} is here with other settings ({names}), which stay - "
                "--replace takes those of the file"
            )
            return False
        if is_moved:
            due = self._planning.moved(conn, here, moved.schedule, now)
            differing |= asdict(moved.schedule) | {"days": list(moved.schedule.days)}
            differing["next_due_at"] = due
        store_subscribers.change(conn, here.row, **_columns(differing))
        return True

    def _standing(
        self, conn: Connection, moved: Moved, here: Subscriber, where: str, *, is_new: bool,
        now: datetime,
    ) -> bool:  # fmt: skip
        """Whether they are mailed from now on; True where something was changed."""
        told, held = self._told, store_subscribers.suppression(conn, moved.address, now)
        is_changed = False
        if moved.suppressed and held is None and (is_new or here.state != "active"):
            held, is_changed = moved.suppressed, True
            store_subscribers.suppress(conn, moved.address, *moved.suppressed, now, source=IMPORTED)
        if moved.state == "left" and is_new:
            store_subscribers.leave(conn, here.row, now=now)
            return True
        if moved.state != "active" or here.state == "active":
            return is_changed
        if held:
            told.care(f"{where}: {moved.address} must not be mailed ({held[0]}), and is not")
        elif here.state == "left":
            told.care(
                f"{where}: {moved.address} has left here, and stays so - if they ask: notifier "
                f"subscriber confirm {moved.address} --because ..."
            )
        elif not self._wishes.because:
            told.counts["not confirmed"] += 1
        else:
            self._confirm(conn, moved, here, now)
            return True
        return is_changed

    def _confirm(self, conn: Connection, moved: Moved, here: Subscriber, now: datetime) -> None:
        day = f", {moved.confirmed_at:%Y-%m-%d}" if moved.confirmed_at else ""
        there = f" (there: {moved.consent}{day})" if moved.consent else ""
        store_subscribers.change(
            conn, here.row, state="active", confirmed_at=now,
            consent=f"{self._wishes.because}{there}",
            next_due_at=self._planning.planned(here.row, moved.schedule, now),
        )  # fmt: skip
        self._told.counts["confirmed"] += 1

    def _pause(self, conn: Connection, moved: Moved, here: Subscriber, now: datetime) -> bool:
        until = moved.paused_until
        if until is None or until <= now or until == here.paused_until:
            return False
        if here.paused_until and here.paused_until > now and not self._wishes.replace:
            return False
        store_subscribers.change(conn, here.row, paused_until=until)
        return True

    def _profiles(
        self, conn: Connection, moved: Moved, here: Subscriber, where: str, now: datetime
    ) -> bool:
        there = {one.name: one for one in store_profiles.of(conn, [here.row])}
        taken, is_changed = set[str](), False
        for one in moved.profiles:
            if one.name in taken:
                self._told.care(f'{where}: the profile "{one.name}" comes twice: the first counts')
                continue
            taken.add(one.name)
            known = there.get(one.name)
            if known and (known.rules, known.enabled) == (one.rules, one.enabled):
                continue
            if (
                known
                and known.rules != one.rules
                and store_sharing.is_reader(conn, here.row, one.name)
            ):
                self._told.care(
                    f'{where}: the profile "{one.name}" of {moved.address} follows a shared one '
                    "here, and goes on so"
                )
                continue
            if known and not self._wishes.replace:
                self._told.care(
                    f'{where}: {moved.address} has another profile "{one.name}", which stays - '
                    "--replace takes that of the file"
                )
                continue
            self._keep(conn, here.row, one, known.rules if known else None, now)
            is_changed = True
        return is_changed

    def _keep(
        self, conn: Connection, row: int, one: MovedProfile, rules: str | None, now: datetime
    ) -> None:
        """Keep a profile; `rules`: those that it has here, None where there is none."""
        is_new = rules is None
        if is_new:
            store_profiles.add(conn, row, one.name, one.rules, now=now)
        elif rules != one.rules:
            store_profiles.set_rules(conn, row, one.name, one.rules, now=now)
        store_profiles.set_enabled(conn, row, one.name, one.enabled)
        self._told.counts["profiles"] += 1
        if is_new and one.secret and store_feeds.followed(conn, one.secret) is None:
            (made,) = (p for p in store_profiles.of(conn, [row]) if p.name == one.name)
            store_feeds.put_secret(conn, made.row, one.secret)

    def _votes(self, conn: Connection, moved: Moved, here: Subscriber) -> bool:
        """Of a paper the last word counts, wherever it was said."""
        count = 0
        for one in moved.votes:
            found = (store_papers.named(conn, name) for name in one.names)
            paper = next((row for row in found if row is not None), None)
            if paper is None:
                self._told.counts["votes on papers unknown here"] += 1
            elif store_votes.is_newer(conn, here.row, paper, one.at):
                store_votes.put(conn, StoredVote(here.row, paper, one.kind, one.at))
                count += 1
        self._told.counts["votes"] += count
        return count > 0

    def _saved_feed(self, conn: Connection, secret: str, here: Subscriber) -> bool:
        """The address of the feed goes on, unless it is somebody's here."""
        if store_saved.reader(conn, secret) is not None:
            return False
        store_saved.put_secret(conn, here.row, secret)
        return True


def _columns(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as columns: kinds of news are one text."""
    return {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in settings.items()
    }
