"""Who runs an instance is told of what needs them: when it begins, once a day, when it is over."""

from __future__ import annotations

import email
import email.policy
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from notifier.cli.status import collect
from notifier.config import Settings
from notifier.delivery.breaker import Breaker
from notifier.delivery.standing import Standing
from notifier.health import SETTLE
from notifier.jobs.alerting import wording
from notifier.jobs.alerting.telling import AGAIN, Change, changes
from notifier.jobs.alerting.troubles import MEGABYTE, Facts, Limits, Trouble, troubles
from notifier.jobs.alerting.watch import mail
from notifier.jobs.delivering import memory
from notifier.storage import (
    store_alerts,
    store_letters,
    store_sources,
    store_subscribers,
    store_watch,
)
from notifier.storage import tables as t
from notifier.storage.store_alerts import Alert
from notifier.storage.store_sources import Health

from .api import a_key
from .builders import NOON, an_entry
from .fakes import POLITE, scripted
from .pages import ADA, MORNING, Place, place
from .signatures import by_dkimpy, signed
from .sink import listening
from .test_documents import commands
from .test_message import Golden, golden

__all__ = ["golden", "place"]

OPS = "ops@example.org"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LIMITS = Limits(6 * HOUR, 6, 500 * MEGABYTE, HOUR)
CALM = Facts(Breaker(), (), (), NOON, None, None, None)
REFUSED = Breaker("login", "535 no", opened_at=NOON)


def kinds(facts: Facts, limits: Limits = LIMITS, now: datetime = NOON) -> list[str]:
    return [one.kind for one in troubles(facts, limits, now=now)]


def watched(place: Place, port: int = 25, **health: Any) -> Place:
    """A place whose operator is told; it has asked nobody yet."""
    fixed = {"alert_to": [OPS], "disk_megabytes": 0} | health
    settings = Settings(
        health=fixed, source=[{"name": "arxiv", "kind": "arxiv", "categories": ["cs.CL"]}]
    )
    smtp = place.app.settings.smtp.model_copy(update={"port": port})
    update = {"health": settings.health, "source": settings.source, "smtp": smtp}
    place.app.settings = place.app.settings.model_copy(update=update)
    return place


def fail(place: Place, times: int, name: str = "arxiv") -> None:
    with place.app.database.writing() as conn:
        for _ in range(times):
            store_sources.failed(conn, name, "arxiv", "503 of ada@example.org", now=place.now)


def steps(place: Place, **settle: timedelta) -> list[str]:
    return [one.step for one in place.app.health.watch(**settle)]


def letters(place: Place) -> list[str]:
    with place.app.database.reading() as conn:
        return [state for kind, state in store_letters.states(conn) if kind == "alert"]


def opened(content: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


# What is wrong.


def test_an_instance_that_does_well_has_no_trouble() -> None:
    assert kinds(CALM) == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (replace(CALM, unsent_since=NOON - 6 * HOUR), "silence"),
        (replace(CALM, overdue_since=NOON - 7 * HOUR), "silence"),
        (replace(CALM, server=REFUSED), "login"),
        (replace(CALM, free_bytes=499 * MEGABYTE), "disk"),
        (replace(CALM, standings=[Standing("gmx", paused_at=NOON)]), "destination"),
        (replace(CALM, sources=[Health("a", "feed", NOON, failures=6)]), "source"),
    ],
)
def test_each_trouble_is_seen_by_itself(facts: Facts, kind: str) -> None:
    assert kinds(facts) == [kind]


@pytest.mark.parametrize(
    "facts",
    [
        replace(CALM, unsent_since=NOON - 6 * HOUR + MINUTE),
        replace(CALM, overdue_since=NOON - 7 * HOUR + MINUTE),  # it may wait for a source
        replace(CALM, server=Breaker("connection", "refused", opened_at=NOON)),
        replace(CALM, free_bytes=500 * MEGABYTE),
        replace(CALM, standings=[Standing("gmx", slow_until=NOON + HOUR)]),
        replace(CALM, sources=[Health("a", "feed", NOON, failures=5)]),
    ],
)
def test_what_passes_by_itself_is_no_trouble(facts: Facts) -> None:
    assert kinds(facts) == []


