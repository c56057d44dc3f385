"""Authors by their ids: exactly their papers; and names that are several people."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from notifier.app import App
from notifier.config import Settings
from notifier.doctor.setup import Setup
from notifier.doctor.source_checks import ask_sources
from notifier.papers.author_id import author_id, is_orcid
from notifier.profiles.hits import match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.matching.values import author_fits
from notifier.profiles.namesakes import namesakes
from notifier.profiles.parser import parse
from notifier.profiles.rules import format_rules
from notifier.sources.authors import MOST_IN_A_ROUND, AuthorsSource
from notifier.storage import schema, store_authors, store_digests, store_papers, store_sources
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_deliveries import Outcome, claim, finish

from .builders import a_paper, an_entry, atom
from .commands import Notifier, notifier
from .databases import database_url
from .pages import ADA as PLACE_ADA
from .pages import MORNING, Place, path, place
from .test_votes import ada

__all__ = ["ada", "notifier", "place"]

ORCID, ARXIV = "0000-0002-1825-0097", "wang_w_3"
ADA = "ada@example.org"
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)  # a Friday


def atom2(*papers: tuple[str, datetime]) -> bytes:
    """An author's feed: ids, and when each was submitted."""
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/{number}v1</id><updated>{at:%Y-%m-%dT%H:%M:%SZ}</updated>"
        f"<published>{at:%Y-%m-%dT%H:%M:%SZ}</published><title>On {number}</title>"
        "<summary>An abstract.</summary><author><name>Wei Wang, B. Author</name></author>"
        f'<link href="http://arxiv.org/abs/{number}v1" rel="alternate" type="text/html"/>'
        '<category term="cs.RO" scheme="http://arxiv.org/schemas/atom"/></entry>'
        for number, at in papers
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>http://arxiv.org/a/{ARXIV}</id><title>W. Wang's articles on arXiv</title>"
        f"<updated>{NOW:%Y-%m-%dT%H:%M:%SZ}</updated>{entries}</feed>"
    ).encode()


@pytest.mark.parametrize(
    ("written", "known"),
    [
        (ORCID, ORCID),
        (f"https://orcid.org/{ORCID}", ORCID),
        ("0000-0002-9079-593x", "0000-0002-9079-593X"),
        ("0000-0002-1825-0098", None),
        ("Warner_S_1", "warner_s_1"),
        (f"https://arxiv.org/a/{ARXIV}.atom2", ARXIV),
        ("Wei Wang", None),
        ("warner_s", None),
        ("", None),
    ],
)
def test_an_id_is_told_from_a_name(written: str, known: str | None) -> None:
    assert author_id(written) == known


def test_every_wrong_digit_of_an_orcid_is_noticed() -> None:
    for at, digit in enumerate(ORCID):
        for other in "0123456789":
            if digit not in ("-", other):
                assert not is_orcid(ORCID[:at] + other + ORCID[at + 1 :])


def test_a_rule_takes_ids_and_addresses_and_refuses_a_mistyped_one() -> None:
    for typed in (ORCID, f"author: {ORCID}", f"orcid.org/{ORCID}", f"https://orcid.org/{ORCID}"):
        assert format_rules(parse(typed)) == f"author: {ORCID}\n"
    mixed = f"author:https://orcid.org/{ORCID} | RAG -{ORCID}"
    assert format_rules(parse(mixed)) == f"author: {ORCID} | RAG + -author: {ORCID}\n"
    told = f"author: Wei Wang # https://orcid.org/{ORCID}"
    assert format_rules(parse(told)) == f"{told}\n"
    assert format_rules(parse(f'"{ORCID}"')) == f'"{ORCID}"\n'  # in quotes it is text
    for end in ("", "/", ".atom", ".atom2"):
        typed = f"author: https://arxiv.org/a/{ARXIV}{end} + cat: cs.RO"
        assert format_rules(parse(typed)) == f"author: {ARXIV} + cat: cs.RO\n"
    for typed, said in (
        ("0000-0002-1825-0098", "no ORCID iD"), (f"{ORCID} RAG", "does not fit"),
        (f"title: {ORCID}", "is an author"),
    ):  # fmt: skip
        (problem,) = parse(typed).problems
        assert said in str(problem)


