"""Digests from the inside of an instance: samples, weeks, quiet days, languages, previews."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from notifier import errors, languages
from notifier.digests import render
from notifier.digests.printing import Printer
from notifier.digests.render import Templates
from notifier.jobs.compose import compose
from notifier.jobs.edition import Outlook
from notifier.languages import Said, language
from notifier.profiles.profile import Schedule
from notifier.storage import store_digests

from .builders import a_paper
from .commands import Notifier, notifier
from .mails import a_digest, as_html, as_text
from .test_jobs import DAILY, MONDAY, RAG, Instance
from .test_promises import dump

__all__ = ["notifier"]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
POT = languages.FOLDER / "notifier.pot"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path, digest={"sample": True})
    yield made
    made.app.close()


def sign_up(lab: Instance, rules: str = "RAG", **how: Any) -> str:
    """Ada asks and confirms now, and gets her rules."""
    address = "ada@example.org"
    schedule = how.pop("schedule", DAILY)
    lab.app.subscriptions.request(address, now=lab.now, schedule=schedule, **how)
    lab.app.subscriptions.confirm(address, now=lab.now, because="asked")
    lab.app.subscriptions.add_profile(address, "p", rules, now=lab.now)
    return address


def mail_of(content: bytes | None, subtype: str = "plain") -> str:
    assert content
    part = email.message_from_bytes(content, policy=email.policy.strict).get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def last(lab: Instance, subtype: str = "plain") -> str:
    """A part of the last digest's mail."""
    with lab.app.database.reading() as conn:
        return mail_of(store_digests.content(conn, lab.digests()[-1].key), subtype)


# The first digest.


def test_the_first_digest_is_made_at_once_from_the_last_days_and_headed_as_a_sample(
    lab: Instance,
) -> None:
    for day in range(9):
        lab.now = MONDAY + day * DAY
        lab.take(RAG | {"id": f"2611.0000{day}"})
    lab.now = MONDAY + 9 * DAY + 4 * HOUR
    sign_up(lab)
    lab.now += timedelta(seconds=30)
    assert lab.app.compose().made == 1
    (digest,) = lab.digests()
    assert (digest.period, digest.papers) == ("first 2026-11-25", 6)
    assert last(lab).startswith("A first look: the last days\n")
    assert "the next digest is due on Thu, 26 Nov 2026" in " ".join(last(lab).split())
    assert lab.app.compose().made == 0
    lab.sent()
    lab.take(RAG | {"id": "2611.00077"})
    lab.now = MONDAY + 10 * DAY + 3 * HOUR
    assert lab.app.compose().made == 1
    assert [one.period for one in lab.digests()] == ["first 2026-11-25", "2026-11-26"]
    assert last(lab).startswith("1 new paper for you\n")


def test_a_first_digest_waits_for_rules(lab: Instance) -> None:
    lab.take(RAG)
    address = "ada@example.org"
    lab.app.subscriptions.request(address, now=lab.now, schedule=DAILY)
    lab.app.subscriptions.confirm(address, now=lab.now, because="asked")
    assert lab.app.compose().made == 0
    lab.now += HOUR
    lab.app.subscriptions.add_profile(address, "p", "RAG", now=lab.now)
    assert lab.app.compose().made == 1
    assert lab.digests()[0].period.startswith("first")


def test_who_has_no_rules_at_their_hour_loses_neither_sample_nor_papers(lab: Instance) -> None:
    lab.take(RAG)
    address = "ada@example.org"
    lab.app.subscriptions.request(address, now=lab.now, schedule=DAILY)
    lab.app.subscriptions.confirm(address, now=lab.now, because="asked")
    lab.now = MONDAY + 3 * HOUR
    done = lab.app.compose()
    assert (done.made, done.nothing, lab.digests()) == (0, 0, [])
    assert lab.app.subscriptions.get(address).next_due_at == MONDAY + DAY + 2 * HOUR
    lab.app.subscriptions.add_profile(address, "p", "RAG", now=lab.now)
    assert lab.app.compose().made == 1
    assert lab.digests()[0].period == "first 2026-11-16"


