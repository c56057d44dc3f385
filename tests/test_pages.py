"""The pages behind a mail's links: GET shows, POST acts, twice is once, nothing breaks out."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from notifier.errors import Busy
from notifier.papers.identity import Alias
from notifier.profiles.profile import Schedule
from notifier.storage import store_papers, store_subscribers, store_votes
from notifier.web.archive import MOST_SHOWN

from .builders import an_entry
from .pages import ADA, HOSTILE, MORNING, Place, has_foreign_script, path, place
from .test_promises import dump

__all__ = ["place"]

BERLIN = ZoneInfo("Europe/Berlin")
PAGES = ("unsubscribe", "vote", "pause", "change", "digest", "text", "all", "paper", "bibtex",
         "ris")  # fmt: skip
FORMS: dict[str, dict[str, Any]] = {
    "unsubscribe": {},
    "vote": {"said": "saved"},
    "pause": {"for": "2"},
    "change": {"days": ["mon", "sat"], "time": "18:30", "zone": "Asia/Tokyo", "cadence": "daily",
               "max_papers": "5", "replacements": "yes"},
}  # fmt: skip


@pytest.mark.anyio
async def test_opening_any_page_twice_changes_nothing(place: Place) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        before = dump(place.app.database)
        for name in PAGES:
            for method in ("GET", "HEAD", "GET"):
                assert (await http.request(method, paths[name])).status_code == 200, name
        assert dump(place.app.database) == before


@pytest.mark.anyio
@pytest.mark.parametrize("name", FORMS)
async def test_sending_a_form_twice_is_the_same_as_once(place: Place, name: str) -> None:
    link = place.paths(place.send())[name]
    async with place.client() as http:
        before = dump(place.app.database)
        assert (await http.post(link, data=FORMS[name])).status_code == 200
        once = dump(place.app.database)
        assert once != before
        place.now += timedelta(hours=1)
        assert (await http.post(link, data=FORMS[name])).status_code == 200
        assert dump(place.app.database) == once


@pytest.mark.anyio
@pytest.mark.parametrize("name", FORMS)
async def test_a_link_of_another_purpose_or_person_is_refused(place: Place, name: str) -> None:
    paths = place.paths(place.send())
    place.reader("bo@example.org")
    head = paths[name].rpartition("/")[0]
    token = paths[name].rpartition("/")[2].partition("?")[0]
    others = [paths[n].rpartition("/")[2].partition("?")[0] for n in FORMS if n != name]
    forged = [
        *others, token[:-2], "2" + token[1:], token + "x", "nonsense", "%ff", "1.x", "-1.x", "%00",
        token.replace(".", "-2."), "9" * 400,
    ]  # fmt: skip
    async with place.client() as http:
        before = dump(place.app.database)
        for one in forged:
            for method in ("GET", "POST"):
                answer = await http.request(method, f"{head}/{one}", data=FORMS[name] or None)
                assert answer.status_code == 404, one
                assert "This link does not work" in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_link_for_changes_is_too_old_after_thirty_days_and_the_others_never_are(
    place: Place,
) -> None:
    paths = place.paths(place.send())
    place.now += timedelta(days=30)
    async with place.client() as http:
        assert (await http.get(paths["change"])).status_code == 200
        place.now += timedelta(days=1)
        before = dump(place.app.database)
        for method in ("GET", "POST"):
            answer = await http.request(method, paths["change"], data=FORMS["change"])
            assert answer.status_code == 410
            assert "It worked for 30 days" in answer.text
        assert dump(place.app.database) == before
        for name in ("unsubscribe", "vote", "pause"):
            assert (await http.get(paths[name])).status_code == 200


@pytest.mark.anyio
async def test_a_link_of_before_links_had_a_day_still_works(place: Place) -> None:
    old = f"/m/{place.app.tokens.make('change', 1)}"
    place.now += timedelta(days=300)
    async with place.client() as http:
        assert (await http.get(old)).status_code == 200


@pytest.mark.anyio
async def test_a_link_for_something_else_says_so(place: Place) -> None:
    paths = place.paths(place.send())
    token = paths["unsubscribe"].rpartition("/")[2]
    async with place.client() as http:
        for head in ("/m/", "/v/", "/pause/"):
            assert "for something else" in (await http.get(head + token)).text
        assert "for something else" not in (await http.get(f"/m/{token[:-2]}")).text


@pytest.mark.anyio
async def test_who_has_left_reads_that_they_have(place: Place) -> None:
    link = place.paths(place.send())["unsubscribe"]
    async with place.client() as http:
        await http.post(link)
        text = (await http.get(link)).text
    assert "You have left" in text
    assert "<form" not in text


@pytest.mark.anyio
async def test_links_of_what_was_deleted_lead_to_a_plain_page(place: Place) -> None:
    paths = place.paths(place.send())
    place.app.subscriptions.remove(ADA)
    async with place.client() as http:
        for name in ("vote", "pause", "change", "digest", "all"):
            answer = await http.get(paths[name])
            assert answer.status_code == 404, name
            assert "<h1>Nothing here" in answer.text
        for name in ("vote", "pause", "change"):
            assert (await http.post(paths[name], data=FORMS[name])).status_code == 404


@pytest.mark.anyio
async def test_every_answer_has_the_safe_headers_and_no_script_but_ours(place: Place) -> None:
    paths = place.paths(place.send())
    wrong = {path: path for path in ("/nowhere", "/d/xyz", "/u/forged", "/p/arxiv:1")}
    async with place.client() as http:
        for name, link in (paths | wrong).items():
            answer = await http.get(link)
            assert answer.headers["Referrer-Policy"] == "no-referrer", name
            if name != "paper":  # which is for anybody
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["X-Robots-Tag"] == "noindex"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert ("'unsafe-inline'" in policy) == (name in ("digest", "text"))
            if answer.headers["Content-Type"].startswith("text/html"):
                assert not has_foreign_script(answer.text)


@pytest.mark.anyio
async def test_what_sources_and_people_wrote_stands_escaped(place: Place) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        for name in ("vote", "paper", "all", "change"):
            text = (await http.get(paths[name])).text
            assert "&lt;script&gt;" in text, name
            assert not has_foreign_script(text)
            assert "<img" not in text
            assert "<b>ml" not in text
        form = FORMS["change"] | {"time": HOSTILE, "zone": HOSTILE, "max_papers": HOSTILE}
        text = (await http.post(paths["change"], data=form)).text
        assert text.count("&lt;script&gt;") >= 6
        assert not has_foreign_script(text)
        text = (await http.post(paths["pause"], data={"for": "date", "until": HOSTILE})).text
        assert "&lt;script&gt;" in text
        assert not has_foreign_script(text)


# The archive.


@pytest.mark.anyio
async def test_an_archived_digest_is_the_mail_to_the_byte(place: Place) -> None:
    key = place.send()
    mail = email.message_from_bytes(place.mail(key), policy=email.policy.default)
    parts = {
        part.get_content_subtype(): part.get_payload(decode=True) for part in mail.iter_parts()
    }
    async with place.client() as http:
        html, text = await http.get(f"/d/{key}"), await http.get(f"/d/{key}?text")
    assert html.content == parts["html"]
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert text.content == parts["plain"]
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.anyio
async def test_only_the_whole_key_leads_to_a_digest(place: Place) -> None:
    key = place.send()
    async with place.client() as http:
        for wrong in (key[:-1], key[:8], key.upper(), f"{key}0", "0" * 32, "%25", f"{key} "):
            for end in ("", "/all"):
                assert (await http.get(f"/d/{quote(wrong)}{end}")).status_code == 404, wrong


@pytest.mark.anyio
async def test_a_digest_is_gone_after_the_days_of_the_archive(tmp_path: Path) -> None:
    place = Place(tmp_path, archive_days=2)
    key = place.send()
    async with place.client() as http:
        place.now += timedelta(days=2)
        assert (await http.get(f"/d/{key}")).status_code == 200
        place.now += timedelta(seconds=1)
        for end in ("", "?text", "/all"):
            answer = await http.get(f"/d/{key}{end}")
            assert answer.status_code == 410
            assert "for 2 days" in answer.text
        place.app.keep_house()  # deletes the mail
        place.now -= timedelta(days=1)
        assert (await http.get(f"/d/{key}")).status_code == 410, "its mail is deleted"
    place.app.close()


@pytest.mark.anyio
async def test_a_digest_for_which_nothing_was_sent_has_no_page(place: Place) -> None:
    place.now = MORNING
    place.app.compose()
    async with place.client() as http:
        with place.app.database.reading() as conn:
            key = conn.exec_driver_sql("SELECT key FROM digest").scalar_one()
        assert (await http.get(f"/d/{key}")).status_code == 404
        assert "Nothing that matched" in (await http.get(f"/d/{key}/all")).text


def listed(text: str) -> list[str]:
    """The papers of a page, in order; those of the digest with a star."""
    items = re.findall(r"<li>(.*?)</li>", text, re.DOTALL)
    found = [(re.search(r"/p/arxiv:2611\.0*(\d+)", item), item) for item in items]
    return [name[1] + "*" * ("in the digest" in item) for name, item in found if name]


@pytest.mark.anyio
async def test_all_that_matched_stands_best_first_with_the_digests_marked(place: Place) -> None:
    key = place.send()
    with place.app.database.reading() as conn:
        chosen = conn.exec_driver_sql(
            "SELECT p.key FROM digest_paper d JOIN paper p ON p.id = d.paper_id ORDER BY place"
        ).scalars()
        best = [name.rpartition(".")[2].lstrip("0") + "*" for name in chosen]
    async with place.client() as http:
        text = (await http.get(f"/d/{key}/all")).text
        rest = [str(n) for n in range(1, 7) if f"{n}*" not in best]
        assert listed(text)[:3] == best
        assert sorted(listed(text)[3:]) == rest
        assert "6 papers" in text
        assert "RAG ^2" in text, "the rule that wants them"
        assert "matched then" not in text
        place.now += timedelta(days=1)
        place.take(an_entry(9, "RAG later"))
        place.app.match()
        assert listed((await http.get(f"/d/{key}/all")).text) == listed(text), "of that time"


@pytest.mark.anyio
async def test_what_is_not_kept_any_more_is_said(place: Place) -> None:
    key = place.send()
    async with place.client() as http:
        place.now += timedelta(days=31)
        place.take(an_entry(99, "Trees"))
        place.app.compose()
        text = (await http.get(f"/d/{key}/all")).text
        assert len(listed(text)) == 3, "what was in the digest"
        assert all(name.endswith("*") for name in listed(text))
        assert "Matches are kept for 30 days" in text
        assert "3 more papers matched then" in text


@pytest.mark.anyio
async def test_what_matched_by_rules_that_were_changed_is_said(place: Place) -> None:
    key = place.send()
    service = place.app.subscriptions
    service.add_profile(ADA, "<b>ml</b>", "nothing like it", now=place.now, replace=True)
    place.app.match()
    async with place.client() as http:
        text = (await http.get(f"/d/{key}/all")).text
    assert "3 more papers matched then. What you follow has changed" in " ".join(text.split())
    assert len(listed(text)) == 3


@pytest.mark.anyio
async def test_very_many_matches_are_cut_and_counted(place: Place) -> None:
    place.now = MORNING
    many = MOST_SHOWN + 5
    with place.app.database.writing() as conn:
        papers = [an_entry(n, f"RAG number {n}") for n in range(1, many + 1)]
        store_papers.take_in(conn, papers, source="arxiv", now=place.now)
    place.app.compose()
    with place.app.database.reading() as conn:
        key = conn.exec_driver_sql("SELECT key FROM digest").scalar_one()
    async with place.client() as http:
        text = (await http.get(f"/d/{key}/all")).text
    assert len(listed(text)) == MOST_SHOWN
    assert "and 5 more" in text
    assert f"{many} papers" in text


# Papers.


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name",
    ["2611.00001", "arXiv:2611.00001v3", "10.48550/arXiv.2611.00001",
     "https://arxiv.org/abs/2611.00001", "https:/arxiv.org/abs/2611.00001"],
)  # fmt: skip
async def test_any_name_of_a_paper_leads_to_its_one_address(place: Place, name: str) -> None:
    place.send()
    async with place.client() as http:
        for end in ("", ".bib", ".ris"):
            answer = await http.get(f"/p/{quote(name)}{end}")
            assert answer.status_code == 302
            assert answer.headers["Location"] == f"/p/arxiv:2611.00001{end}"


UNKNOWN = (
    "arxiv:2611.99999", "", "x", "%00", "%ff", "...", "arxiv:2611.99999.bib", ".bib", "guid:x",
    "guid:a|b", "url:", "url:https://[", "http://[::1", "a" * 3000,
)  # fmt: skip


@pytest.mark.anyio
async def test_an_unknown_paper_has_the_page_for_that(place: Place) -> None:
    place.send()
    async with place.client() as http:
        for name in UNKNOWN:
            answer = await http.get(f"/p/{name}", follow_redirects=True)
            assert answer.status_code == 404, name
            assert "Nothing here" in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    "id_",
    ["url:https://example.org/a?b=c&d=%2F#x", "guid:feed|a b/ü?#%41", "doi:10.1000/a(b);c<d>/e",
     "doi:10.1000/x.bib", "url:https://example.org/x.ris"],
)  # fmt: skip
async def test_a_paper_of_any_id_has_its_page_and_citations(place: Place, id_: str) -> None:
    scheme, _, value = id_.partition(":")
    value = value.partition("#")[0] if scheme == "url" else value
    with place.app.database.writing() as conn:
        paper = an_entry(aliases=(Alias(scheme, value),), title="Odd")
        store_papers.take_in(conn, [paper], source="feed", now=place.now)
    links, id_ = place.app.links, f"{scheme}:{value}"
    async with place.client() as http:
        for url in (links.paper(id_), links.bibtex(id_), links.ris(id_)):
            answer = await http.get(path(url))
            assert answer.status_code == 200, url
            assert "Odd" in answer.text
        merged = await http.get(path(links.paper(id_)).replace("//", "/"))
        assert merged.status_code == 200, "behind a proxy that makes one slash of two"


@pytest.mark.anyio
async def test_a_papers_page_has_its_facts_its_tags_and_no_link_that_acts(place: Place) -> None:
    paths = place.paths(place.send())
    with place.app.database.writing() as conn:
        urls = {"pdf": "javascript:alert(1)", "code": "https://example.org/code", "page": "data:x"}
        paper = an_entry(1, "RAG 1", urls=urls, categories=("cs.CL",), version=2, comment="12 p.",
                         announce="replace")  # fmt: skip
        store_papers.take_in(conn, [paper], source="arxiv", now=place.now)
    async with place.client() as http:
        text = (await http.get(paths["paper"])).text
        bib, ris = await http.get(paths["bibtex"]), await http.get(paths["ris"])
    assert '<meta name="citation_title"' in text
    assert '<meta name="citation_arxiv_id" content="2611.00001">' in text
    for fact in ("cs.CL", "12 p.", "huggingface", "Fri, 20 Nov 2026", "7 upvotes", "version 2"):
        assert fact in text
    assert 'href="https://example.org/code"' in text
    assert "javascript:" not in text
    assert "data:x" not in text
    assert bib.headers["Content-Type"] == "application/x-bibtex; charset=utf-8"
    assert "arxiv-2611.00001.bib" in bib.headers["Content-Disposition"]
    assert bib.text.startswith("@misc{")
    assert ris.headers["Content-Type"] == "application/x-research-info-systems; charset=utf-8"
    assert ris.text.startswith("TY  - ")


# Votes.


@pytest.mark.anyio
async def test_the_last_word_on_a_paper_counts_and_can_be_taken_back(place: Place) -> None:
    link = place.paths(place.send())["vote"]
    async with place.client() as http:
        shown = (await http.get(link)).text
        assert 'value="down" checked' in shown
        assert "Take it back" not in shown
        for said, words in (("down", "Kept: Not for me"), ("saved", "Kept: Save"), ("up", "Kept")):
            answer = await http.post(link, data={"said": said})
            assert words in answer.text
            assert place.said() == said
        assert "Undo: back to Save" in answer.text
        assert "So far you said: More like this" in (await http.get(link)).text
        answer = await http.post(link, data={"said": "none"})
        assert "Taken back" in answer.text
        assert "Undo: back to More like this" in answer.text
        assert place.said() is None


@pytest.mark.anyio
@pytest.mark.parametrize("said", ["", "x", "UP", "up,down"])
async def test_a_vote_that_says_nothing_is_not_kept(place: Place, said: str) -> None:
    link = place.paths(place.send())["vote"]
    async with place.client() as http:
        answer = await http.post(link, data={"said": said})
        assert answer.status_code == 422
        assert "Choose one of these" in answer.text
        assert (await http.get(link.partition("?")[0] + f"?said={said}")).status_code == 200
    assert place.said() is None


@pytest.mark.anyio
async def test_a_vote_says_when_nothing_is_learned_from_it(place: Place) -> None:
    link = place.paths(place.send())["vote"]
    place.change(learning=False)
    async with place.client() as http:
        answer = await http.post(link, data={"said": "up"})
    assert "You have switched learning off" in answer.text
    assert place.said() == "up"


# Pauses.


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("form", "until"),
    [
        ({"for": "1"}, datetime(2026, 11, 26, 23, tzinfo=UTC)),
        ({"for": "4"}, datetime(2026, 12, 17, 23, tzinfo=UTC)),
        ({"for": "date", "until": "2026-11-21"}, datetime(2026, 11, 20, 23, tzinfo=UTC)),
        ({"for": "date", "until": "2027-07-01"}, datetime(2027, 6, 30, 22, tzinfo=UTC)),
    ],
)
async def test_a_pause_ends_with_the_day_by_the_readers_clock(
    place: Place, form: dict[str, str], until: datetime
) -> None:
    link = place.paths(place.send())["pause"]
    async with place.client() as http:
        answer = await http.post(link, data=form)
        assert "Paused." in answer.text
        assert place.app.subscriptions.get(ADA).paused_until == until
        assert "Undo: go on now" in answer.text
        local = until.astimezone(BERLIN)
        assert f"No digest comes before {local:%a, {local.day} %b %Y}" in answer.text
        assert "End the pause" in (await http.get(path(place.app.links.change(1, place.now)))).text
        answer = await http.post(link, data={"do": "resume"})
        assert "The digests go on" in answer.text
        assert "Mon, 23 Nov 2026, 07:00 (Europe/Berlin)" in answer.text
        assert place.app.subscriptions.get(ADA).paused_until is None


NO_PAUSES: tuple[dict[str, str], ...] = (
    {}, {"for": "3"}, {"for": "date"}, {"for": "date", "until": "2026-11-20"},
    {"for": "date", "until": "2027-11-20"}, {"for": "date", "until": "tomorrow"},
    {"for": "-1"}, {"for": "date", "until": "9999-12-31"}, {"for": "date", "until": "0001-01-01"},
)  # fmt: skip


@pytest.mark.anyio
async def test_a_pause_that_is_none_changes_nothing_and_keeps_what_was_typed(place: Place) -> None:
    link = place.paths(place.send())["pause"]
    async with place.client() as http:
        before = dump(place.app.database)
        for form in NO_PAUSES:
            answer = await http.post(link, data=form)
            assert answer.status_code == 422, form
            assert "Sat, 21 Nov 2026 to Fri, 19 Nov 2027" in answer.text
            assert f'value="{form.get("until", "")}"' in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_the_next_digest_is_that_after_the_pause(place: Place) -> None:
    link = place.paths(place.send())["pause"]
    async with place.client() as http:
        answer = await http.post(link, data={"for": "date", "until": "2026-11-28"})
        assert "Mon, 30 Nov 2026, 07:00" in answer.text


@pytest.mark.anyio
async def test_going_on_brings_the_digest_that_was_put_off(place: Place) -> None:
    link = place.paths(place.send())["pause"]
    async with place.client() as http:
        await http.post(link, data={"for": "4"})
        place.now = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
        place.app.compose()  # due and paused: its time moves behind the pause
        assert place.app.subscriptions.get(ADA).next_due_at == datetime(2026, 12, 18, 6, tzinfo=UTC)
        answer = await http.post(link, data={"do": "resume"})
    assert "Tue, 24 Nov 2026, 07:00" in answer.text


@pytest.mark.anyio
async def test_going_on_lifts_no_suppression_and_brings_nobody_back(place: Place) -> None:
    paths = place.paths(place.send())
    with place.app.database.writing() as conn:
        store_subscribers.suppress(conn, ADA, "dead address", "550", place.now)
    async with place.client() as http:
        await http.post(paths["pause"], data={"do": "resume"})
        assert place.app.subscriptions.suppressed(place.app.subscriptions.get(ADA))
        await http.post(paths["unsubscribe"])
        answer = await http.post(paths["pause"], data={"do": "resume"})
        assert "You have left" in answer.text
        assert 'href="/">Subscribe again' in answer.text
        assert 'href="/">Subscribe again' in (await http.get(paths["change"])).text
        assert place.app.subscriptions.get(ADA).state == "left"


# Changes.


@pytest.mark.anyio
async def test_a_change_is_stored_and_moves_the_next_digest(place: Place) -> None:
    link = place.paths(place.send())["change"]
    async with place.client() as http:
        shown = (await http.get(link)).text
        assert 'value="07:00"' in shown
        assert 'value="Europe/Berlin"' in shown
        answer = await http.post(link, data=FORMS["change"])
    assert "Saved." in answer.text
    found = place.app.subscriptions.get(ADA)
    assert found.schedule == Schedule("Asia/Tokyo", 18, 30, (0, 5))
    assert (found.max_papers, found.replacements, found.learning) == (5, True, False)
    assert found.next_due_at == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert "Sat, 21 Nov 2026, 18:30 (Asia/Tokyo)" in answer.text


@pytest.mark.anyio
async def test_a_later_hour_brings_no_second_digest_on_the_same_day(place: Place) -> None:
    link = place.paths(place.send())["change"]
    every = {"days": ["mon", "fri"], "time": "20:00", "zone": "Europe/Berlin", "max_papers": "3"}
    async with place.client() as http:
        await http.post(link, data=every)
        assert place.app.subscriptions.get(ADA).next_due_at == datetime(
            2026, 11, 23, 19, tzinfo=UTC
        )
        weekly = every | {"cadence": "weekly"}
        await http.post(link, data=weekly)
        found = place.app.subscriptions.get(ADA)
        assert found.schedule.cadence == "weekly"
        assert found.next_due_at == datetime(2026, 11, 23, 19, tzinfo=UTC)


@pytest.mark.anyio
async def test_a_digest_that_is_due_stays_due_when_the_hour_changes(place: Place) -> None:
    link = place.paths(place.send())["change"]
    place.change(next_due_at=place.now - timedelta(minutes=1))
    async with place.client() as http:
        await http.post(link, data=FORMS["change"])
    assert place.app.subscriptions.get(ADA).next_due_at == place.now - timedelta(minutes=1)


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"days": []}, "Choose at least one day", "days"),
    ({"days": ["never"]}, "Choose at least one day", "days"),
    ({"time": "25:00"}, "“25:00” is no time", "time"),
    ({"time": "7"}, "“7” is no time", "time"),
    ({"time": "07:00:00"}, "“07:00:00” is no time", "time"),
    ({"zone": "Mars/Olympus"}, "“Mars/Olympus” is no time zone", "zone"),
    ({"zone": "../../etc/passwd"}, "“../../etc/passwd” is no time zone", "zone"),
    ({"zone": "\0"}, "is no time zone", "zone"),
    ({"max_papers": "0"}, "“0” is no number from 1 to 25", "max_papers"),
    ({"max_papers": "26"}, "“26” is no number from 1 to 25", "max_papers"),
    ({"max_papers": "1e1"}, "“1e1” is no number", "max_papers"),
    ({"max_papers": "9" * 5000}, "is no number", "max_papers"),
)


@pytest.mark.anyio
async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    place: Place,
) -> None:
    link = place.paths(place.send())["change"]
    async with place.client() as http:
        before = dump(place.app.database)
        for wrong, said, field in WRONG:
            form = FORMS["change"] | wrong
            answer = await http.post(link, data=form)
            assert answer.status_code == 422, wrong
            assert said in answer.text
            assert answer.text.count(' aria-invalid="true"') == 1
            assert f'id="{field}-wrong"' in answer.text
            for name in ("time", "zone", "max_papers"):
                assert f'name="{name}"' in answer.text
                assert f'value="{form[name]}"' in answer.text
            assert 'name="replacements" value="yes" checked' in answer.text
            assert 'name="learning" value="yes">' in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["empty", "json", "multipart"])
async def test_what_is_no_form_changes_nothing(place: Place, form: str) -> None:
    link = place.paths(place.send())["change"]
    sent: dict[str, Any] = {
        "empty": {}, "json": {"json": {"days": ["mon"]}}, "multipart": {"files": {"time": b"x"}},
    }[form]  # fmt: skip
    async with place.client() as http:
        before = dump(place.app.database)
        assert (await http.post(link, **sent)).status_code == 422
        assert dump(place.app.database) == before


@pytest.mark.anyio
@pytest.mark.parametrize("field", [{"zone": "x" * 30_000}, {f"f{n}": "1" for n in range(200)}])
async def test_a_form_that_is_too_large_is_refused(place: Place, field: dict[str, str]) -> None:
    link = place.paths(place.send())["change"]
    async with place.client() as http:
        answer = await http.post(link, data=FORMS["change"] | field)
        assert answer.status_code == 413
        assert "Nothing has been changed" in answer.text


@pytest.mark.anyio
async def test_pages_of_a_site_below_a_path_lead_to_pages_below_it(tmp_path: Path) -> None:
    place = Place(tmp_path, public_url="https://example.org/papers/")
    key = place.send()
    assert place.app.links.digest(key) == f"https://example.org/papers/d/{key}"
    async with place.client() as http:  # a proxy takes the path away
        text = (await http.get(f"/d/{key}/all")).text
        assert 'href="/papers/style.css"' in text
        assert 'href="/papers/p/arxiv:2611.00001"' in text
        answer = await http.get("/p/2611.00001")
        assert answer.headers["Location"] == "/papers/p/arxiv:2611.00001"
    place.app.close()


@pytest.mark.anyio
async def test_a_page_that_fails_says_so_and_shows_nothing_of_the_inside(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = place.paths(place.send())["vote"]

    def raises(error: Exception) -> Any:
        def broken(*_: object) -> None:
            raise error

        return broken

    async with place.client() as http:
        monkeypatch.setattr(store_votes, "said", raises(RuntimeError("secret")))
        answer = await http.get(link)
        assert answer.status_code == 500
        assert "Something went wrong" in answer.text
        assert "secret" not in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        monkeypatch.setattr(store_votes, "said", raises(Busy("locked")))
        answer = await http.get(link)
        assert answer.status_code == 503
        assert "Please try again" in answer.text
