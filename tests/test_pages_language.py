"""Pages in the reader's language; where nothing tells who reads, in that the browser asks for."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from notifier import languages
from notifier.languages import language, own_name
from notifier.subscriptions.undoing import Undo
from notifier.web.negotiation import asked_for

from .builders import an_entry
from .pages import ADA, Place, place
from .test_pages import FORMS
from .test_promises import dump

__all__ = ["place"]

KNOWN = ("en", "de")
VALUE = re.compile(r"%\(\w+\)s")
WRONG = {"time": "25", "zone": "Mars", "max_papers": "0", "language": "xx"}
# Page, what is sent there, what a German reads then.
SEEN: tuple[tuple[str, dict[str, Any] | None, str], ...] = (
    ("unsubscribe", None, "<button type=\"submit\">Alle Übersichten abbestellen</button>"),
    ("vote", None, "Was sagen Sie zu dieser Arbeit?"),
    ("vote", {"said": "x"}, "Wählen Sie eine dieser Angaben."),
    ("vote", {"said": "saved"}, "Festgehalten: Merken."),
    ("vote", {"said": "up"}, "Rückgängig machen: zurück zu Merken"),
    ("vote", None, "Bisher haben Sie gesagt: Mehr davon."),
    ("vote", {"said": "none"}, "Zurückgenommen."),
    ("pause", None, "Zurzeit ist keine Pause. Nächste Übersicht: Mo., 23. Nov. 2026, 07:00 Uhr"),
    ("pause", {"for": "x"}, "einen Tag vom Sa., 21. Nov. 2026 bis zum Fr., 19. Nov. 2027"),
    ("pause", {"for": "2"}, "Vor Fr., 4. Dez. 2026 kommt keine Übersicht."),
    ("change", None, "Es ist Pause. Nächste Übersicht: Fr., 4. Dez. 2026, 07:00 Uhr (Europe"),
    ("pause", {"do": "resume"}, "Die Übersichten kommen wieder."),
    ("change", None, "Donnerstag"),
    ("change", WRONG, "Wählen Sie mindestens einen Tag."),
    ("change", WRONG, "„Mars“ ist keine Zeitzone."),
    ("change", WRONG, "„xx“ ist keine Sprache dieses Dienstes."),
    ("change", FORMS["change"], "Gespeichert."),
    ("all", None, "6 Arbeiten"),
    ("unsubscribe", {}, "Sie erhalten keine Übersichten mehr."),
    ("pause", None, "Sie haben abbestellt"),
)  # fmt: skip


class Said(HTMLParser):
    """All that a page says: its text, and what stands in its labels."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all = set[str]()
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.all.add(" ".join(data.split()))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.all |= {value or "" for name, value in attributes if name == "aria-label"}


@cache
def english() -> re.Pattern[str]:
    """Any sentence of the catalogue as it is in English, where German says it otherwise."""
    with (languages.FOLDER / "de.po").open("rb") as file:
        messages = [message for message in read_po(file, locale="de") if message.id]
    sentences = {
        one
        for message in messages
        for one in (message.id if isinstance(message.id, tuple) else (message.id,))
        if one not in message.string and re.search("[a-z]{3}", VALUE.sub("", one))
    }
    parts = (".+?".join(map(re.escape, VALUE.split(one))) for one in sentences)
    return re.compile("|".join(rf"(?<!\w){part}(?!\w)" for part in parts))


def in_english(page: str) -> list[str]:
    """What a page says in English, but for what people and sources wrote."""
    return [one for one in Said(page).all if english().search(one)]


