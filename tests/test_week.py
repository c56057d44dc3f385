"""One whole week over real announcements, for ten subscribers, over real HTTP and real SMTP.

What each digest should hold is worked out from the captures by regular expressions of this
test's own; the product's matcher takes no part in it.
"""

from __future__ import annotations

import email
import email.policy
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from notifier.app import App
from notifier.config import Settings
from notifier.profiles.profile import Schedule
from notifier.storage import store_digests, store_papers

from .builders import atom, daily_papers
from .conftest import real_data
from .databases import database_url
from .sink import Sink, listening
from .test_promises import dump

START = datetime(2026, 4, 20, 0, 0, tzinfo=UTC)  # a Monday
DAYS = 8  # the Monday after, too: its feed is a capture of arXiv's own RSS
FEED_HOUR = 4  # arXiv's midnight, in UTC
HF_DAYS = ("2025-06-23", "2025-06-24", "2025-06-25", "2025-06-26", "2025-06-27")
STEP = timedelta(hours=3)
EVERY_DAY = tuple(range(7))


@dataclass(frozen=True)
class Reader:
    """A subscriber: what is asked for, and by which expressions (all) the test finds it."""

    name: str
    schedule: Schedule
    rules: str
    wanted: tuple[str, ...]
    never: str = "(?!)"
    max_papers: int = 12


READERS = (
    Reader("ada", Schedule("Europe/Berlin", 7, 0), "reinforcement learning",
           (r"(?i)\breinforc\w*[\s-]+learn\w*\b",)),
    Reader("bo", Schedule("Asia/Tokyo", 18, 0, (0,), "weekly"), "diffus*", (r"(?i)\bdiffus\w*",),
           max_papers=25),
    Reader("cy", Schedule("America/New_York", 9, 30), "trending", ("(?!)",)),
    Reader("dora", Schedule("Asia/Kolkata", 18, 30, EVERY_DAY), 'RAG | "retrieval augmented"',
           (r"\bRAGs?\b|(?i:\bretrieval[\s-]augmented\b)",)),
    Reader("emil", Schedule("America/Los_Angeles", 22, 0, EVERY_DAY), "LLM + benchmark",
           (r"\bLLMs?\b", r"(?i)\bbenchmark\w*")),
    Reader("fay", Schedule("Europe/London", 6, 0, EVERY_DAY), "title: segmentation\n-medical",
           (r"(?i)\A[^\n]*\bsegment\w*",), r"(?i)\bmedic\w*"),
    Reader("gus", Schedule("Australia/Sydney", 23, 0), "zero-shot", (r"(?i)\bzero[\s-]?shots?\b",)),
    Reader("hana", Schedule("Pacific/Auckland", 20, 15), "graph neural network",
           (r"(?i)\bgraphs?[\s-]+neural[\s-]+network\w*",)),
    Reader("ivo", Schedule("America/Sao_Paulo", 8, 0), "speech\n-survey",
           (r"(?i)\bspeech(?:es)?\b",), r"(?i)\bsurvey\w*", max_papers=3),
    Reader("jo", Schedule("UTC", 12, 0), "quantum + -classical", (r"(?i)\bquantum\b",),
           r"(?i)\bclassic\w*"),
)  # fmt: skip
EXACT = {"ada", "bo", "dora", "emil", "fay", "gus", "hana", "ivo"}