def test_a_first_digest_that_could_not_be_made_is_a_sample_when_it_is(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_up(lab)
    lab.take(RAG)
    with monkeypatch.context() as patch:
        patch.setattr(Printer, "parts", lambda self, view: 1 / 0)
        assert lab.app.compose().failed == 1
    lab.now += timedelta(minutes=16)
    assert lab.app.compose().made == 1
    assert last(lab).startswith("A first look")


def test_a_sample_looks_back_from_the_confirmation_and_not_from_the_request(lab: Instance) -> None:
    address = "ada@example.org"
    lab.app.subscriptions.request(address, now=lab.now, schedule=DAILY)
    lab.take(RAG)
    lab.now = MONDAY + 10 * DAY
    lab.take(RAG | {"id": "2611.00002"})
    lab.now += HOUR
    lab.app.subscriptions.add_profile(address, "p", "RAG", now=lab.now)
    lab.app.subscriptions.confirm(address, now=lab.now, because="asked")
    lab.app.compose()
    assert lab.papers(lab.digests()[0].key) == ["arxiv:2611.00002"]


def test_who_has_had_a_digest_gets_no_second_sample(lab: Instance) -> None:
    address = sign_up(lab)
    lab.take(RAG)
    assert lab.app.compose().made == 1
    lab.app.subscriptions.add_profile(address, "more", "graphs", now=lab.now)
    assert lab.app.compose().made == 0


def test_a_first_digest_waits_for_no_source(lab: Instance) -> None:
    lab.take(RAG)
    sign_up(lab)
    late = Outlook(waits=True, notes=("arxiv is late",))
    lab.app.match()
    done = compose(lab.app.database, lab.app.compose_settings, now=lab.now, outlook=late)
    assert (done.made, done.waiting) == (1, 0)


def test_no_first_digest_is_made_before_any_paper_was_read(lab: Instance) -> None:
    sign_up(lab)
    done = lab.app.compose()
    assert (done.made, done.nothing, done.paused) == (0, 0, 1)
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    assert lab.app.compose().made == 1
    assert last(lab).startswith("A first look")


def test_a_first_digest_of_nothing_says_so(lab: Instance) -> None:
    sign_up(lab, "graphs")
    lab.take(RAG)
    done = lab.app.compose()
    assert (done.made, done.nothing) == (0, 1)
    assert "None of 1 new paper fits your rules." in last(lab)


def test_without_samples_the_first_digest_comes_at_its_hour(tmp_path: Path) -> None:
    lab = Instance(tmp_path)
    sign_up(lab)
    lab.take(RAG)
    assert lab.app.compose().made == 0
    lab.now = MONDAY + 3 * HOUR
    assert lab.app.compose().made == 1
    lab.app.close()


# Weeks, quiet days, what else matched.


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.app.close()


def test_a_week_has_its_best_papers_first_and_the_others_by_local_day(plain: Instance) -> None:
    schedule = Schedule("Asia/Tokyo", 7, 0, (0,), "weekly")
    sign_up(plain, schedule=schedule)
    for number in range(9):
        plain.now = MONDAY + (number // 2) * DAY + 11 * HOUR  # 16:00 UTC: the next day in Tokyo
        best = number in (0, 3, 4, 6, 8)
        title = "RAG and RAG" if best else "A study"
        plain.take({"id": f"2611.0000{number}", "title": title, "abstract": "RAG."})
    plain.now = MONDAY + 7 * DAY
    assert plain.app.compose().made == 1
    lines = [line for line in last(plain).splitlines() if line.startswith("== ")]
    assert lines == [
        "== The best of the week ==", "== Tue, 17 Nov 2026 ==", "== Wed, 18 Nov 2026 ==",
        "== Thu, 19 Nov 2026 ==", "== Fri, 20 Nov 2026 ==",
    ]  # fmt: skip
    assert "Matched in the last week: " in last(plain)


def test_who_asked_is_told_that_nothing_matched_and_what_was_looked_at(plain: Instance) -> None:
    sign_up(plain, "graphs", tell_nothing=True)
    plain.take(RAG)
    plain.now = MONDAY + 3 * HOUR
    assert plain.app.compose().nothing == 1
    (digest,) = plain.digests()
    assert digest.state == "pending"
    assert digest.subject == "p: nothing in 1 paper, Mon, 16 Nov 2026"
    assert last(plain).startswith("Nothing matched this time\n")


def test_papers_beyond_the_limit_are_titles_and_then_a_number_with_a_link(plain: Instance) -> None:
    address = sign_up(plain, max_papers=2)
    plain.take(*({"id": f"2611.000{n:02}", "title": f"RAG {n}"} for n in range(17)))
    plain.now = MONDAY + 3 * HOUR
    plain.app.compose()
    (digest,) = plain.digests()
    assert (digest.papers, digest.more) == (2, 15)
    text = last(plain)
    assert text.count("\n- RAG ") == 12
    assert f"and 3 more:\n{plain.app.links.all_of(digest.key)}\n" in text
    assert plain.app.links.unsubscribe(plain.app.subscriptions.get(address).row) in text


def test_the_volume_of_a_week_is_that_of_the_readers_days(plain: Instance) -> None:
    sign_up(plain, schedule=Schedule("America/New_York", 7, 0))
    plain.now = MONDAY  # midnight in New York: a Monday
    plain.take(RAG)
    plain.now = MONDAY - timedelta(minutes=1)
    plain.take(RAG | {"id": "2611.00002"}, RAG | {"id": "2611.00003"})
    plain.now = MONDAY + 8 * HOUR
    plain.app.compose()
    assert "Sun 2, Mon 1" in last(plain)


def test_hundreds_of_lines_that_do_not_work_are_a_few_and_a_number(plain: Instance) -> None:
    sign_up(plain, "RAG\n" + "\n".join(f"titel:{n}" for n in range(400)))
    plain.take(RAG)
    plain.now = MONDAY + 3 * HOUR
    plain.app.compose()
    with plain.app.database.reading() as conn:
        content = store_digests.content(conn, plain.digests()[0].key)
    assert content
    assert len(content) < 30_000
    assert last(plain).count("unknown field") == 5
    assert "395 more lines do not work." in last(plain)


def test_a_paper_has_the_place_that_it_has_in_the_mail(plain: Instance) -> None:
    address = sign_up(plain, "RAG", schedule=Schedule("UTC", 7, 0, (0,), "weekly"))
    plain.app.subscriptions.add_profile(address, "q", "graphs ^5", now=plain.now)
    plain.take(
        {"id": "2611.00001", "title": "A study", "abstract": "RAG."},
        {"id": "2611.00002", "title": "Graphs of graphs", "abstract": "Graphs."},
    )
    plain.now = MONDAY + 7 * DAY + 3 * HOUR
    plain.app.compose()
    with plain.app.database.reading() as conn:
        kept = store_digests.papers_of(conn, plain.digests()[0].key)
    assert [(place, title) for _, place, _, title in kept] == [
        (1, "Graphs of graphs"),
        (2, "A study"),
    ]
    assert "1.  Graphs of graphs" in last(plain)


# Languages.


def test_a_german_reader_gets_all_of_it_in_german(plain: Instance) -> None:
    sign_up(plain, "RAG\ntitel: agents", language="de")
    plain.take(RAG)
    plain.now = MONDAY + 3 * HOUR
    plain.app.compose()
    for subtype in ("plain", "html"):
        said = " ".join(last(plain, subtype).split())
        assert "1 neue Arbeit für Sie" in said
        assert "Zeile 2, Spalte 1: unbekanntes Feld „titel:“ – war „title:“ gemeint?" in said
        assert "Mo., 16. Nov. 2026" in said
        assert "Werktags, 07:00 Uhr (UTC)" in said
        assert "Abbestellen" in said
    assert '<html lang="de"' in last(plain, "html")


def test_a_language_that_is_not_there_is_refused_with_those_that_are(plain: Instance) -> None:
    with pytest.raises(errors.UsageError, match=r'"xx" is no language .* en, de'):
        sign_up(plain, language="xx")


def test_the_catalogue_has_every_sentence_in_every_language() -> None:
    with POT.open("rb") as file:
        wanted = {message.id for message in read_po(file) if message.id}
    assert len(wanted) > 80
    for code in languages.known()[1:]:
        with (languages.FOLDER / f"{code}.po").open("rb") as file:
            catalogue = read_po(file, locale=code)
        said = {message.id: message for message in catalogue if message.id}
        missing = [one for one in wanted if one not in said or not _is_said(said[one].string)]
        assert missing == [], code
        for message in said.values():
            assert list(message.check(catalogue)) == [], message.id


def _is_said(string: str | tuple[str, ...]) -> bool:
    return bool(string) and all(string)


def test_the_catalogue_is_that_of_the_code(tmp_path: Path) -> None:
    """As `make messages` collects it."""
    import subprocess
    import sys

    root = languages.FOLDER.parents[1]
    if not (root / "templates").is_dir():
        pytest.skip("the sources are not here: this is an installed package")
    made = tmp_path / "made.pot"
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F",
         "notifier/locale/babel.cfg", "-k", "Said", "-k", "RuleSyntaxError:2", "--no-location",
         "--omit-header", "--sort-output", "-o", made, "."],
        cwd=root, check=True,
    )  # fmt: skip
    assert made.read_text("utf-8") == POT.read_text("utf-8"), "run: make messages"