@pytest.mark.anyio
async def test_every_page_of_a_german_reader_is_german_whatever_the_browser_asks_for(
    place: Place,
) -> None:
    paths = place.paths(place.send())
    place.change(language="de")
    async with place.client() as http:
        for name, form, words in SEEN:
            sent = {"headers": {"Accept-Language": "en"}} | ({} if form is None else {"data": form})
            answer = await http.request("GET" if form is None else "POST", paths[name], **sent)
            text = " ".join(answer.text.split())
            assert words in text, (name, form)
            assert '<html lang="de">' in text
            assert answer.headers["Content-Language"] == "de"
            assert "Vary" not in answer.headers
            assert in_english(text) == [], (name, form)


@pytest.mark.anyio
async def test_pages_of_nobody_are_in_the_language_the_browser_asks_for(place: Place) -> None:
    paths = place.paths(place.send())
    place.take(replace(an_entry(1, "RAG 1"), announce="replace", version=2))
    place.take(an_entry(1, "RAG 1", signals={"mentions": 2.0, "stars": 1.0}), source="huggingface")
    nowhere = {"": "/nowhere", "bad link": "/u/forged", "of nobody": "/d/" + "0" * 32}
    async with place.client() as http:
        before = dump(place.app.database)
        for link in (paths["paper"], *nowhere.values()):
            german = await http.get(link, headers={"Accept-Language": "fr, de-AT;q=0.5, en;q=0.1"})
            assert '<html lang="de">' in german.text
            assert in_english(german.text) == [], link
            for headers in ({"Accept-Language": "en, de"}, {"Accept-Language": ";q=,"}, {}):
                plain = await http.get(link, headers=headers)
                assert '<html lang="en">' in plain.text
                assert in_english(plain.text)
                assert plain.headers["Content-Language"] == "en"
                assert plain.headers["Vary"] == german.headers["Vary"] == "Accept-Language"
        paper = await http.get(paths["paper"], headers={"Accept-Language": "de"})
        for said in ("2 weitere Quellen", "1 Stern", "neue Fassung", "Fassung 2", ">Seite</a>"):
            assert said in paper.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_what_is_gone_is_said_in_the_language_of_its_reader_while_that_is_known(
    place: Place,
) -> None:
    paths, german = place.paths(place.send()), {"Accept-Language": "de"}
    async with place.client() as http:
        place.change(language="de")
        place.now += timedelta(days=91)
        for name in ("digest", "all"):
            answer = await http.get(paths[name])
            assert answer.status_code == 410
            assert "Übersichten sind hier 90 Tage lang zu lesen." in answer.text
        place.app.subscriptions.remove(ADA)
        assert "Hier ist nichts mehr" in (await http.get(paths["vote"], headers=german)).text
        assert "Abbestellt" in (await http.post(paths["unsubscribe"], headers=german)).text
        large = {"zone": "x" * 30_000}
        answer = await http.post(paths["change"], data=large, headers=german)
        assert "Zu viel auf einmal" in answer.text


@pytest.mark.anyio
async def test_pages_for_less_for_feedback_and_for_undo_are_german_for_a_german_reader(
    place: Place,
) -> None:
    rules = "RAG\nRAG + LLM\nauthor: B. Author\ncat: cs.LG\nsource: arxiv"
    place.app.subscriptions.add_profile(ADA, "x", rules, now=place.now)
    paths = place.paths(place.send())
    place.change(language="de", max_papers=12)
    leave, vote = paths["unsubscribe"], paths["vote"]
    block = {"said": "down", "do": "block", "profile": "2", "term": "RAG"}
    narrow = block | {"do": "title", "line": "1", "mark": "1"}
    steps: list[tuple[str, dict[str, str] | None]] = [
        (leave, None), (leave, {"do": "x"}), (leave, {"do": "weekly"}), (leave, {"do": "papers"}),
        (leave, {"do": "pause"}), (vote, None), (vote, narrow), (vote, block), (vote, block),
        (vote, block | {"profile": "1"}), (leave, {"do": "profile", "profile": "2"}),
        (vote, {"said": "up"}), (leave, {"do": "all"}), (vote, None),
    ]  # fmt: skip
    async with place.client() as http:

        async def german(link: str, form: dict[str, str] | None) -> str:
            sent = {"headers": {"Accept-Language": "en"}} | ({} if form is None else {"data": form})
            answer = await http.request("GET" if form is None else "POST", link, **sent)
            assert '<html lang="de">' in answer.text
            assert in_english(answer.text) == [], (link, form)
            return answer.text

        undos = []
        for link, form in steps:
            undos += re.findall(r'action="(/undo/[^"]+)"', await german(link, form))
        assert len(undos) == 6
        for undo in undos:
            for sent in (None, {}, {}):
                await german(undo, sent)