def test_a_disk_has_room_again_only_when_it_has_a_quarter_more() -> None:
    free = [replace(CALM, free_bytes=n * MEGABYTE, was_full=True) for n in (499, 624, 625)]
    assert [kinds(facts) for facts in free] == [["disk"], ["disk"], []]


def test_what_is_switched_off_is_never_told() -> None:
    bad = replace(
        CALM, unsent_since=NOON - 99 * HOUR, free_bytes=0,
        sources=[Health("a", "feed", NOON, failures=999)],
    )  # fmt: skip
    assert kinds(bad) == ["silence", "disk", "source"]
    assert kinds(bad, Limits(timedelta(0), 0, 0, HOUR)) == []


# When it is told.

TROUBLE = Trouble("source", "arxiv", NOON, "503")


def live(known: list[Alert], found: list[Trouble], now: datetime, settle: timedelta) -> list[str]:
    """Take the steps, on a list instead of a database, and return those that are told."""
    told = []
    for change in changes(known, found, now=now, settle=settle):
        alert = change.alert
        kept = [one for one in known if (one.kind, one.name) != (alert.kind, alert.name)]
        if change.step in ("begins", "lasts"):
            kept.append(replace(alert, told_at=now))
        elif change.step == "notice":
            kept.append(alert)
        known[:] = kept
        told += [change.step] if change.step not in ("notice", "forget") else []
    return told


def test_a_trouble_is_told_once_it_has_lasted_then_daily_then_that_it_is_over() -> None:
    known: list[Alert] = []
    told = {}
    for minutes in range(0, 3 * 24 * 60, 5):
        now = NOON + minutes * MINUTE
        found = [TROUBLE] if minutes < 2 * 24 * 60 + 60 else []
        for step in live(known, found, now, SETTLE):
            told[minutes] = step
    assert told == {10: "begins", 1450: "lasts", 2890: "lasts", 2940: "over"}


def test_what_passes_within_the_first_minutes_is_told_to_nobody() -> None:
    known: list[Alert] = []
    assert live(known, [TROUBLE], NOON, SETTLE) == []
    assert live(known, [], NOON + 5 * MINUTE, SETTLE) == []
    assert known == []


@given(
    st.lists(
        st.tuples(st.timedeltas(-3 * AGAIN, 3 * AGAIN), st.booleans()), min_size=1, max_size=30
    )
)
def test_whatever_the_clock_does_a_begin_comes_before_everything_and_an_over_ends_it(
    looks: list[tuple[timedelta, bool]],
) -> None:
    known: list[Alert] = []
    now, is_told = NOON, False
    for leap, is_wrong in looks:
        now = min(max(now + leap, NOON - 365 * AGAIN), NOON + 365 * AGAIN)
        found = [TROUBLE] if is_wrong else []
        for step in live(known, found, now, SETTLE):
            assert (step == "begins") != is_told
            is_told = step != "over"
        assert live(known, found, now, SETTLE) == [], "twice at one moment tells once"
        assert is_told == any(one.told_at for one in known)


# The mail.


def all_troubles() -> list[Change]:
    alerts = [
        Alert("silence", "", NOON - 6 * HOUR, "", NOON),
        Alert("login", "", NOON - 5 * HOUR, "", NOON),
        Alert("destination", "gmx", NOON - 4 * HOUR, "", NOON),
        Alert("source", "arxiv", NOON - 3 * HOUR, "", NOON),
        Alert("disk", "", NOON - 2 * HOUR, "", NOON),
    ]
    why = ["", "535 5.7.8 no", "550 5.7.1 <ada@example.org> blocked\r\nBcc: x", "503", "12 MB"]
    begun = [Change("begins", one, said) for one, said in zip(alerts, why, strict=True)]
    return [*begun, Change("lasts", alerts[3], "504"), *(Change("over", one) for one in alerts)]