@pytest.mark.parametrize("code", languages.known())
def test_plurals_and_dates_are_those_of_the_language(code: str) -> None:
    words = language(code)
    forms = {words.ngettext("%(n)s upvote", "%(n)s upvotes", n) for n in (0, 1, 2)}
    assert len(forms) == 3
    assert (
        words.day(date(2026, 11, 6)) == {"en": "Fri, 6 Nov 2026", "de": "Fr., 6. Nov. 2026"}[code]
    )
    assert words.moment(datetime(2026, 11, 6, 7, 5, tzinfo=UTC)).endswith("2026, 07:05")
    assert words.number(1234.5) == {"en": "1,234.5", "de": "1.234,5"}[code]


def test_a_sentence_without_a_translation_is_said_in_english() -> None:
    assert language("de").gettext("Nobody translated %(this)s", this="it") == "Nobody translated it"
    assert language("xx").code == "en"


def test_a_said_sentence_is_text_and_knows_its_parts() -> None:
    inner = Said('did you mean "%(field)s:"?', field="title")
    sentence = Said('unknown field "%(field)s:" - %(cure)s', field="100%", cure=inner)
    assert sentence == 'unknown field "100%:" - did you mean "title:"?'
    assert language("de").said(sentence) == "unbekanntes Feld „100%:“ – war „title:“ gemeint?"
    assert language("de").said("just text") == "just text"