@pytest.mark.anyio
async def test_the_way_to_a_link_is_in_the_language_the_browser_asks_for(place: Place) -> None:
    paths = place.paths(place.send())
    undo = place.app.links.undo(Undo(1, "weekly", (), place.now)).partition(".org")[2]
    token = paths["pause"].rpartition("/")[2]
    place.now += timedelta(days=40)
    links = ["/link", undo, paths["change"], *(f"/{kind}/{token}" for kind in "umvcs")]
    links += [f"/{kind}/x" for kind in ("u", "m", "v", "pause", "c", "s", "undo")]
    async with place.client() as http:
        http.headers["Accept-Language"] = "de"
        for link in links:
            assert in_english((await http.get(link)).text) == [], link
        for typed in (ADA, "x", "nobody@example.org"):
            assert in_english((await http.post("/link", data={"address": typed})).text) == []


@pytest.mark.anyio
async def test_the_default_language_is_that_of_the_configuration(tmp_path: Path) -> None:
    place = Place(tmp_path)
    digest = place.app.settings.digest.model_copy(update={"language": "de"})
    place.app.settings = place.app.settings.model_copy(update={"digest": digest})
    async with place.client() as http:
        assert "Hier ist nichts" in (await http.get("/nowhere")).text
        answer = await http.get("/nowhere", headers={"Accept-Language": "fr, en;q=0.1"})
        assert "Nothing here" in answer.text
    place.app.close()


@pytest.mark.anyio
async def test_language_and_quiet_days_are_chosen_on_the_page(place: Place) -> None:
    link = place.paths(place.send())["change"]
    form = FORMS["change"] | {"language": "de", "tell_nothing": "yes"}
    async with place.client() as http:
        shown = (await http.get(link)).text
        assert '<option value="de" lang="de">Deutsch</option>' in shown
        assert '<option value="en" lang="en" selected>English</option>' in shown
        assert 'name="tell_nothing" value="yes">' in shown
        answer = await http.post(link, data=form)
        assert "Gespeichert." in answer.text
        assert '<option value="de" lang="de" selected>' in answer.text
        assert 'name="tell_nothing" value="yes" checked>' in answer.text
        found = place.app.subscriptions.get(ADA)
        assert (found.language, found.tell_nothing) == ("de", True)
        before = dump(place.app.database)
        answer = await http.post(link, data=form | {"language": "xx"})
        assert answer.status_code == 422
        assert 'id="language-wrong"' in answer.text
        assert dump(place.app.database) == before
        await http.post(link, data=FORMS["change"])
    found = place.app.subscriptions.get(ADA)
    assert (found.language, found.tell_nothing) == ("de", False), "a language not sent stays"


def test_a_language_is_called_as_it_calls_itself() -> None:
    assert [own_name(code) for code in KNOWN] == ["English", "Deutsch"]


# Templates of one's own.