@pytest.mark.parametrize("code", ["en", "de"])
def test_the_mail_to_the_operator_is_its_golden_file(
    place: Place, golden: Golden, code: str
) -> None:
    settings = replace(watched(place).app.health.alert_settings, language=code)
    content = mail(all_troubles(), OPS, settings, key="0123456789abcdef" * 2, now=NOON)
    golden(f"alert_{code}.eml", content)


def test_the_mail_names_what_since_when_and_a_command_and_no_reader(place: Place) -> None:
    settings = watched(place).app.health.alert_settings
    got = opened(mail(all_troubles(), OPS, settings, key="k" * 32, now=NOON))
    text = got.get_content()
    assert got["Subject"] == "Paper notifier: 6 things need care"
    assert got.get_content_type() == "text/plain"
    assert "since Fri, 20 Nov 2026, 09:00 UTC" in text
    assert "> notifier ingest arxiv" in text
    assert "ada@" not in text
    assert "550 5.7.1 <(address)> blocked Bcc: x" in text
    assert max(map(len, text.splitlines())) <= 76
    for name in ("List-Unsubscribe", "Precedence", "Bcc"):
        assert name not in got


def test_the_subject_is_what_is_wrong_and_else_what_is_over(place: Place) -> None:
    settings = watched(place).app.health.alert_settings
    alert = Alert("source", "arxiv", NOON, "", NOON)
    for step, subject in (("begins", "arxiv cannot be read"),
                          ("over", "arxiv is read again, or asked no more")):  # fmt: skip
        change = Change(step, alert)  # type: ignore[arg-type]
        got = opened(mail([change], OPS, settings, key="k" * 32, now=NOON))
        assert got["Subject"] == f"Paper notifier: {subject}"


def test_the_mail_is_signed_as_digests_are(place: Place) -> None:
    settings = replace(
        watched(place).app.health.alert_settings, sign=lambda mail, at: signed(mail, at=at)
    )
    checks = by_dkimpy(mail(all_troubles(), OPS, settings, key="k" * 32, now=NOON))
    assert checks
    assert all(checks.values())


def test_every_command_that_the_mail_names_exists() -> None:
    known = {name for name, _ in commands()}
    for cure in (one for of in wording.CURES.values() for one in of):
        words = cure.split()
        assert any(" ".join(words[:count]) in known for count in (2, 3)), cure


# As a whole.


@pytest.mark.anyio
async def test_a_refused_login_is_told_as_soon_as_the_server_takes_one(tmp_path: Path) -> None:
    polite: Any = POLITE | {"EHLO": "250-fake\r\n250 AUTH PLAIN"}
    refusing = polite | {"AUTH": "535 5.7.8 wrong password"}
    async with scripted(refusing, refusing, polite) as server:
        place = watched(Place(tmp_path), server.port, silent_hours=0)
        login = place.app.settings.smtp.model_copy(update={"user": "me"})
        place.app.settings = place.app.settings.model_copy(update={"smtp": login})
        place.now = MORNING
        place.take(an_entry(1, "RAG that forgets", published_at=MORNING))
        place.app.settings = place.app.settings.model_copy(update={"source": ()})
        await place.app.tick()
        assert letters(place) == ["waiting"]
        assert collect(place.app)["alerts"][0]["alert"] == "The mail server refuses our login"
        place.now += HOUR
        await place.app.tick()
        assert letters(place) == ["sent", "sent"]
        assert collect(place.app)["alerts"] == []
        texts = [text for seen in server.connections for text in seen.texts]
        subjects = [opened(text)["Subject"] for text in texts if b"ops@" in text]
        assert subjects == [
            "Paper notifier: The mail server refuses our login",
            "Paper notifier: The mail server's login is no longer refused",
        ]
        place.app.close()