def test_an_id_is_nobody_s_name_and_a_name_no_id() -> None:
    assert author_fits(ORCID, ORCID)
    assert not author_fits("warner_s_1", "S. Warner")
    assert not author_fits("Simeon Warner", "warner_s_1")
    assert not author_fits("warner_s_1", "warner_s_2")
    paper = a_paper("A title", authors=("Wei Wang",), author_ids=(ORCID,))
    found = match(parse(f"author: {ORCID}"), IndexedPaper(paper))
    assert found
    assert found.hits[0].words == (ORCID,)


class Lab:
    """Ada follows an author by id; the author's feed and arXiv's are behind a real server."""

    def __init__(self, folder: Path, server: HTTPServer, rules: str = f"author: {ARXIV}") -> None:
        self.now, self.server = NOW, server
        sources: list[dict[str, Any]] = [
            {"name": "arxiv-authors", "kind": "arxiv-authors", "urls": [server.url_for("/a/")]},
            {"name": "feed", "kind": "arxiv", "urls": [server.url_for("/feed")]},
        ]
        settings = Settings(
            database={"url": database_url(folder)}, mail={"from": "P <p@example.org>"},
            digest={"sample": False, "wait_minutes": 0}, source=sources,
            http={"pause_seconds": 0},
        )  # fmt: skip
        self.app = App(settings, clock=lambda: self.now)
        service = self.app.subscriptions
        service.request(ADA, now=self.now - timedelta(days=2))
        service.confirm(ADA, now=self.now - timedelta(days=2), because="asked")
        service.add_profile(ADA, "people", rules, now=self.now)
        self.author()
        self.announce()

    def author(self, *papers: tuple[str, datetime]) -> None:
        self.server.clear_all_handlers()
        self.server.expect_request(f"/a/{ARXIV}.atom2").respond_with_data(atom2(*papers))

    def announce(self, *numbers: str) -> None:
        entries = [{"id": n, "title": f"On {n}", "authors": ["W. Wang"]} for n in numbers]
        self.server.expect_request("/feed").respond_with_data(atom(entries))

    def read(self, *names: str) -> None:
        for name in names:
            asyncio.run(self.app.intake.ingest(self.app.intake.sources((name,))))

    def digest(self) -> list[str]:
        """The papers of Ada's next digest."""
        self.app.compose()
        with self.app.database.writing() as conn:
            for one in claim(conn, owner="t", now=self.now, lease_until=self.now, limit=9):
                finish(conn, one.row, Outcome("sent"), owner="t", now=self.now)
        self.now += timedelta(days=1)
        with self.app.database.reading() as conn:
            last = store_digests.listed(conn, subscriber=1)
            found = store_digests.papers_of(conn, last[0].key) if last else ()
        return [paper for _, _, paper, _ in found]


@pytest.fixture
def lab(tmp_path: Path, httpserver: HTTPServer) -> Any:
    made = Lab(tmp_path, httpserver)
    yield made
    made.app.close()


@pytest.mark.both
@pytest.mark.parametrize("names", [("feed", "arxiv-authors"), ("arxiv-authors", "feed")])
def test_a_paper_is_found_by_the_author_s_id_whichever_feed_comes_first(
    lab: Lab, names: tuple[str, ...]
) -> None:
    lab.author(("2611.00001", NOW), ("2101.00009", NOW - timedelta(days=2000)))
    lab.announce("2611.00001", "2611.00002")
    lab.read(*names)
    assert lab.digest() == ["arxiv:2611.00001"]  # not the one that only writes the name alike
    lab.read(*names)
    lab.now = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert lab.digest() == []


@pytest.mark.both
def test_a_paper_that_came_with_an_earlier_digest_s_news_is_found_when_its_author_is_known(
    lab: Lab,
) -> None:
    lab.announce("2611.00001")
    lab.read("feed")
    assert lab.digest() == []
    lab.author(("2611.00001", NOW))
    lab.announce()
    lab.read("arxiv-authors")
    lab.now = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert lab.digest() == ["arxiv:2611.00001"]


@pytest.mark.both
def test_papers_of_earlier_weeks_are_no_news_to_who_begins_to_follow(lab: Lab) -> None:
    lab.author(*((f"2610.0000{n}", NOW - timedelta(days=20 + n)) for n in range(1, 9)))
    lab.read("arxiv-authors")
    assert lab.digest() == []
    with lab.app.database.reading() as conn:
        (one,) = store_papers.load(conn, [1])
        assert one.author_ids == (ARXIV,)
        assert one.first_seen_at < NOW - timedelta(days=10)


