"""Time in the life of an instance: downtimes, clocks that jump, zones and hours that change."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from sqlalchemy import update
from structlog.testing import capture_logs

from notifier.app import App
from notifier.cli.status import collect
from notifier.digests import cadence
from notifier.overview import overview
from notifier.profiles.profile import Schedule
from notifier.storage import store_subscribers
from notifier.storage import tables as t

from .builders import atom, daily_papers
from .databases import another_writes, url_of
from .pages import ADA, Place
from .sink import Sink, listening
from .test_jobs import MONDAY, RAG, Instance
from .test_own_pages import manage

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
EVERY_DAY = tuple(range(7))
SEVEN = MONDAY + 2 * HOUR  # of Monday, 2026-11-16, in UTC
LATE_ROW = 70_007


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.app.close()


def paper(number: int) -> dict[str, str]:
    return RAG | {"id": f"2611.{number:05d}", "title": f"RAG {number}"}


def subscriber(lab: Instance, row: int = 1) -> store_subscribers.Subscriber:
    return lab.app.subscriptions.by_row(row)


def one_of_very_many(app: App, schedule: Schedule, now: datetime, row: int = LATE_ROW) -> timedelta:
    """Have Ada join as the subscriber of a row; return how long after her time she is due."""
    app.subscriptions.request(ADA, now=now, schedule=schedule)
    with app.database.writing() as conn:
        conn.execute(update(t.subscriber).where(t.subscriber.c.address == ADA).values(id=row))
    app.subscriptions.confirm(ADA, now=now, because="asked")
    app.subscriptions.add_profile(ADA, "p", "RAG", now=now)
    late = cadence.behind(schedule, row, 60)
    assert late > 10 * MINUTE or row == 1
    return late


def periods(lab: Instance) -> list[str]:
    return [one.period for one in lab.digests()]


def text_of(content: bytes) -> str:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    part = mail.get_body(("plain",))
    assert part
    return " ".join(part.get_content().split())


# Downtimes.


@pytest.mark.anyio
async def test_after_three_days_of_downtime_one_mail_has_the_papers_of_all_three(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    shown = [paper(0)]
    httpserver.expect_request("/feed").respond_with_handler(lambda _: _answer(atom(shown)))
    source = {"name": "j", "kind": "feed", "urls": [httpserver.url_for("/feed")]}
    async with listening() as sink:
        lab = Instance(tmp_path, sink.port, source=[source], http={"pause_seconds": 0})
        lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
        lab.now = SEVEN
        await lab.app.tick()
        shown += [paper(1), paper(2), paper(3)]  # of Tuesday, Wednesday, Thursday
        lab.now = SEVEN + 3 * DAY + 5 * HOUR
        for _ in range(2):
            await lab.app.tick()
        assert periods(lab) == ["2026-11-16", "2026-11-19"]
        _, caught_up = [text_of(one.content) for one in sink.received]
        assert all(f"RAG {number}" in caught_up for number in (1, 2, 3))
        lab.now = SEVEN + 4 * DAY
        await lab.app.tick()
        assert periods(lab)[2:] == ["2026-11-20"]
        assert len(sink.received) == 2, "nothing new is no mail"
        lab.app.close()


def _answer(body: bytes):  # type: ignore[no-untyped-def]  # werkzeug's
    from werkzeug import Response

    return Response(body)


# Clocks that jump.


@pytest.mark.anyio
async def test_a_clock_that_is_a_day_ahead_for_a_while_doubles_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with listening() as sink:
        lab = Instance(tmp_path, sink.port)
        lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
        lab.take(paper(1))
        lab.now = SEVEN
        await lab.app.tick()
        lab.take(paper(2))
        lab.now = SEVEN + DAY + 5 * HOUR
        await asyncio.to_thread(lab.app.compose)  # made by the clock that is ahead, and not sent
        lab.now = SEVEN + 5 * HOUR
        with capture_logs() as logs:
            for _ in range(3):
                await lab.app.tick()
        assert [one["event"] for one in logs].count("the clock was set back") == 1
        assert len(sink.received) == 2, "what was made ahead is not held back until then"
        lab.take(paper(3))
        for hours in range(6, 60, 6):
            lab.now = SEVEN + hours * HOUR
            await lab.app.tick()
        assert periods(lab) == ["2026-11-16", "2026-11-17", "2026-11-18"]
        sent = [text_of(one.content) for one in sink.received]
        assert [sum(f"RAG {n}" in text for text in sent) for n in (1, 2, 3)] == [1, 1, 1]
        lab.app.close()


def test_a_clock_that_was_months_ahead_puts_nobody_off_for_months(lab: Instance) -> None:
    lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    lab.reader("bo", "RAG", Schedule("UTC", 7, 0, (2,), "weekly"))
    paused = lab.reader("cy")
    lab.app.subscriptions.pause(paused, until=SEVEN + 40 * DAY)
    lab.take(paper(1))
    for lab.now in (SEVEN, SEVEN + 90 * DAY):
        lab.app.compose()
    ahead = set(periods(lab))
    lab.now = SEVEN + HOUR
    lab.app.compose()
    due = [subscriber(lab, row).next_due_at for row in (1, 2, 3)]
    wednesday = SEVEN + 2 * DAY
    assert due[:2] == [SEVEN + DAY, wednesday]
    lab.take(paper(2))
    for lab.now in (SEVEN + DAY, wednesday):
        lab.app.compose()
    assert sorted(set(periods(lab)) - ahead) == ["2026-11-17", "2026-11-18", "2026-W47"]
    after_the_pause = subscriber(lab, 3).next_due_at
    assert after_the_pause
    assert after_the_pause >= SEVEN + 40 * DAY


@pytest.mark.both
@pytest.mark.parametrize("leaps", [(3650, 3650), (30, 20)])
def test_every_leap_of_a_clock_is_noticed_not_the_first_alone(
    lab: Instance, leaps: tuple[int, ...]
) -> None:
    lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    for day, ahead in enumerate(leaps):
        lab.take(paper(day))
        lab.now = SEVEN + day * DAY
        lab.app.compose()
        lab.now += ahead * DAY - day * DAY  # the first leap's period is taken at the second
        lab.app.compose()
        lab.now = SEVEN + day * DAY + HOUR
        with capture_logs() as logs:
            for _ in range(2):
                lab.app.compose()
        assert [one["event"] for one in logs].count("the clock was set back") == 1
        assert subscriber(lab).next_due_at == SEVEN + (day + 1) * DAY


@pytest.mark.both
def test_papers_that_were_too_old_for_a_clock_far_ahead_come_when_it_is_set_back(
    lab: Instance,
) -> None:
    lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    for day in range(2):
        lab.take(paper(2 * day))
        lab.now = SEVEN + day * DAY
        lab.app.compose()
        lab.sent()
        lab.take(paper(2 * day + 1))
        lab.now += (90 + day) * DAY
        assert lab.app.compose().nothing == 1
        lab.now = SEVEN + day * DAY + HOUR
        lab.app.compose()
    lab.now = SEVEN + 2 * DAY
    lab.app.compose()
    made = [sorted(lab.papers(one.key)) for one in lab.digests() if one.papers]
    ids = [f"arxiv:2611.{number:05d}" for number in range(4)]
    assert made == [ids[:1], ids[1:3], ids[3:]]


def test_a_pass_with_nothing_due_writes_nothing_after_a_leap_either(lab: Instance) -> None:
    lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    for lab.now in (SEVEN + 90 * DAY, SEVEN, SEVEN + MINUTE):
        lab.app.compose()
    with another_writes(url_of(lab.app.database)):
        lab.app.compose()


def test_clocks_of_two_machines_a_minute_apart_are_no_news(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(paper(1))
    lab.now = SEVEN + MINUTE
    lab.app.compose()
    lab.now = SEVEN
    with capture_logs() as logs:
        lab.app.compose()
    assert "the clock was set back" not in [one["event"] for one in logs]


# Zones, hours and days that are changed.


@pytest.mark.parametrize(
    ("change", "at", "then"),
    [
        # (the schedule from then on, hours after 07:00 UTC of Monday, what is made next)
        ({"hour": 9}, -1, "11-16T09:00"),  # later on the same day
        ({"hour": 5}, -1, "11-16T06:00"),  # its time has passed: at once
        ({"hour": 5}, 1, "11-17T05:00"),  # Monday's is made
        ({"hour": 20}, 1, "11-17T20:00"),
        ({"zone": "America/Los_Angeles"}, 1, "11-17T15:00"),  # it is Sunday there, then Monday
        ({"zone": "Asia/Tokyo"}, 1, "11-16T22:00"),  # Tuesday there
        ({"zone": "Asia/Tokyo"}, 17, "11-17T00:00"),  # Tuesday, past seven there
        ({"zone": "Pacific/Kiritimati"}, -6, "11-16T01:00"),  # Monday, past seven there
        ({"zone": "America/Los_Angeles"}, -6, "11-16T15:00"),
        ({"days": (1, 3)}, -1, "11-17T07:00"),
        ({"days": (0, 2)}, 1, "11-18T07:00"),
        ({"days": (0,), "cadence": "weekly"}, 1, "11-23T07:00"),
    ],
)
def test_a_schedule_changed_in_mid_day_doubles_no_date_and_loses_none(
    lab: Instance, change: dict[str, object], at: int, then: str
) -> None:
    lab.now = SEVEN - DAY - HOUR
    ada = lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    for lab.now in (SEVEN - DAY, SEVEN + min(at, 0) * HOUR, SEVEN + at * HOUR):
        lab.app.compose()
    before = len(periods(lab))
    schedule = replace(subscriber(lab).schedule, **change)  # type: ignore[arg-type]
    lab.app.subscriptions.change(ada, now=lab.now, schedule=schedule)
    lab.app.compose()
    while len(periods(lab)) == before:
        lab.now = subscriber(lab).next_due_at or lab.now
        lab.app.compose()
    assert lab.now.strftime("%m-%dT%H:%M") == then
    assert len(set(periods(lab))) == len(periods(lab))


@pytest.mark.parametrize("minutes", [0, 5])
def test_who_changes_something_between_their_hour_and_their_own_minute_keeps_that_days_digest(
    lab: Instance, minutes: int
) -> None:
    late = one_of_very_many(lab.app, Schedule("UTC", 7, 0, EVERY_DAY), lab.now)
    lab.now = SEVEN + minutes * MINUTE
    assert lab.app.compose().nothing == 0
    schedule = Schedule("UTC", 6, 30, EVERY_DAY)
    lab.app.subscriptions.change(ADA, now=lab.now, schedule=schedule)
    assert lab.app.compose().nothing == 0
    lab.now = SEVEN + late
    lab.app.compose()
    assert periods(lab) == ["2026-11-16"]
    assert subscriber(lab, LATE_ROW).next_due_at == SEVEN + DAY - 30 * MINUTE + late


places = st.sampled_from(
    ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Tokyo", "America/Los_Angeles",
     "Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk", "Asia/Kathmandu"]
)  # fmt: skip
steps = st.lists(
    st.tuples(
        st.integers(1, 40 * 60).map(lambda minutes: minutes * MINUTE),
        places,
        st.integers(0, 23),
        st.sampled_from([0, 30]),
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(journey=steps)
def test_whoever_travels_as_they_like_has_each_local_dates_digest_once(
    journey: list[tuple[timedelta, str, int, int]],
) -> None:
    with TemporaryDirectory() as folder:
        lab = Instance(Path(folder))
        lab.now = datetime(2026, 3, 27, tzinfo=UTC)  # two days before Europe's clocks change
        ada = lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
        lab.now += DAY + 3 * HOUR
        made = lab.app.compose().nothing
        for wait, zone, hour, minute in journey:
            until = lab.now + wait
            while (due := subscriber(lab).next_due_at) and due <= until:
                lab.now = max(lab.now, due)
                made += lab.app.compose().nothing
            lab.now = until
            schedule = Schedule(zone, hour, minute, EVERY_DAY)
            lab.app.subscriptions.change(ada, now=lab.now, schedule=schedule)
            made += lab.app.compose().nothing
            # Whatever the last local date is whose hour has come: its digest is made.
            assert cadence.period(schedule, lab.now) <= max(periods(lab))
        assert made == len(periods(lab)) == len(set(periods(lab)))
        lab.app.close()


# Zones that are gone.


def test_a_zone_that_is_gone_is_told_once_and_its_subscribers_get_their_mail(
    lab: Instance,
) -> None:
    lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    lab.reader("bo")
    with lab.app.database.writing() as conn:
        store_subscribers.change(conn, 1, zone="Mars/Base")
    with capture_logs() as logs:
        for day in range(3):
            lab.now = SEVEN + day * DAY
            lab.take(paper(day))
            assert lab.app.compose().made == 2
            lab.sent()
    told = [one for one in logs if one.get("zone") == "Mars/Base"]
    assert [one["log_level"] for one in told] == ["warning"]
    found = collect(lab.app)
    assert (found["unknown_zones"], found["cares"]) == ({"Mars/Base": 1}, ("zones",))
    assert overview(lab.app).cares == ("zones",)
    lab.app.subscriptions.change(
        "ada@example.org", now=lab.now, schedule=Schedule("Asia/Tokyo", 7, 0, EVERY_DAY)
    )
    assert collect(lab.app)["cares"] == ()


@pytest.mark.anyio
async def test_the_page_says_that_a_zone_is_gone_and_takes_another(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.send()
    place.change(zone="Mars/Base")
    said = "Your time zone “Mars/Base” is not known here any more"
    form = {"days": ["mon"], "time": "07:00", "cadence": "daily", "max_papers": "9"}
    async with place.client() as http:
        assert said in (await http.get(manage(place))).text
        assert (
            await http.post(manage(place), data=form | {"zone": "Mars/Base"})
        ).status_code == 422
        assert place.app.subscriptions.get(ADA).max_papers == 3
        answer = await http.post(manage(place), data=form | {"zone": "Asia/Tokyo"})
        assert (answer.status_code, said in answer.text) == (200, False)
    assert place.app.subscriptions.get(ADA).schedule.zone == "Asia/Tokyo"
    place.app.close()


# Who must not be mailed.


def test_who_must_not_be_mailed_is_not_looked_at_each_time_and_gets_the_next_one_afterwards(
    lab: Instance,
) -> None:
    ada = lab.reader("ada", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    bo = lab.reader("bo", schedule=Schedule("UTC", 7, 0, EVERY_DAY))
    with lab.app.database.writing() as conn:
        store_subscribers.suppress(conn, ada, "full", "452", SEVEN, until=SEVEN + 3 * HOUR)
        store_subscribers.suppress(conn, bo, "dead address", "550", SEVEN)
    lab.take(paper(1))
    lab.now = SEVEN + HOUR
    assert lab.app.compose().paused == 2
    assert lab.app.compose().paused == 0
    assert [subscriber(lab, row).next_due_at for row in (1, 2)] == [SEVEN + DAY] * 2
    lab.now = SEVEN + DAY
    assert lab.app.compose().made == 1


# Spreading.


def test_one_of_very_many_gets_each_digest_at_their_own_minute(lab: Instance) -> None:
    lab.now = datetime(2026, 3, 27, 12, tzinfo=UTC)  # two days before the clocks go forward
    late = one_of_very_many(lab.app, Schedule("Europe/Berlin", 2, 30, EVERY_DAY), lab.now)
    made = []
    for _ in range(4):
        due = subscriber(lab, LATE_ROW).next_due_at
        assert due
        lab.now = due - MINUTE
        assert lab.app.compose().nothing == 0
        lab.now = due
        assert lab.app.compose().nothing == 1
        made.append((due - late).astimezone(ZoneInfo("Europe/Berlin")))
    assert [f"{one:%d %H:%M}" for one in made] == ["28 02:30", "29 03:30", "30 02:30", "31 02:30"]


def test_a_first_digest_waits_for_nobodys_minute(tmp_path: Path) -> None:
    lab = Instance(tmp_path, digest={"sample": True})
    lab.take(paper(1))
    late = one_of_very_many(lab.app, Schedule("UTC", 7, 0), lab.now)
    assert lab.app.compose().made == 1
    assert subscriber(lab, LATE_ROW).next_due_at == SEVEN + late
    lab.app.close()


@pytest.mark.anyio
async def test_the_page_tells_one_of_very_many_their_own_minute(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.app.subscriptions.remove(ADA)
    late = one_of_very_many(place.app, Schedule("Europe/Berlin", 7, 0), place.now) // MINUTE
    async with place.client() as http:
        text = (await http.get(manage(place))).text
    assert f"yours is sent {late} minutes after the time you choose" in text
    assert f"Thu, 19 Nov 2026, 07:{late:02d} (Europe/Berlin)" in text
    place.app.close()


# Waiting for what is late, over real HTTP: Daily Papers are due at 14:00 UTC.


class Daily:
    """Daily Papers, shown when the test says so; an instance whose reader's hour is 14:30."""

    def __init__(
        self, folder: Path, server: HTTPServer, sink: Sink, row: int, *, sample: bool = False
    ) -> None:
        self.shown = [self.item(0)]
        server.expect_request("/daily").respond_with_handler(
            lambda _: _answer(daily_papers(self.shown))
        )
        source = {"name": "hf", "kind": "huggingface", "urls": [server.url_for("/daily")]}
        self.lab = Instance(
            folder, sink.port, source=[source], http={"pause_seconds": 0},
            digest={"wait_minutes": 60, "sample": sample},
        )  # fmt: skip
        self.sink = sink
        schedule = Schedule("UTC", 14, 30, EVERY_DAY)
        self.late = one_of_very_many(self.lab.app, schedule, self.lab.now, row)

    @staticmethod
    def item(number: int) -> dict[str, object]:
        return {"id": f"2611.{number:05d}", "title": f"RAG {number}", "summary": "", "upvotes": 1}

    async def play(self, begin: datetime, end: datetime) -> list[tuple[datetime, str]]:
        """Tick every ten minutes; return when mails came, and what they say."""
        mails = []
        self.lab.now = begin
        while self.lab.now <= end:
            before = len(self.sink.received)
            await self.lab.app.tick()
            new = self.sink.received[before:]
            mails += [(self.lab.now, text_of(one.content)) for one in new]
            self.lab.now += 10 * MINUTE
        return mails