# Previews.


def test_a_preview_is_the_mail_that_is_made_and_changes_nothing(plain: Instance) -> None:
    address = sign_up(plain)
    plain.take(RAG, RAG | {"id": "2611.00002"})
    plain.now = MONDAY + 3 * HOUR
    plain.app.match()
    before = dump(plain.app.database)
    shown = plain.app.preview(plain.app.subscriptions.get(address))
    assert dump(plain.app.database) == before
    plain.app.compose()
    with plain.app.database.reading() as conn:
        assert store_digests.content(conn, plain.digests()[-1].key) == shown.content


def test_a_preview_of_a_day_that_is_gone_is_what_was_made_then(plain: Instance) -> None:
    address = sign_up(plain)
    made = []
    for day in range(4):
        plain.now = MONDAY + day * DAY
        plain.take(*(RAG | {"id": f"2611.000{day}{n}"} for n in range(day + 1)))
        plain.now += 3 * HOUR
        plain.app.compose()
        plain.sent()
        with plain.app.database.reading() as conn:
            made.append(store_digests.content(conn, plain.digests()[-1].key))
    subscriber = plain.app.subscriptions.get(address)
    for day, content in enumerate(made):
        plain.now = MONDAY + day * DAY + 3 * HOUR
        assert plain.app.preview(subscriber).content == content, day


def test_a_preview_knows_rules_that_were_changed_a_moment_ago_and_keeps_nothing(
    plain: Instance,
) -> None:
    address = sign_up(plain, "graphs")
    plain.take(RAG)
    plain.app.match()
    plain.app.subscriptions.add_profile(address, "p", "RAG", now=plain.now, replace=True)
    before = dump(plain.app.database)
    assert len(plain.app.preview(plain.app.subscriptions.get(address)).papers) == 1
    assert dump(plain.app.database) == before


def test_a_preview_of_a_day_far_ahead_takes_nothing_from_anybody(plain: Instance) -> None:
    address = sign_up(plain)
    plain.take(RAG)
    plain.app.match()
    plain.app.subscriptions.add_profile(address, "q", "graphs", now=plain.now)
    now, plain.now = plain.now, plain.now + 60 * DAY
    assert plain.app.preview(plain.app.subscriptions.get(address)).papers == ()
    plain.now = now + 3 * HOUR
    assert plain.app.compose().made == 1


def test_a_clock_that_is_far_ahead_forgets_no_match_and_misses_no_paper(plain: Instance) -> None:
    sign_up(plain)
    plain.take(RAG)
    plain.app.match()
    now, plain.now = plain.now, plain.now + 60 * DAY
    plain.app.match()
    plain.now = now
    plain.take(RAG | {"id": "2611.00002"})
    plain.now = now + 60 * DAY
    plain.app.match()
    plain.now = now + 3 * HOUR
    assert plain.app.compose().made == 1
    assert plain.digests()[0].papers == 2


def test_a_preview_of_a_moment_that_is_gone_knows_nothing_of_what_came_later(
    plain: Instance,
) -> None:
    address = sign_up(plain, schedule=Schedule("UTC", 7, 0, (0,), "weekly"))
    plain.take(RAG)
    plain.now = MONDAY + DAY
    plain.take(RAG | {"id": "2611.00002"})
    plain.app.match()
    plain.now = MONDAY + 9 * HOUR
    assert len(plain.app.preview(plain.app.subscriptions.get(address)).papers) == 1


# Commands.


@pytest.fixture
def played(notifier: Notifier) -> Notifier:
    lab = Instance(notifier.folder)
    sign_up(lab)
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    lab.app.compose()
    lab.app.close()
    notifier.on("test")
    return notifier


