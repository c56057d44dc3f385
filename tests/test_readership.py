"""How readers are, for the operator: by week, by place, by profile, and nobody to be told by it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from notifier.jobs.readership import HIDDEN_BELOW, Cohort, Share, hidden, readership
from notifier.storage import schema, store_subscribers, store_votes
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_votes import StoredVote

from .api import a_key, bearer
from .commands import Notifier, notifier
from .databases import database_url
from .pages import MORNING, Place, place
from .test_votes import ada

__all__ = ["ada", "notifier", "place"]

MONDAY = datetime(2026, 11, 9, 8, 0, tzinfo=UTC)


def confirmed(place: Place, count: int, at: datetime, **columns: Any) -> list[str]:
    """Some who confirmed at a time; return their addresses."""
    names = [f"{at:%d%H}-{number}-{len(columns)}@example.org" for number in range(count)]
    row = {"state": "active", "zone": "UTC", "hour": 7, "minute": 0, "days": [0], "seen": 0,
           "cadence": "daily", "max_papers": 3, "created_at": at, "confirmed_at": at}  # fmt: skip
    with place.app.database.writing() as conn:
        rows = [row | columns | {"address": name, "consent": ""} for name in names]
        conn.execute(insert(t.subscriber), rows)
    return names


def stop(place: Place, addresses: list[str], reason: str, until: datetime | None = None) -> None:
    with place.app.database.writing() as conn:
        for one in addresses:
            store_subscribers.suppress(conn, one, reason, "", MONDAY, until=until)


def cohort(place: Place, number: int = 0) -> Cohort:
    with place.app.database.reading() as conn:
        return readership(conn, now=place.now).cohorts[number]


@pytest.mark.both
def test_a_week_tells_what_became_of_those_who_confirmed_in_it(place: Place) -> None:
    place.now = MORNING
    later = {"paused_until": place.now + timedelta(days=1)}
    earlier = {"paused_until": place.now - timedelta(days=1), "state": "active"}
    confirmed(place, 6, MONDAY)
    confirmed(place, 1, MONDAY, **earlier)
    confirmed(place, 5, MONDAY, **later)
    confirmed(place, 8, MONDAY + timedelta(days=6, hours=15), state="left", left_at=place.now)
    stop(place, confirmed(place, 9, MONDAY + timedelta(hours=1)), "dead address")
    stop(place, confirmed(place, 10, MONDAY + timedelta(hours=2)), "complaint")
    rests = confirmed(place, 1, MONDAY + timedelta(hours=3))
    stop(place, rests, "comes back again and again", until=place.now)
    before = confirmed(place, 5, MONDAY - timedelta(hours=9))
    assert cohort(place, 1) == Cohort(MONDAY.date(), 40, 8, 5, 8, 9, 10)
    week = MONDAY.date() - timedelta(weeks=1)
    assert cohort(place, 2) == Cohort(week, 5, 5, None, None, None, None)
    place.app.subscriptions.remove(before[0])
    assert cohort(place, 2) == Cohort(week, 5, None, None, None, None, None)


@pytest.mark.both
def test_who_was_deleted_is_counted_by_what_became_of_them(place: Place) -> None:
    place.now = MORNING
    gone = confirmed(place, 6, MONDAY)
    dead = confirmed(place, 7, MONDAY, state="active", consent="yes")
    stop(place, dead, "dead address")
    asked = confirmed(place, 2, MONDAY + timedelta(hours=1), state="pending", confirmed_at=None)
    for one in (*gone, *dead, *asked):
        place.app.subscriptions.remove(one)
    assert cohort(place, 1) == Cohort(MONDAY.date(), 13, None, None, 6, 7, None)
    with place.app.database.reading() as conn:
        assert {tuple(row) for row in conn.execute(t.departed.select())} == {
            ("2026-11-09", "left", 6), ("2026-11-09", "bounced", 7),
        }  # fmt: skip


@given(st.lists(st.integers(0, 30), min_size=2, max_size=8))
def test_no_count_below_five_can_be_told_from_the_sum_and_the_others(parts: list[int]) -> None:
    shown = hidden(parts)
    assert all(one is None or one >= HIDDEN_BELOW for one in shown)
    unknown = [part for part, one in zip(parts, shown, strict=True) if one is None]
    assert len(unknown) != 1 or unknown == [0]
    assert len(unknown) <= max(sum(part < HIDDEN_BELOW for part in parts), 2)


@pytest.mark.both
def test_votes_are_told_by_place_and_matches_by_profile(place: Place) -> None:
    for number in range(6):
        place.reader(f"reader{number}@example.org")
    place.app.subscriptions.add_profile(
        "reader0@example.org", "nothing", "no such words", now=place.now
    )
    place.send()
    with place.app.database.writing() as conn:
        held = conn.execute(t.digest_paper.select().where(t.digest_paper.c.place == 1)).all()
        for number, row in enumerate(held):
            kind: Any = "saved" if number else "down"
            vote = StoredVote(row.subscriber_id, row.paper_id, kind, place.now)
            store_votes.put(conn, vote)
    with place.app.database.reading() as conn:
        found = readership(conn, now=place.now)
    first, second, _ = found.places
    assert (found.digests, first.shown, first.saved, first.down) == (7, 7, 6, None)
    assert (second.shown, second.saved) == (7, None)
    assert found.profiles == 8
    assert found.matches[2] == Share(5, 9, 7)
    assert found.matches[0].profiles is None


@pytest.mark.anyio
async def test_the_operator_s_page_and_the_api_tell_it_and_nobody_else(place: Place) -> None:
    place.send()
    confirmed(place, 7, MONDAY)
    admin, reading = a_key(place), a_key(place, "read")
    async with place.client() as http:
        page = (await http.get("/admin", auth=("", admin))).text
        rows = re.findall(r'<th scope="row">([^<]*)</th><td>7</td><td>7</td><td><span', page)
        assert rows == ["Mon, 9 Nov 2026"]
        assert "Matches of a profile in the last week" in page
        answer = await http.get("/api/v1/stats/readers", headers=bearer(admin))
        assert answer.json()["cohorts"][1] == {
            "week": "2026-11-09", "confirmed": 7, "active": 7, "paused": None, "left": None,
            "bounced": None, "complained": None,
        }  # fmt: skip
        assert "@" not in answer.text
        refused = await http.get("/api/v1/stats/readers", headers=bearer(reading))
        assert refused.status_code == 403


def test_the_command_tells_it_as_tables_and_as_json(ada: Notifier) -> None:
    lines = [line.split() for line in ada("subscriber", "cohorts").out.splitlines()]
    assert lines[0] == ["week", "confirmed", "active", "paused", "left", "bounced", "complained"]
    assert lines[1][1:] == ["<5"] * 6
    told = ada("subscriber", "cohorts", "--format", "json").json
    assert len(told["cohorts"]) == 1
    before = ada("--now", "2020-11-20T12:00Z", "subscriber", "cohorts", "--format", "json").json
    assert before["cohorts"] == []
    assert told["matches"][-1]["most"] is None


@pytest.mark.both
def test_the_step_of_the_schema_begins_with_nobody_departed(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0025")
    assert "0026" in schema.upgrade(made, "0026")
    with made.reading() as conn:
        assert conn.execute(t.departed.select()).all() == []
    made.close()