def test_whom_nobody_follows_is_not_asked_and_an_unknown_id_is_told(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver, "RAG")
    lab.read("arxiv-authors")
    assert [one for one in httpserver.log if "/a/" in one[0].path] == []
    lab.app.subscriptions.add_profile(ADA, "gone", "author: nobody_x_1", now=lab.now)
    httpserver.expect_request("/a/nobody_x_1.atom2").respond_with_data("no such id", status=404)
    lab.read("arxiv-authors")
    with lab.app.database.reading() as conn:
        (health,) = (one for one in store_sources.health(conn) if one.name == "arxiv-authors")
        assert store_authors.followed(conn) == ["nobody_x_1"]
    assert health.failures == 0  # a reader's mistake is no failure of the source
    assert "nobody_x_1" in f"{health}"
    told = lab.app.library.try_rules(f"RAG\nauthor: nobody_x_1 | {ORCID}", since=None, limit=1)
    assert [(one.line, "asked on" in str(one.message)) for one in told.warnings] == [(2, True)]
    httpserver.clear_all_handlers()  # whoever registers later is known
    httpserver.expect_request("/a/nobody_x_1.atom2").respond_with_data(atom2())
    lab.read("arxiv-authors")
    assert lab.app.library.try_rules("author: nobody_x_1", since=None, limit=1).warnings == ()
    lab.app.close()


@pytest.mark.parametrize("hours", [1, 6, 24])
def test_very_many_authors_have_their_turn_at_whatever_hours_a_source_is_asked(hours: int) -> None:
    waiting = [f"a_{n}" for n in range(1, 2 * MOST_IN_A_ROUND + 2)]
    source = AuthorsSource("x", lambda: tuple(waiting))
    seen = set[str]()
    for number in range(3):
        requests = source.requests(now=NOW + timedelta(hours=hours * number))
        assert len(requests) <= MOST_IN_A_ROUND
        for request in requests:
            (author,) = request.parts
            waiting.remove(author)
            waiting.append(author)
            seen.add(author)
    assert seen == set(waiting)