@dataclass
class Week:
    """The captures as the sources would have shown them, day by day."""

    folder: Path
    served: dict[str, dict[int, bytes]] = field(default_factory=dict)
    news: dict[tuple[str, str], int | None] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    day: int = 0

    def load(self) -> None:
        """Read announcements, the corpus, Daily Papers and the RSS capture."""
        for day in range(DAYS - 1):
            self._arxiv(day)
            self._corpus(day)
        self.served["announce"][DAYS - 1] = (
            self.folder / "arxiv/rss/rss2_cs.CL_2026-04-27.xml"
        ).read_bytes()
        for day, name in enumerate(HF_DAYS):
            with gzip.open(self.folder / f"hf/daily/{name}.json.gz") as file:
                body = file.read()
            self.served.setdefault("daily", {})[day] = body
            for item in json.loads(body):
                paper = item["paper"]
                self._shown("daily", paper["id"], day, paper["title"], paper["summary"])

    def _arxiv(self, day: int) -> None:
        date = (START + timedelta(days=day)).date().isoformat()
        with gzip.open(self.folder / f"arxiv/announce/{date}.json.gz", "rt") as file:
            papers = json.load(file)["papers"]
        entries = [p | {"id": p["arxiv_id"], "type": p["announce_type"]} for p in papers]
        self.served.setdefault("announce", {})[day] = atom(entries, day=date)
        for e in entries:
            news = e["type"] in ("new", "cross")
            self._shown("announce", e["id"], day, e["title"], e["abstract"], news=news)

    def _corpus(self, day: int) -> None:
        date = (datetime(2026, 5, 4, tzinfo=UTC) + timedelta(days=day)).date().isoformat()
        with gzip.open(self.folder / f"corpus/arxiv_daily/{date}.jsonl.gz", "rt") as file:
            rows = [json.loads(line) for line in file]
        entries = [row | {"abstract": row["summary"]} for row in rows]
        self.served.setdefault("corpus", {})[day] = atom(entries, day=date)
        for entry in entries:
            self._shown("corpus", entry["id"], day, entry["title"], entry["abstract"])

    def _shown(
        self, source: str, number: str, day: int, title: str, abstract: str, *, news: bool = True
    ) -> None:
        """A source shows a paper; it is news on the first day, unless that is a replacement."""
        self.news.setdefault((source, f"arxiv:{number}"), day if news else None)
        flat = " ".join(title.split()) + "\n" + " ".join(abstract.split())
        self.texts.setdefault(f"arxiv:{number}", flat)

    def news_of(self, days: range) -> set[str]:
        """The papers that became news on these days, by whichever source."""
        return {paper for (_, paper), day in self.news.items() if day in days}

    def wanted_by(self, reader: Reader) -> set[str]:
        """The papers that a reader's rules ask for, whenever they come."""
        return {
            paper
            for paper, text in self.texts.items()
            if all(re.search(one, text) for one in reader.wanted)
            and not re.search(reader.never, text)
        }

    def answer(self, request: Request) -> Response:
        """Serve the day's body of a source, conditionally."""
        body = self.served[request.path.strip("/")].get(self.day) or {
            "daily": daily_papers([]), "corpus": atom([]), "announce": atom([]),
        }[request.path.strip("/")]  # fmt: skip
        response = Response(body)
        response.add_etag()
        return response.make_conditional(request)


@pytest.fixture(scope="module")
def week() -> Week:
    made = Week(real_data("arxiv").parent)
    made.load()
    return made


@dataclass
class Played:
    """What came out of the week."""

    sink: Sink
    papers: dict[str, dict[str, list[str]]]
    more: dict[str, dict[str, int]]
    changed_by_second_run: list[datetime]


def settings(folder: Path, server: HTTPServer, sink: Sink) -> Settings:
    urls = {"announce": "arxiv", "corpus": "arxiv", "daily": "huggingface"}
    return Settings(
        database={"url": database_url(folder, "week")},
        digest={"sample": False},
        smtp={"host": "127.0.0.1", "port": sink.port, "security": "none"},
        mail={"from": "Papers <papers@example.org>"},
        http={"pause_seconds": 0},
        source=[
            {"name": name, "kind": kind, "urls": [server.url_for(f"/{name}")]}
            for name, kind in urls.items()
        ],
    )


async def play(app: App, week: Week) -> list[datetime]:
    """Tick through the week, each time twice; return when a second run changed something."""
    changed = []
    now = START
    while now < START + timedelta(days=DAYS):
        week.day = (now - timedelta(hours=FEED_HOUR) - START).days
        app.clock = lambda moment=now: moment  # type: ignore[misc]
        done = await app.tick()
        assert not done.needs_care, [report.failure for report in done.ingested]
        if any(report.new for report in done.ingested) or done.composed.made:
            before = dump(app.database)
            await app.intake.ingest(app.intake.sources())
            app.compose()
            await app.deliver()
            changed += [now] if before != dump(app.database) else []
        now += STEP
    return changed