@pytest.mark.anyio
async def test_silence_is_told_when_no_digest_went_out_though_some_were_due(
    tmp_path: Path,
) -> None:
    place = watched(Place(tmp_path), 1)
    place.send()
    place.now += timedelta(days=3)  # a Monday; the mail server is not there
    place.take(an_entry(9, "RAG again", published_at=place.now))
    place.app.compose()
    due = place.now
    for hours in range(0, 48, 2):  # until after the digest expired
        place.now = due + hours * HOUR
        await place.app.deliver()
        told = steps(place, settle=timedelta(0))
        assert told == {6: ["begins"], 30: ["lasts"]}.get(hours, []), hours
    with place.app.database.reading() as conn:
        (alert,) = store_alerts.every(conn)
    assert (alert.kind, alert.since) == ("silence", due)
    async with listening() as sink:
        place = watched(place, sink.port)
        place.app.__dict__.pop("transport", None)
        place.now = due + timedelta(days=2)
        place.take(an_entry(10, "RAG once more", published_at=place.now))
        place.app.compose()
        await place.app.deliver()
        assert steps(place, settle=timedelta(0)) == ["over"]
        assert any(one.recipient == ADA for one in sink.received)
    place.app.close()


@pytest.mark.anyio
async def test_where_mails_go_into_a_folder_alerts_do_too(tmp_path: Path) -> None:
    place = watched(Place(tmp_path), silent_hours=0)
    mails = place.app.settings.mail.model_copy(
        update={"transport": "files", "directory": tmp_path / "out"}
    )
    place.app.settings = place.app.settings.model_copy(update={"mail": mails})
    place.now = MORNING
    fail(place, 6)
    steps(place, settle=timedelta(0))
    assert (await place.app.send_letters()).sent == 1
    (file,) = (tmp_path / "out").glob("*.eml")
    assert opened(file.read_bytes())["Subject"] == "Paper notifier: arxiv cannot be read"
    place.app.close()


def test_nothing_is_silent_where_nobody_is_due(place: Place) -> None:
    watched(place).send()
    place.now += timedelta(hours=60)  # a weekend
    assert steps(place, settle=timedelta(0)) == []


def test_a_subscriber_who_must_not_be_mailed_is_not_waited_for(place: Place) -> None:
    watched(place).send()
    with place.app.database.writing() as conn:
        store_subscribers.suppress(conn, ADA, "complaint", "", place.now)
    place.now += timedelta(days=5)
    assert steps(place, settle=timedelta(0)) == []


def test_digests_that_are_not_made_are_silence_too(place: Place) -> None:
    watched(place).send()
    place.now += timedelta(days=3, hours=8)
    assert steps(place, settle=timedelta(0)) == ["begins"]


def attempt(place: Place, outcome: str, at: datetime) -> None:
    """Write down one more attempt to send the only digest."""
    with place.app.database.writing() as conn:
        made = {"delivery_id": 1, "number": 2, "at": at, "outcome": outcome}
        conn.execute(insert(t.attempt), made)


@pytest.mark.both
def test_silence_is_noticed_though_a_clock_was_ahead_when_a_digest_went_out(place: Place) -> None:
    watched(place).send()
    attempt(place, "sent", place.now + timedelta(days=3650))
    place.now += timedelta(days=3, hours=8)
    assert steps(place, settle=timedelta(0)) == ["begins"]


@pytest.mark.both
def test_what_expired_before_a_digest_went_out_is_no_silence_however_many_fail_since(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_watch, "_LOOKED_AT", 3)
    watched(place).send()
    with place.app.database.writing() as conn:
        conn.execute(update(t.delivery).values(state="expired"))
    for minute in range(4):
        attempt(place, "pending", place.now + minute * MINUTE)
    place.now += 7 * HOUR
    assert steps(place, settle=timedelta(0)) == []