@pytest.mark.anyio
async def test_own_pages_are_used_and_a_broken_one_gives_way_to_the_built_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "own" / "web"
    folder.mkdir(parents=True)
    (folder / "vote.html.j2").write_text("{{ nonsense }}")
    (folder / "pause.html.j2").write_text("{% if %}")
    (folder / "unsubscribe.html.j2").write_text("Mine: {{ _('Stop all digests') }}")
    (folder / "style.css").write_text("h1 { color: teal }")
    place = Place(tmp_path, templates_dir=tmp_path / "own")
    paths = place.paths(place.send())
    place.change(language="de")
    async with place.client() as http:
        assert "Was sagen Sie zu dieser Arbeit?" in (await http.get(paths["vote"])).text
        assert "Für wie lange?" in (await http.get(paths["pause"])).text
        mine = await http.get(paths["unsubscribe"])
        assert mine.text == "Mine: Alle Übersichten abbestellen"
        assert (await http.get("/style.css")).text == "h1 { color: teal }"
    told = capsys.readouterr().out
    assert "template web/vote.html.j2" in told
    assert "template web/pause.html.j2, line 1" in told
    place.app.close()


# What a browser asks for.


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-AT-1996, en;q=0.9", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("en;q=0.8, de", "de"),
        ("en;q=0.8 , de ; q=0.801", "de"),
        ("en;q=0.8 , de;q =0.801", "en"),
        ("en;q=0.8 , de ;\tQ=0.801", "de"),
        ("de, en", "de"),
        ("en, de", "en"),
        ("fr, ja;q=0.9, de;q=0.1", "de"),
        ("fr, ja;q=0.9", "en"),
        ("*", "en"),
        ("en;q=0.1, *", "de"),
        ("de;q=0.5, *;q=0.8", "en"),
        ("en;q=0, *", "de"),
        ("en;q=0", "en"),
        ("de;q=0", "en"),
        ("de;q=0.0, fr", "en"),
        ("de-CH;q=0, de;q=0.5", "de"),
        ("en, de, *;q=0.5", "en"),
        # What is no language range is passed over; the rest counts.
        ("en;q=2, de;q=0.1", "de"),
        ("en;q=-1, de;q=0.1", "de"),
        ("en;q=1.001, de;q=0.1", "de"),
        ("en;q=0.9999, de;q=0.1", "de"),
        ("en;q=, de;q=0.1", "de"),
        ("en;q=nan, de;q=0.1", "de"),
        ("en;level=1, de;q=0.1", "de"),
        ("de_DE", "en"),
        ("deutsch", "en"),
        ("germanlanguage, de", "de"),
        (",,;,=,;q=1,-,de-,*-de, de;q=0.2", "de"),
        ("d\u00e9", "en"),
        ("\x00", "en"),
    ],
)
def test_what_is_wanted_most_and_known_is_given(header: str, wanted: str) -> None:
    assert asked_for(header, KNOWN, default="en") == wanted


def test_any_of_them_means_the_default_unless_that_is_named() -> None:
    assert asked_for("*", KNOWN, default="de") == "de"
    assert asked_for("de;q=0, *", KNOWN, default="de") == "en"
    assert asked_for("fr", KNOWN, default="de") == "de"


@given(st.text() | st.text("deEN-*;q=01., \t"), st.sampled_from(KNOWN))
def test_whatever_is_sent_there_is_a_language_to_answer_in(header: str, default: str) -> None:
    assert asked_for(header, KNOWN, default=default) in KNOWN


@given(st.permutations(["fr", "de", "en", "ja"]), st.booleans())
def test_the_order_of_weights_counts_and_not_that_of_the_words(
    order: list[str], back: bool
) -> None:
    ranges = [f"{code};q=0.{9 - n}" for n, code in enumerate(order)]
    header = ",".join(reversed(ranges) if back else ranges)
    first = next(code for code in order if code in KNOWN)
    assert asked_for(header, KNOWN, default="en") == first


@given(st.text("abc;=.019 *", max_size=20))
def test_what_is_malformed_takes_nothing_from_what_is_not(junk: str) -> None:
    assert asked_for(f"de, {junk};q=9", KNOWN, default="en") == "de"


def test_every_known_language_has_a_name() -> None:
    assert all(own_name(code) and language(code).code == code for code in languages.known())