@pytest.fixture(scope="module")
def played(week: Week, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    import asyncio

    folder = tmp_path_factory.mktemp("week")
    with HTTPServer() as server:
        server.expect_request(re.compile(".*")).respond_with_handler(week.answer)
        yield asyncio.run(_play(week, folder, server))


async def _play(week: Week, folder: Path, server: HTTPServer) -> Played:
    async with listening() as sink:
        app = App(settings(folder, server, sink), clock=lambda: START)
        for reader in READERS:
            address = f"{reader.name}@example.org"
            app.subscriptions.request(
                address, now=START, schedule=reader.schedule, max_papers=reader.max_papers
            )
            app.subscriptions.add_profile(address, reader.name, reader.rules, now=START)
            if reader.name != "jo":  # never confirmed
                app.subscriptions.confirm(address, now=START, because="asked")
        changed = await play(app, week)
        papers: dict[str, dict[str, list[str]]] = {reader.name: {} for reader in READERS}
        more: dict[str, dict[str, int]] = {reader.name: {} for reader in READERS}
        with app.database.reading() as conn:
            for digest in store_digests.listed(conn, limit=1000):
                name = digest.address.partition("@")[0]
                found = store_digests.papers_of(conn, digest.key)
                papers[name][digest.period] = [paper for _, _, paper, _ in found]
                more[name][digest.period] = digest.more
            assert store_papers.rows_since(conn)
        app.close()
        return Played(sink, papers, more, changed)


def batch_days(reader: Reader, period: str) -> range:
    """Which days' feeds had come between a reader's digest before and this one."""
    zone = ZoneInfo(reader.schedule.zone)
    if reader.schedule.cadence == "weekly":
        return range(0, 1) if period == "2026-W17" else range(1, 8)
    local = datetime.fromisoformat(period).replace(
        hour=reader.schedule.hour, minute=reader.schedule.minute, tzinfo=zone
    )
    last = (local.astimezone(UTC) - timedelta(hours=FEED_HOUR) - START).days
    step = 3 if local.weekday() == 0 and reader.schedule.days != EVERY_DAY else 1
    return range(max(last - step + 1, 0), last + 1)


@pytest.mark.parametrize("reader", [r for r in READERS if r.name in EXACT], ids=lambda r: r.name)
def test_each_digest_holds_exactly_the_papers_its_rules_ask_for(
    reader: Reader, week: Week, played: Played
) -> None:
    assert played.papers[reader.name], "no digest at all"
    ever_wanted, sent = week.wanted_by(reader), set[str]()
    for period, papers in sorted(played.papers[reader.name].items()):
        days = batch_days(reader, period)
        if DAYS - 1 in days:
            continue  # the RSS capture's papers are not among the announcements
        wanted = (ever_wanted & week.news_of(days)) - sent
        sent |= set(papers)
        assert set(papers) <= wanted, period
        assert len(papers) + played.more[reader.name][period] == len(wanted), period
        assert len(papers) == min(len(wanted), reader.max_papers), period


def test_the_week_brings_something_to_everybody_who_confirmed(played: Played) -> None:
    got = {mail.recipient for mail in played.sink.received}
    assert got == {f"{reader.name}@example.org" for reader in READERS if reader.name != "jo"}


def test_no_paper_reaches_anybody_twice(played: Played) -> None:
    for name, digests in played.papers.items():
        papers = [paper for one in digests.values() for paper in one]
        assert len(papers) == len(set(papers)), name


def test_one_mail_for_each_digest_with_papers(played: Played) -> None:
    mails = [mail.recipient for mail in played.sink.received]
    for name, digests in played.papers.items():
        assert mails.count(f"{name}@example.org") == sum(map(bool, digests.values())), name


def test_message_ids_are_all_different(played: Played) -> None:
    parsed = [email.message_from_bytes(m.content, policy=email.policy.strict)
              for m in played.sink.received]  # fmt: skip
    assert len({mail["Message-ID"] for mail in parsed}) == len(parsed)


def test_week_ends_are_quiet_for_those_who_would_take_mail_every_day(played: Played) -> None:
    for name in ("dora", "emil", "fay"):
        digests = played.papers[name]
        assert {"2026-04-25", "2026-04-26"} <= set(digests), name
        assert digests["2026-04-25"] == digests["2026-04-26"] == [], name


def test_the_trending_reader_gets_the_most_talked_about_without_any_keyword(
    week: Week, played: Played
) -> None:
    upvotes = {
        f"arxiv:{item['paper']['id']}": item["paper"]["upvotes"]
        for item in json.loads(week.served["daily"][0])
    }
    first = next(papers for _, papers in sorted(played.papers["cy"].items()) if papers)
    best = sorted(upvotes, key=lambda paper: -upvotes[paper])
    assert set(first) <= set(best[: len(first) + 1]), "comments may move one place"
    assert 0.15 < len(first) / len(best) < 0.35, "the upper third, not everything"


def test_the_second_run_of_every_step_changes_nothing(played: Played) -> None:
    assert played.changed_by_second_run == []
