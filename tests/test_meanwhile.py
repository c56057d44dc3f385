"""What somebody changes while digests are drafted stands, and is no failure of a digest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from notifier.jobs.composed import Composed
from notifier.jobs.drafting import Draft, Press
from notifier.profiles.profile import Schedule, Subscriber
from notifier.storage import promises, store_left_out
from notifier.storage import tables as t

from .test_jobs import MONDAY, RAG, Instance

pytestmark = pytest.mark.both

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SEVEN = MONDAY + 2 * HOUR
ADA = "ada@example.org"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    """Ada is due at seven, with a paper."""
    made = Instance(tmp_path)
    made.reader("ada", schedule=Schedule("UTC", 7, 0, tuple(range(7))))
    made.take(RAG)
    made.now = SEVEN
    yield made
    made.app.close()


def compose(lab: Instance, meanwhile: Callable[[], object]) -> Composed:
    """Compose; something happens when the digest is drafted and not fixed yet."""
    plain = Press.draft

    def draft(self: Press, one: Subscriber) -> Draft:
        made = plain(self, one)
        meanwhile()
        return made

    with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
        patch.setattr(Press, "draft", draft)
        done = lab.app.compose()
    assert [one for one in logs if one["log_level"] == "error"] == []
    assert done.failed == 0
    with lab.app.database.reading() as conn:
        assert promises.broken(conn) == []
        assert store_left_out.since(conn, SEVEN - DAY) == []
    return done


def test_who_goes_on_while_their_pause_is_looked_at_waits_for_no_end_of_it(lab: Instance) -> None:
    people = lab.app.subscriptions
    people.pause(ADA, until=SEVEN + 30 * DAY)
    compose(lab, lambda: people.resume(ADA, now=lab.now))
    due = people.get(ADA).next_due_at
    assert due
    assert due <= SEVEN + DAY


def test_who_pauses_while_their_digest_is_drafted_gets_none(lab: Instance) -> None:
    people = lab.app.subscriptions
    compose(lab, lambda: people.pause(ADA, until=SEVEN + 30 * DAY))
    assert lab.digests() == []
    assert lab.app.compose().paused == 1


@pytest.mark.parametrize("is_broken", [False, True], ids=["a digest", "one that fails"])
def test_who_leaves_while_their_digest_is_drafted_gets_none(
    lab: Instance, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    people = lab.app.subscriptions
    if is_broken:
        monkeypatch.setattr(Press, "draft", lambda self, one: ValueError("broken"))
    compose(lab, lambda: people.leave(1, now=lab.now))
    assert lab.digests() == []
    assert (people.get(ADA).state, people.get(ADA).next_due_at) == ("left", None)


def test_a_digest_whose_reader_was_given_papers_back_meanwhile_is_made_at_the_next_pass(
    lab: Instance,
) -> None:
    def give_back() -> None:
        with lab.app.database.writing() as conn:
            conn.execute(update(t.subscriber).values(seen=-1))

    assert compose(lab, give_back).made == 0
    assert lab.app.compose().made == 1