def test_a_source_is_told_at_its_sixth_failure_once_though_many_look(place: Place) -> None:
    watched(place, silent_hours=0).now = MORNING
    fail(place, 5)
    assert steps(place, settle=timedelta(0)) == []
    fail(place, 1)
    assert steps(place) == []
    place.now += SETTLE
    assert steps(place) == ["begins"]
    assert steps(place) == []
    assert letters(place) == ["waiting"]
    with place.app.database.writing() as conn:
        store_sources.pause(conn, "arxiv", "arxiv", at=place.now)
    assert steps(place) == ["over"]


@pytest.mark.sqlite("a file")
def test_the_disk_of_the_database_is_looked_at(place: Place) -> None:
    health = watched(place, silent_hours=0).app.settings.health
    update = {"health": health.model_copy(update={"disk_megabytes": 10**12})}
    place.app.settings = place.app.settings.model_copy(update=update)
    assert steps(place, settle=timedelta(0)) == ["begins"]
    (alert,) = place.app.health.alerts()
    assert re.fullmatch(r"[\d,]+ MB are left", alert.why)


def test_passes_look_once_a_minute_whatever_the_clock_does(place: Place) -> None:
    watched(place, silent_hours=0).now = MORNING
    fail(place, 6)
    look = place.app.health.look
    assert [one.step for one in look(settle=timedelta(0))] == ["begins"]
    with place.app.database.writing() as conn:
        store_sources.pause(conn, "arxiv", "arxiv", at=place.now)
    place.now += timedelta(seconds=59)
    assert look() == []
    place.now -= timedelta(hours=1)
    assert [one.step for one in look()] == ["over"]


def test_without_addresses_alerts_are_kept_and_nobody_is_mailed(place: Place) -> None:
    watched(place, alert_to=[], silent_hours=0).now = MORNING
    fail(place, 6)
    assert steps(place, settle=timedelta(0)) == ["begins"]
    assert letters(place) == []
    assert [one.name for one in place.app.health.alerts()] == ["arxiv"]


def test_of_two_processes_one_tells(place: Place) -> None:
    alert = Alert("login", "", NOON, "535", NOON)
    with place.app.database.writing() as conn:
        assert [store_alerts.notice(conn, alert) for _ in range(2)] == [True, False]
        assert [store_alerts.tell(conn, alert, why="", now=NOON) for _ in range(2)] == [True, False]
        told = replace(alert, told_at=NOON)
        later = NOON + AGAIN
        assert [store_alerts.tell(conn, told, why="", now=later) for _ in range(2)] == [True, False]
        assert not store_alerts.end(conn, told)
        last = replace(alert, told_at=later)
        assert [store_alerts.end(conn, last) for _ in range(2)] == [True, False]


@pytest.mark.anyio
async def test_status_and_the_operators_page_show_what_lasts(place: Place) -> None:
    watched(place, silent_hours=0).now = MORNING
    fail(place, 6)
    steps(place, settle=timedelta(0))
    found = collect(place.app)
    assert "alerts" in found["cares"]
    (shown,) = found["alerts"]
    assert shown["cure"] == "notifier source list · notifier ingest arxiv"
    assert "ada@" not in json.dumps(shown, default=str)
    async with place.client() as http:
        page = (await http.get("/admin", auth=("x", a_key(place)))).text
    assert "<h2>This needs somebody</h2>" in page
    assert "arxiv cannot be read" in page


def test_no_address_is_logged(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    watched(place, silent_hours=0).now = MORNING
    fail(place, 6)
    steps(place, settle=timedelta(0))
    out = capsys.readouterr().out
    assert "arxiv cannot be read" in out
    assert "@" not in out


def test_memory_of_a_refused_login_is_what_tells(place: Place) -> None:
    watched(place, silent_hours=0).now = MORNING
    with place.app.database.writing() as conn:
        memory.keep_breaker(conn, replace(REFUSED, opened_at=place.now))
    assert steps(place, settle=timedelta(0)) == ["begins"]
    with place.app.database.writing() as conn:
        memory.keep_breaker(conn, Breaker())
    assert steps(place, settle=timedelta(0)) == ["over"]
