"""Numbers for Prometheus: named as it wants them, true, cheap, and silent about people."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pytest_httpserver import HTTPServer
from sqlalchemy import event, insert

from notifier.app import opened
from notifier.config import Settings
from notifier.delivery.destinations import PROVIDERS
from notifier.metrics import numbers
from notifier.metrics.described import METRICS, PREFIX
from notifier.metrics.meters import Meters
from notifier.metrics.numbers import OTHER_DESTINATIONS, Numbers
from notifier.metrics.samples import OTHER, Named, families
from notifier.storage import store_bounces, store_sources
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.vitals import Vitals
from notifier.web import probing
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .api import a_key, bearer, fail, follow
from .builders import NOON, an_entry, atom
from .pages import ADA, Place, place
from .sending import post

__all__ = ["place"]

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "health.md"
Numbered = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Numbered:
    """Every sample by its name and labels; each is there once."""
    found: Numbered = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(found: Numbered, name: str, **labels: str) -> float:
    return found[f"{PREFIX}{name}", frozenset(labels.items())]


def the_numbers(place: Place, seconds: Any = time.monotonic) -> Numbers:
    return Numbers(
        place.app.database, clock=lambda: place.now, states=place.app.intake.states,
        processes=dict,
        known=place.app.pace.destinations.names, seconds=seconds,
    )  # fmt: skip


def read(numbers: Numbers) -> Numbered:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families(numbers.samples())
        for sample in family.samples
    }


# The names.


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_a_metric_is_named_as_prometheus_wants_it(metric: Any) -> None:
    name = metric.name
    assert re.fullmatch(r"notifier(_[a-z]+)+", name)
    assert (metric.kind == "counter") == name.endswith("_total")
    for word in ("ms", "milliseconds", "minutes", "hours", "kb", "megabytes", "percent", "count",
                 "sum", "bucket", "gauge", "counter", "histogram"):  # fmt: skip
        assert word not in name.split("_"), "base units, no kinds, nothing that is added"
    if metric.kind == "histogram":
        assert name.endswith("_seconds")
        assert list(metric.buckets) == sorted(set(metric.buckets))
    if "timestamp" in name:
        assert name.endswith("_timestamp_seconds")
    assert re.match("[A-Z1]", metric.help)
    assert metric.help.endswith(".")
    for label in metric.labels:
        assert re.fullmatch(r"[a-z]+", label)
        assert label not in ("le", "quantile", "job", "instance") or name.startswith(
            f"{PREFIX}job_"
        ), "these are Prometheus' own"


def test_no_two_metrics_share_a_name_without_what_is_added() -> None:
    bare = [name.removesuffix("_total") for name in METRICS]
    assert len(bare) == len(set(bare))


def expressions() -> list[str]:
    """The expressions of the alert rules in the documents."""
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```", DOCUMENT.read_text("utf-8"))
    rules = [rule for block in blocks for group in yaml.safe_load(block).get("groups", ())
             for rule in group["rules"]]  # fmt: skip
    return [rule["expr"] for rule in rules]


def test_the_documents_rules_name_metrics_and_labels_that_there_are() -> None:
    assert len(expressions()) >= 5
    for expression in expressions():
        for name, labels in re.findall(r"(notifier_\w+)(?:\{([^}]*)\})?", expression):
            metric = METRICS[re.sub(r"_(bucket|count|sum)$", "", name)]
            assert {label.split("=")[0] for label in labels.split(",") if label} <= {
                *metric.labels, "le",
            }, expression  # fmt: skip


# What is told.


def busy(place: Place) -> None:
    """Everything that there is a number for."""
    follow(place, "arxiv")
    place.send()
    fail(place)
    bounce = {"key": "k", "recipient": "x@example.org", "kind": "hard", "status": "5.1.1",
              "reason": "no", "via": "token", "done": "counted", "subscriber_id": 1,
              "received_at": place.now}  # fmt: skip
    with place.app.database.writing() as conn:
        store_bounces.add(conn, bounce)


@pytest.mark.anyio
async def test_every_metric_of_the_table_is_there_and_no_other(place: Place) -> None:
    follow(place, "arxiv")
    listening = bound("127.0.0.1:0")
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with serving(make_site(place.app, Vitals()), listening), httpx.AsyncClient() as http:
        await http.get(f"{base}/metrics")
        busy(place)
        meters = place.app.meters
        meters.observe("mail_seconds", 0.2, outcome="taken")
        meters.observe("ingest_seconds", 0.2, source="arxiv")
        meters.count("source_entries_total", source="arxiv", outcome="new")
        with pytest.raises(KeyError), meters.job("deliver"):
            raise KeyError
        text = (await http.get(f"{base}/metrics")).text
    found = parsed(text)
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) if "_seconds_" in name else name
             for name, _ in found}  # fmt: skip
    ours = {name for name in plain if name.startswith(PREFIX)}
    assert ours == set(METRICS)
    assert all(name.startswith("process_") for name in plain - ours)
    for name, labels in found:
        metric = METRICS.get(re.sub(r"_(bucket|count|sum)$", "", name)) or METRICS.get(name)
        if metric:
            assert {label for label, _ in labels} - {"le"} == set(metric.labels), name
    assert value(found, "delivery_attempts_total", outcome="sent", destination=OTHER) == 1
    assert value(found, "delivery_attempts_total", outcome="failed", destination=OTHER) == 1
    assert value(found, "digests_total", outcome="made") == 2
    assert value(found, "papers_new_total") == 7
    assert value(found, "bounces_total", kind="hard") == 1
    assert value(found, "subscribers", state="active") == 1
    assert value(found, "source_state", source="arxiv", state="new") == 1
    assert value(found, "job_failures_total", job="deliver") == 1
    assert value(found, "digest_failures_total") == 0
    assert value(found, "mail_server_asked") == 1
    assert value(found, "scheduler_is_leader") == 0


@pytest.mark.anyio
async def test_no_token_path_or_address_gets_into_a_number(place: Place) -> None:
    key = place.send()
    async with place.client() as http:
        for path in (*place.paths(key).values(), "/nowhere/at-all", "/wp-login.php"):
            await http.get(path)
        await http.request("OPTIONS", "/")
        await http.get("/api/v1/stats", headers=bearer(a_key(place)))
        text = (await http.get("/metrics")).text
    assert value(parsed(text), "page_seconds_count", route="/u/{token}", method="GET",
                 status="2xx") == 1  # fmt: skip
    assert 'route="/api/v1",status="2xx"' in text
    assert 'method="other",route="none",status="4xx"' in text
    for word in (ADA, "@", "wp-login", "nowhere", *(p.split("/")[2][:20] for p in
                 place.paths(key).values() if p.count("/") > 1)):  # fmt: skip
        assert word not in text, word


def test_what_waits_is_counted_and_how_long_the_oldest_has(place: Place) -> None:
    post(place.app.database, ["a@example.org", "b@example.org"], since=NOON)
    place.now = NOON + timedelta(minutes=7)
    found = read(the_numbers(place))
    assert value(found, "outbox_mails", state="pending") == 2
    assert value(found, "outbox_oldest_seconds", state="pending") == 420
    assert value(found, "outbox_mails", state="held") == 0


def test_how_long_the_longest_has_been_due_is_told(place: Place) -> None:
    due = place.app.subscriptions.get(ADA).next_due_at
    assert due
    place.now = due - timedelta(seconds=1)
    assert value(read(the_numbers(place)), "digest_overdue_seconds") == 0
    place.now = due + timedelta(minutes=90)
    assert value(read(the_numbers(place)), "digest_overdue_seconds") == 5400


def test_a_source_is_in_one_state(place: Place) -> None:
    follow(place, "arxiv")
    with place.app.database.writing() as conn:
        store_sources.succeeded(conn, "arxiv", "arxiv", counts=(6, 6, 0), now=place.now)
        for _ in range(3):
            store_sources.failed(conn, "arxiv", "arxiv", "503", now=place.now)
    found = read(the_numbers(place))
    states = {dict(labels)["state"]: n for (name, labels), n in found.items()
              if name == f"{PREFIX}source_state"}  # fmt: skip
    assert [state for state, number in states.items() if number] == ["failing"]
    assert value(found, "source_failures", source="arxiv") == 3
    stamp = value(found, "source_last_success_timestamp_seconds", source="arxiv")
    assert stamp == place.now.timestamp()


@pytest.mark.anyio
async def test_what_a_source_brings_is_timed_and_counted(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    papers = [{"id": f"2611.0000{n}", "title": f"Title {n}"} for n in range(1, 4)]
    httpserver.expect_request("/feed").respond_with_data(atom(papers))
    feed = {"name": "lab", "kind": "feed", "urls": [httpserver.url_for("/feed")]}
    settings = Settings(
        database={"url": f"sqlite:///{tmp_path}/n.db"}, http={"pause_seconds": 0}, source=[feed]
    )
    with opened(settings, clock=lambda: NOON) as app:
        for _ in range(2):
            await app.intake.ingest(app.intake.sources())
        get = app.meters.registry.get_sample_value
    brought = {"source": "lab", "outcome": "new"}
    assert get("notifier_source_entries_total", brought) == 3
    assert get("notifier_ingest_seconds_count", {"source": "lab"}) == 2
    assert get("notifier_job_last_success_timestamp_seconds", {"job": "ingest"}) == NOON.timestamp()


def attempts(database: Database, first: int, count: int) -> None:
    with database.writing() as conn:
        conn.execute(insert(t.attempt), [
            {"delivery_id": first + n, "number": 1, "at": NOON, "outcome": "sent"}
            for n in range(count)
        ])  # fmt: skip


def sorted_to(place: Place, names: list[str]) -> None:
    """A mail to each of these destinations."""
    post(place.app.database, [f"x{n}@{name}" for n, name in enumerate(names)])
    with place.app.database.writing() as conn:
        for row, name in enumerate(names, 1):
            conn.execute(t.delivery.update().where(t.delivery.c.id == row).values(destination=name))


def sent_to(found: Numbered) -> dict[str, float]:
    return {dict(labels)["destination"]: number for (name, labels), number in found.items()
            if name == f"{PREFIX}delivery_attempts_total"}  # fmt: skip


def test_many_destinations_have_few_names_and_no_counter_falls(place: Place) -> None:
    sorted_to(place, [f"d{n}.example" for n in range(200)] + ["google"])
    asked = the_numbers(place)
    read(asked)
    before: dict[str, float] = {}
    for first in (1, 101, 50, 1):
        attempts(place.app.database, first, 101)
        after = sent_to(read(asked))
        assert all(after[name] >= number for name, number in before.items())
        before = after
    assert sum(before.values()) == 404
    own = before.keys() - {OTHER} - PROVIDERS.keys()
    assert len(own) == OTHER_DESTINATIONS
    assert before["google"] == 1


def test_the_most_used_have_names_and_one_that_has_keeps_it() -> None:
    named = Named({"google"}, ["google", "a", "b"], others=3)
    assert [named.label(one) for one in ("google", "a", "b", "", "c", "d", "c")] == [
        "google", "a", "b", OTHER, "c", OTHER, "c",
    ]  # fmt: skip


def test_more_than_is_counted_at_a_time_is_counted_the_next_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "AT_ONCE", 30)
    sorted_to(place, ["google"] * 100)
    asked = the_numbers(place)
    read(asked)
    attempts(place.app.database, 1, 100)
    assert [sent_to(read(asked)).get("google") for _ in range(5)] == [30, 60, 90, 100, 100]


def test_whole_tables_are_counted_every_five_minutes(place: Place) -> None:
    seconds = 0.0
    asked = the_numbers(place, lambda: seconds)
    assert value(read(asked), "papers_stored") == 0
    place.take(an_entry(1))
    assert value(read(asked), "papers_stored") == 0
    seconds = numbers.COUNTED_EVERY_SECONDS
    assert value(read(asked), "papers_stored") == 1


@pytest.mark.sqlite("its plans")
def test_between_these_counts_no_table_is_read_as_a_whole(place: Place) -> None:
    busy(place)
    asked = the_numbers(place)
    read(asked)
    database, seen = place.app.database, list[tuple[str, Any]]()

    def note(conn: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        seen.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    read(asked)
    event.remove(database.engine, "before_cursor_execute", note)
    large = ("subscriber", "paper", "digest", "delivery", "attempt", "bounce", "letter")
    with database.reading() as conn:
        for statement, values in [one for one in seen if one[0].startswith("SELECT")]:
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            for row in plan:
                found = re.match(r"SCAN (\w+)(?! USING)", row[3])
                assert not (found and found[1] in large), (row[3], statement)
    assert seen


def test_a_meter_times_what_ended_badly_too_and_counts_it() -> None:
    seconds = iter((1.0, 3.5))
    meters = Meters(lambda: NOON, seconds=lambda: next(seconds))
    with pytest.raises(ValueError, match="x"), meters.job("compose"):
        raise ValueError("x")
    get = meters.registry.get_sample_value
    assert get("notifier_compose_seconds_sum") == 2.5
    assert get("notifier_job_failures_total", {"job": "compose"}) == 1
    assert get("notifier_job_last_success_timestamp_seconds", {"job": "compose"}) is None


def test_two_instances_in_one_process_count_apart() -> None:
    one, other = Meters(lambda: NOON), Meters(lambda: NOON)
    one.count("matches_total", 3)
    assert one.registry.get_sample_value("notifier_matches_total") == 3
    assert other.registry.get_sample_value("notifier_matches_total") == 0


# Who may read it.


def with_metrics(place: Place, metrics: str) -> None:
    health = place.app.settings.health.model_copy(update={"metrics": metrics})
    place.app.settings = place.app.settings.model_copy(update={"health": health})


@pytest.mark.anyio
async def test_programs_on_this_machine_may_read_it_and_others_with_a_key(place: Place) -> None:
    read_key, papers_key = a_key(place, "read"), a_key(place, "papers")
    async with place.client() as http:
        assert (await http.get("/metrics")).status_code == 200
        for header, said in (("X-Forwarded-For", "192.0.2.1"), ("Via", "1.1 x"),
                             ("Forwarded", "for=192.0.2.1"), ("Host", "papers.example.org"),
                             ("Host", "evil.example")):  # fmt: skip
            answer = await http.get("/metrics", headers={header: said})
            assert (answer.status_code, "notifier_" in answer.text) == (401, False), header
            answer = await http.get("/metrics", headers={header: said} | bearer(read_key))
            assert answer.status_code == 200
        away = {"X-Forwarded-For": "192.0.2.1"}
        assert (await http.get("/metrics", headers=away, auth=("x", read_key))).status_code == 200
        assert (await http.get("/metrics", headers=away | bearer(papers_key))).status_code == 403
        assert (await http.get("/metrics", headers=away | bearer("ntf_x"))).status_code == 401
        assert (await http.post("/metrics", headers=bearer(read_key))).status_code == 405


@pytest.mark.anyio
async def test_where_a_key_is_wanted_this_machine_needs_one_too(place: Place) -> None:
    with_metrics(place, "key")
    async with place.client() as http:
        assert (await http.get("/metrics")).status_code == 401
        answer = await http.get("/metrics", headers=bearer(a_key(place, "admin")))
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == probing.CONTENT_TYPE


@pytest.mark.anyio
async def test_where_it_is_off_there_is_nothing(place: Place) -> None:
    with_metrics(place, "off")
    async with place.client() as http:
        assert (await http.get("/metrics")).status_code == 404


@pytest.mark.anyio
async def test_who_asks_from_elsewhere_needs_a_key(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "asker", lambda request: "192.0.2.7")
    async with place.client() as http:
        assert (await http.get("/metrics")).status_code == 401