def test_preview_prints_writes_or_opens_the_mail(
    played: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--now", "2026-11-16T08:00Z", "digest", "preview", "ada@example.org")
    assert "RAGs that forget" in played(*at, "--text").out
    assert played(*at, "--eml", played.folder / "x.eml").code == 0
    assert b"multipart/alternative" in (played.folder / "x.eml").read_bytes()
    assert played(*at, "--html", "-").out.startswith("<!DOCTYPE html>")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert played(*at).out == ""
    assert Path(opened[0].removeprefix("file://")).read_text("utf-8").startswith("<!DOCTYPE")
    Path(opened[0].removeprefix("file://")).unlink()
    path = Path(played(*at, "--no-browser").out.strip())
    assert path.is_file()
    path.unlink()


def test_a_preview_of_text_only_says_that_it_has_no_html(played: Notifier) -> None:
    at = ("--now", "2026-11-16T08:00Z")
    played(*at, "subscriber", "change", "ada@example.org", "--text-only")
    refused = played(*at, "digest", "preview", "ada@example.org", "--html", "-")
    assert (refused.code, refused.out) == (4, "")
    assert "this mail has no HTML, only text - see it with --text" in refused.err
    path = Path(played(*at, "digest", "preview", "ada@example.org", "--no-browser").out.strip())
    assert (path.suffix, "RAGs that forget" in path.read_text("utf-8")) == (".txt", True)
    path.unlink()


def test_a_preview_of_nothing_says_that_no_mail_is_sent(played: Notifier) -> None:
    done = played("--now", "2026-11-17T08:00Z", "digest", "preview", "ada@example.org", "--text")
    assert "nothing matched: a mail is sent only to those who asked for it" in done.err
    assert "Nothing matched this time" in done.out


def test_preview_refuses_what_it_cannot_do_in_one_line(played: Notifier) -> None:
    assert played("digest", "preview", "eve@example.org").code == 4
    assert played("digest", "preview", "ada@example.org", "--text", "--html", "-").code == 2
    done = played("digest", "preview", "ada@example.org", "--eml", "/nowhere/x.eml")
    assert done.code == 2
    assert "/nowhere/x.eml cannot be written" in done.err


def test_show_gives_exactly_what_was_sent(played: Notifier) -> None:
    key = played("digest", "list", "--format", "json").json[0]["key"]
    raw = played("digest", "show", key, "--eml").out
    for subtype, option in (("plain", "--text"), ("html", "--html")):
        shown = played("digest", "show", key, option).out.replace("\r\n", "\n")
        assert shown == mail_of(raw.encode(), subtype)
    assert played("digest", "show", key, "--html", "--eml").code == 2


# Templates of one's own.


def test_own_templates_come_from_the_configuration_and_a_broken_one_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "own" / "mail"
    folder.mkdir(parents=True)
    (folder / "digest.txt.j2").write_text("Our own: {{ view.headline }}\n")
    (folder / "digest.html.j2").write_text("{{ view.nonsense }}")
    lab = Instance(tmp_path, site={"templates_dir": tmp_path / "own"})
    sign_up(lab)
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    assert lab.app.compose().made == 1
    assert last(lab) == "Our own: 1 new paper for you\n"
    assert "<h1" in last(lab, "html")
    assert "an own template is broken" in capsys.readouterr().out
    assert asyncio.run(lab.app.tick()).needs_care
    lab.app.close()


def test_own_templates_that_are_mended_are_broken_no_more_and_all_is_escaped(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    view = a_digest([a_paper("LLM")], {"<i>p": "LLM"})
    own = Templates(tmp_path)
    (folder / "digest.txt.j2").write_text("{% if %}")
    as_text(view, own)
    assert len(own.problems) == 1
    (folder / "digest.txt.j2").write_text("{{ view.sections[0].name }}")
    render._environment.cache_clear()
    assert as_text(view, own) == "<i>p"
    assert own.problems == []
    (folder / "digest.html.j2").write_text("{% include 'mail/part.j2' %}")
    (folder / "part.j2").write_text("{{ view.sections[0].name }}")
    assert "&lt;i&gt;p" in as_html(view, own)


def test_config_check_names_a_broken_template(notifier: Notifier) -> None:
    folder = notifier.folder / "own" / "mail"
    folder.mkdir(parents=True)
    (folder / "digest.html.j2").write_text("{% if %}")
    notifier.config.write_text("[site]\ntemplates_dir = 'own'\n")
    done = notifier("config", "check")
    assert done.code == 3
    assert "template mail/digest.html.j2, line 1" in done.err