@pytest.mark.both
def test_who_was_asked_longest_ago_comes_first_and_a_comment_s_id_never(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    rules = f'author: "{ORCID}"\nRAG  # was author: old_x_1\nauthor: {ARXIV} + cat: cs.RO'
    lab = Lab(tmp_path, httpserver, rules)
    httpserver.expect_request(f"/a/{ORCID}.atom2").respond_with_data("down", status=500)

    def turns() -> list[str]:
        with lab.app.database.reading() as conn:
            return store_authors.followed(conn)

    assert turns() == [ORCID, ARXIV]
    lab.read("arxiv-authors")
    assert turns() == [ORCID, ARXIV]  # who did not answer still has the first turn
    with lab.app.database.reading() as conn:
        assert [one.author for one in conn.execute(t.author_feed.select())] == [ARXIV]
    lab.app.subscriptions.add_profile(ADA, "more", "author: new_x_1", now=lab.now)
    assert turns() == [ORCID, "new_x_1", ARXIV]
    lab.app.close()


# Names


def by(*authors: str, cat: str = "cs.RO") -> Any:
    return a_paper("A title", authors=authors, categories=(cat,))


def test_papers_with_shared_co_authors_are_one_person_s_and_others_are_not() -> None:
    robots = [
        by("Wei Wang", "A. One", "B. Two"),
        by("W. Wang", "B. Two"),
        by("Wang, Wei", "A. One"),
    ]
    cells = [by("Wei Wang", "C. Three", "D. Four", cat="q-bio.QM"), by("Wei Wang", "D. Four")]
    found = namesakes("Wei Wang", [*robots, *cells])
    assert found
    assert (found.papers, found.people) == (5, 2)
    assert [(one.rule, one.papers) for one in found.guards] == [
        ("author: Wei Wang + cat: cs.RO", 4), ("author: Wei Wang + cat: q-bio.QM", 1),
    ]  # fmt: skip
    assert namesakes("Wei Wang", robots) is None
    assert namesakes("Wei Wang", cells) is None  # so few say nothing


def test_lonely_papers_of_one_field_are_taken_for_one_person_s() -> None:
    assert namesakes("Wei Wang", [by("Wei Wang") for _ in range(4)]) is None
    apart = [by("Wei Wang", cat=cat) for cat in ("cs.RO", "q-bio.QM", "math.AG", "cs.RO")]
    found = namesakes("Wei Wang", apart)
    assert found
    assert found.people == 3


# Commands


@pytest.fixture
def several(ada: Notifier) -> Notifier:
    entries: list[dict[str, Any]] = [
        {"id": f"2611.{n:05d}", "title": "T",
         "authors": ["Wei Wang", ("B. Ada", "C. Bell", "D. Curie")[n % 3]],
         "categories": (("cs.RO", "q-bio.QM", "math.AG")[n % 3],)}
        for n in range(1, 10)
    ]  # fmt: skip
    (ada.folder / "names").write_bytes(atom(entries))
    ada("ingest", "--file", ada.folder / "names", "--kind", "arxiv")
    return ada


def test_a_name_that_is_several_people_is_told_with_guards(several: Notifier) -> None:
    tested = several("profile", "test", "author: Wei Wang")
    assert "by 3 different people" in tested.err
    assert "author: Wei Wang + cat: cs.RO (3)" in tested.err
    guarded = several("profile", "test", "author: Wei Wang + cat: cs.RO")
    assert "different people" not in guarded.err


def test_the_command_follows_once_and_says_what_it_finds(several: Notifier) -> None:
    words = ("profile", "follow", ADA, "--author")
    dry = several(*words, f"https://orcid.org/{ORCID}", "--dry-run")
    assert dry.out == f"author: {ORCID}\n"
    assert 'kind "arxiv-authors"' in dry.err
    said = several(*words, "Wei Wang")
    assert "9 stored papers" in said.err
    assert "different people" in said.err
    assert "has this rule already" in several(*words, "Wei Wang").err
    assert several("profile", "show", ADA, "people").out == "author: Wei Wang\n"
    several("profile", "follow", ADA, "--org", "Qualcomm")
    assert "org: Qualcomm" in several("profile", "show", ADA, "people").out
    for wrong in (("--author", "0000-0002-1825-0098"), ("--author", "x", "--org", "y"), ()):
        assert several("profile", "follow", ADA, *wrong).code == 2


@pytest.mark.both
def test_the_step_of_the_schema_knows_no_author_s_id(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0029")
    with made.writing() as conn:
        conn.exec_driver_sql(
            "INSERT INTO paper (id, key, title, abstract, authors, categories, urls, announce,"
            " first_seen_at, updated_at) VALUES (1, 'arxiv:1', 'T', '', '[]', '[]', '{}', 'new',"
            " '2026-11-20 05:00:00.000000', '2026-11-20 05:00:00.000000')"
        )
    assert {"0030", "0031"} <= set(schema.upgrade(made))
    with made.reading() as conn:
        assert store_papers.load(conn, [1])[0].author_ids == ()
        assert conn.execute(t.author_feed.select()).all() == []
    made.close()


# Pages


@pytest.mark.anyio
async def test_authors_of_a_paper_are_followed_and_left_by_post_alone(place: Place) -> None:
    place.now = MORNING
    place.take(an_entry(1, "RAG", authors=("José Núñez", "A | B"), organization="ACME Labs"))
    url = path(place.app.links.vote(1, 1)) + "/follow"

    def people() -> list[str]:
        found = {one.name: one.rules for one in place.app.subscriptions.profiles(PLACE_ADA)}
        return found.get("people", "").splitlines()

    async with place.client() as http:
        page = await http.get(url, params={"do": "follow", "rule": "author: José Núñez"})
        assert "author: José Núñez" in page.text
        assert people() == []
        for rule in ("author: José Núñez", "org: ACME Labs", "author: José Núñez", "cat: cs.*"):
            assert (await http.post(url, data={"do": "follow", "rule": rule})).status_code == 303
        assert people() == ["author: José Núñez", "org: ACME Labs"]
        for rule in ("author: José Núñez", "org: ACME Labs"):
            await http.post(url, data={"do": "leave", "rule": rule})
        assert people() == []
        assert (await http.get(url.replace("/v/", "/v/9"))).status_code in (403, 404)


def test_the_doctor_is_content_with_a_source_that_has_nobody_to_ask_for(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver, "RAG")
    nobody: Any = None  # no name is looked up
    setup = Setup(lab.app.settings, None, lab.app.database, nobody, lambda: lab.now)
    found = asyncio.run(ask_sources(setup))
    assert ("ok", True) in [(one.state, "nobody follows" in one.found) for one in found]
    lab.app.close()