def afternoon(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.anyio
@pytest.mark.parametrize("row", [1, LATE_ROW])
async def test_a_late_source_is_waited_for_until_it_comes_and_no_longer(
    tmp_path: Path, httpserver: HTTPServer, row: int
) -> None:
    async with listening() as sink:
        daily = Daily(tmp_path, httpserver, sink, row)
        await daily.play(afternoon(16, 13, 30), afternoon(16, 15, 30))
        assert await daily.play(afternoon(17, 13, 30), afternoon(17, 15)) == []
        daily.shown.append(daily.item(1))  # at 15:01
        ((at, said),) = await daily.play(afternoon(17, 15, 10), afternoon(17, 17))
        assert at == afternoon(17, 15, 20) >= afternoon(17, 14, 30) + daily.late
        assert "RAG 1" in said
        assert "Not yet here" not in said
        daily.lab.app.close()


@pytest.mark.anyio
async def test_a_first_digest_waits_for_no_source_that_is_late(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    async with listening() as sink:
        daily = Daily(tmp_path, httpserver, sink, 1, sample=True)
        await daily.play(afternoon(16, 13, 30), afternoon(16, 15, 30))
        sink.received.clear()
        daily.lab.now = afternoon(17, 14, 30)
        daily.lab.reader("bo")
        await daily.lab.app.tick()
        assert [one.recipient for one in sink.received] == ["bo@example.org"]
        daily.lab.app.close()


@pytest.mark.anyio
@pytest.mark.parametrize("row", [1, LATE_ROW])
async def test_a_source_that_does_not_come_is_named_and_its_papers_come_the_next_day(
    tmp_path: Path, httpserver: HTTPServer, row: int
) -> None:
    async with listening() as sink:
        daily = Daily(tmp_path, httpserver, sink, row)
        daily.lab.take(paper(50))
        await daily.play(afternoon(16, 13, 30), afternoon(16, 15, 30))
        daily.lab.take(paper(51))  # from elsewhere, in time
        ((at, said),) = await daily.play(afternoon(17, 13, 30), afternoon(17, 17))
        latest = afternoon(17, 15, 30) + daily.late
        assert latest <= at < latest + 10 * MINUTE
        assert "RAG 51" in said
        assert "Not yet here: hf has shown nothing new since Mon, 16 Nov 2026." in said
        daily.shown.append(daily.item(1))  # after the mail
        await daily.play(afternoon(17, 17, 10), afternoon(17, 20))
        daily.shown.append(daily.item(2))
        ((at, said),) = await daily.play(afternoon(18, 13), afternoon(18, 17))
        assert at < afternoon(18, 14, 40) + daily.late
        assert "RAG 1" in said
        assert "RAG 2" in said
        assert "Not yet here" not in said
        daily.lab.app.close()
