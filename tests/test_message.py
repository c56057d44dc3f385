"""Digests as mails: golden files, what a reader's program decodes, and what must never happen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.digests import fitting, render
from notifier.digests.gaps import quoted
from notifier.digests.message import Mail, build
from notifier.digests.render import Templates
from notifier.digests.view import Bar, DigestView, News, Notice, Service
from notifier.digests.wrapping import columns
from notifier.errors import TemplateError
from notifier.jobs.freshness import missing_note
from notifier.languages import language
from notifier.papers.paper import Paper
from notifier.ranking.rising import Rise
from notifier.sources.freshness import Freshness

from .builders import NOON, a_paper
from .mails import (
    ACTIONS,
    KEY,
    LEAVE,
    OWN_PAGES,
    SITE,
    a_digest,
    a_mail,
    as_html,
    as_text,
    bibtex,
    say_url,
)

GOLDEN = Path(__file__).parent / "golden"
Golden = Callable[[str, bytes], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare bytes with a golden file; `--update-golden` rewrites it and fails."""

    def check(name: str, made: bytes) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_bytes(made)
            pytest.fail(f"rewritten: {name}")
        assert made.decode("ascii").splitlines() == path.read_text("ascii").splitlines()
        assert made == path.read_bytes(), "line ends too"

    return check


def plain_mail(**values: Any) -> Mail:
    """A mail without templates."""
    mail = Mail(
        KEY, "N <n@example.org>", "ada@example.org", "Hello", b"text\r\n", b"<p>html</p>\r\n", NOON,
        "digest.example.org", "N", LEAVE,
    )  # fmt: skip
    return replace(mail, **values)


def read(raw: bytes) -> EmailMessage:
    """Read as strictly as the standard library can; any defect is an error."""
    message = message_from_bytes(raw, policy=policy.strict)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
        for value in part.values():
            assert not value.defects
    return message


def decoded(message: EmailMessage) -> tuple[str, str]:
    """The text and the HTML part with plain line ends."""
    text, html = message.iter_parts()
    return tuple(part.get_content().replace("\r\n", "\n") for part in (text, html))


LONG = "x" * 3000
HOSTILE = (
    "<script>alert(1)</script> & Grüße \"quoted\" 'single' {{ 7*7 }} {% raw %} \\n \\\\ LLM",
    f"LLM {LONG}",
    "LLM 😀👩\u200d👩\u200d👧 שלום עולם \u202eevil\u2066 مرحبا "
    "我们研究智能体如何使用检索来回答科学问题以及它们的成本",
    "LLM\r\nBcc: everyone@example.org\r\n\r\n<b>body</b>\x00\x1b[31m",
    "LLM --> <![CDATA[ ]]> &lt;b&gt; </style></title></textarea> <img src=x onerror=alert(1)>",
)


def hostile_papers() -> list[Paper]:
    return [
        a_paper(
            title, f"{title} and an LLM. {title}", row=n, authors=(f"{title[:40]}", "O'Neil <x@y>"),
            organization='<img src="x" onerror="alert(1)">', categories=("cs.<b>",),
            journal='"><script>', signals={'"up"votes': 2.0},
            urls={"abs": "javascript:alert(1)", "pdf": 'https://example.org/"><b>',
                  "code": "https://example.org/?a=1&b=<2>", "doi": "https://doi.org/10/x?a&b='"},
        )
        for n, title in enumerate(HOSTILE, 1)
    ]  # fmt: skip


HOSTILE_RULES = 'LLM | "<script>alert(1)</script>"\norg: "<b>org</b>"'


# Golden files.


def test_a_digest_of_one_paper_is_its_golden_file(golden: Golden) -> None:
    paper = a_paper(
        "LLM agents that plan", "We study agents. Each LLM plans before it acts.",
        authors=("Ada Lovelace", "Charles Babbage"), categories=("cs.CL",),
        urls={"page": "https://arxiv.org/abs/2611.00001", "pdf": "https://arxiv.org/pdf/2611.00001"},
    )  # fmt: skip
    golden("one_paper.eml", build(a_mail(a_digest([paper], {"Agents": "LLM agents"}))))


def test_a_digest_of_twelve_papers_in_two_profiles_is_its_golden_file(golden: Golden) -> None:
    papers = [
        a_paper(
            f"{'Planning with LLM agents' if n % 3 else 'Graphs for agents'}, part {n}",
            "Graphs and plans. " * n, row=n, authors=tuple(f"Author {c}" for c in "ABCDEFG"[:n]),
            categories=("cs.CL", "cs.AI"), organization="Qualcomm" if n == 3 else None,
            announce="replace" if n == 4 else "new", signals={"upvotes": float(n), "comments": 1.0},
            first_seen_at=NOON - timedelta(days=n), urls={"page": f"https://example.org/{n}"},
        )
        for n in range(1, 15)
    ]  # fmt: skip
    view = a_digest(papers, {"Agents": "LLM agents\nplans ^2", "Graphs": "graph*"})
    assert len(view.cards) == 12
    assert len(view.lines) == 2
    assert any(card.also for card in view.cards)
    golden("twelve_papers.eml", build(a_mail(view)))


def test_a_digest_with_a_paper_that_rises_is_its_golden_file(golden: Golden) -> None:
    old = a_paper("LLM agents, again", "A study of LLM agents.", authors=("Ada Lovelace",))
    rises = {1: [Rise("upvotes", 38.0, timedelta(hours=24), 41.0)]}
    view = a_digest([old, a_paper("LLM plans", row=2)], {"Agents": "LLM"}, rising=rises)
    golden("rising.eml", build(a_mail(view)))


def a_week(code: str = "en") -> DigestView:
    """A week of eight papers, with all that a mail can have."""
    papers = [
        a_paper(
            f"LLM agents, part {n}", "LLM. " * n, row=n, authors=("Ada Lovelace",),
            urls={"page": f"https://example.org/{n}"}, signals={"upvotes": 1.0},
            first_seen_at=NOON - timedelta(days=n % 3),
        )
        for n in range(1, 11)
    ]  # fmt: skip
    bars = tuple(
        Bar(day, str(n), 25 * n) for n, day in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri"))
    )
    return a_digest(
        papers, {"Agents": "LLM", "All": "part"}, max_papers=8, weekly=True, week=bars, code=code,
        own_links=bibtex, say_url=say_url, actions=ACTIONS, links=OWN_PAGES,
    )  # fmt: skip


def test_a_weekly_digest_is_its_golden_file(golden: Golden) -> None:
    view = a_week()
    assert [len(section.cards) for section in view.sections] == [5, 1, 2]
    golden("weekly.eml", build(a_mail(view)))


def test_a_digest_in_german_is_its_golden_file(golden: Golden) -> None:
    golden("german.eml", build(a_mail(a_week("de"))))


def test_a_first_digest_is_headed_as_a_sample_and_is_its_golden_file(golden: Golden) -> None:
    paper = a_paper("LLM agents that plan", "We study agents.", authors=("Ada Lovelace",))
    view = a_digest([paper], {"Agents": "LLM"}, kind="sample", links=OWN_PAGES)
    golden("sample.eml", build(a_mail(view)))


def test_a_mail_of_news_alone_is_its_golden_file(golden: Golden) -> None:
    news = (
        News(
            "A paper about retrieval <b>& more</b>",
            f"{SITE}/p/arxiv:2611.00001",
            "withdrawn",
            f"{SITE}/v/one?said=down",
        ),
        News(
            "Grüße from the lab",
            f"{SITE}/p/arxiv:2611.00002",
            "published: Nature 1 (2026)",
            f"{SITE}/v/two?said=down",
        ),
    )
    view = a_digest([], {"Agents": "LLM agents"}, kind="news", news=news)
    golden("news.eml", build(a_mail(view)))


def test_a_mail_that_nothing_matched_is_its_golden_file(golden: Golden) -> None:
    view = a_digest([], {"Agents": "LLM"}, kind="nothing", scanned=213, links=OWN_PAGES,
                    sources=("arxiv", "huggingface"))  # fmt: skip
    golden("nothing.eml", build(a_mail(view)))


def test_a_digest_that_a_source_was_late_for_is_its_golden_file(golden: Golden) -> None:
    note = missing_note("arxiv", Freshness("late", NOON, "", NOON, missing=True))
    assert note is not None
    view = a_digest(
        [a_paper("LLM agents")], {"Agents": "LLM"}, missing=(language("en").said(note),)
    )
    golden("late_source.eml", build(a_mail(view)))


def test_a_digest_of_right_to_left_and_chinese_titles_is_its_golden_file(golden: Golden) -> None:
    papers = [
        a_paper("מודלי שפה של LLM לעברית", "אנחנו חוקרים LLM בעברית.", authors=("עדה לאבלייס",)),
        a_paper("نماذج LLM للغة العربية", "ندرس LLM.", row=2, authors=("آدا لوفلايس",)),
        a_paper("大型语言模型 LLM 的智能体", "我们研究 LLM 智能体。", row=3, authors=("王小明",)),
    ]
    golden("right_to_left.eml", build(a_mail(a_digest(papers, {"سمات": "LLM"}))))


def test_a_digest_of_hostile_texts_is_its_golden_file(golden: Golden) -> None:
    view = a_digest(hostile_papers(), {"<i>Grüße</i>": HOSTILE_RULES})
    golden("hostile.eml", build(a_mail(view)))


def test_a_digest_with_a_rule_in_error_tells_it_and_is_its_golden_file(golden: Golden) -> None:
    rules = "LLM\ntitel: <b>graphs</b> & more\n(open"
    view = a_digest([a_paper("LLM agents")], {"Agents": rules})
    assert len(view.notices) == 2
    golden("rule_in_error.eml", build(a_mail(view)))


# HTML: nothing but the template's own elements.


class Skeleton(HTMLParser):
    """The elements with their attributes; addresses, and the text within each element, apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.addresses: list[str] = []
        self.said: list[tuple[str, str]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        kept = (f"{name}={value}" for name, value in attrs if name not in ("href", "src"))
        self.elements.append((tag, *kept))
        if tag not in ("meta", "br"):
            self._open.append((tag, []))

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}",))
        opened, words = self._open.pop()
        assert opened == tag
        self.said.append((tag, " ".join("".join(words).split())))

    def handle_data(self, data: str) -> None:
        for _, words in self._open:
            words.append(data)

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", data))

    def text(self, tag: str) -> list[str]:
        """What each element of a kind says."""
        return [words for opened, words in self.said if opened == tag]


def one_card(text: str) -> str:
    """The HTML of a digest in which every word from outside is `text`."""
    paper = a_paper(
        text, text + ".", authors=("Ada", text), organization=text + "!", journal=text + "!",
        categories=(text + "!",), urls={"page": "https://example.org/1"}, signals={text: 2.0},
    )  # fmt: skip
    view = a_digest([paper], {"p": "author: Ada"})
    (section,) = view.sections
    (card,) = section.cards
    changed = replace(
        card, summary=replace(card.summary, why=text + "!"), also=(text + "!", text),
        wanted=text + "!",
    )  # fmt: skip
    return as_html(
        replace(view, sections=(replace(section, name=text, cards=(changed,)),),
                notices=(Notice(text, text),), address=text + "!", missing=(text,),
                service=Service(text, "https://x", text + "!", text + "!"))
    )  # fmt: skip


BENIGN = Skeleton(one_card("benign")).elements


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_make_no_element_and_no_attribute(text: str) -> None:
    assert Skeleton(one_card(text)).elements == BENIGN


@given(st.text(st.sampled_from("<>&\"'/!-=;#x{}%\\ \n\r\x00\u2028a[]()`"), min_size=1))
def test_no_words_make_an_element_or_an_attribute(text: str) -> None:
    assert Skeleton(one_card(text)).elements == BENIGN


@given(st.text(min_size=1))
def test_html_shows_the_title_as_it_is(title: str) -> None:
    view = a_digest([a_paper(title, authors=("Ada",))], {"p": "author: Ada"})
    shown = Skeleton(as_html(view))
    expected = " ".join(view.cards[0].plain_title.split())
    assert shown.text("h3") == [expected]


def test_a_hit_is_marked_and_its_text_escaped() -> None:
    shown = Skeleton(as_html(a_digest([a_paper("<b>LLM</b>")], {"p": "LLM"})))
    assert shown.text("b") == ["LLM"]
    assert shown.text("h3") == ["<b>LLM</b>"]


def test_the_links_of_a_mail_are_web_addresses_and_no_other() -> None:
    view = a_digest(hostile_papers(), {"p": "LLM"})
    addresses = set(Skeleton(as_html(view)).addresses)
    wanted = {"https://doi.org/10/x?a&b='", LEAVE}
    assert addresses == wanted
    text = as_text(view)
    assert "javascript:" not in text
    assert set(re.findall(r"https?://\S+", text)) == wanted


def test_styles_stand_on_the_elements_and_only_media_queries_in_the_head() -> None:
    html = as_html(a_digest([a_paper("LLM")], {"p": "LLM"}))
    style = html[html.index("<style>") : html.index("</style>")]
    assert re.sub(r"@media.*", "", style, flags=re.DOTALL).strip() == "<style>"
    assert "prefers-color-scheme: dark" in style
    assert re.search('<h1 class="headline" style="', html)


# The text part.

LINES_OF_TEXT = st.sampled_from(HOSTILE) | st.text(max_size=300)


@given(st.lists(LINES_OF_TEXT, min_size=1, max_size=3))
def test_text_is_76_columns_wide_but_for_addresses(titles: list[str]) -> None:
    papers = [
        a_paper(f"{title} LLM", title, row=n, authors=(title,), urls={"page": f"https://e.org/{n}"})
        for n, title in enumerate(titles, 1)
    ]
    text = as_text(a_digest(papers, {titles[0][:60] or "p": "LLM"}))
    assert all(columns(line) <= 76 or "://" in line for line in text.split("\n"))


def test_the_footer_stands_behind_a_signature_mark_and_each_address_on_a_line_of_its_own() -> None:
    text = as_text(a_digest(hostile_papers(), {"p": "LLM"}))
    body, footer = text.split("\n-- \n")
    assert f"\nUnsubscribe:\n{LEAVE}\n" in footer
    assert "ada@example.org" in footer
    for line in (body + footer).split("\n"):
        if "https://" in line:
            assert re.fullmatch(r" *https://\S+", line)


def test_text_says_all_that_html_says() -> None:
    papers = [
        a_paper(f"LLM {n}", "Abstract.", row=n, authors=("Ada",), categories=("cs.CL",),
                urls={"page": f"https://example.org/{n}"})
        for n in range(1, 4)
    ]  # fmt: skip
    view = a_digest(papers, {"one": "LLM", "two": "cat: cs.CL\n(open"}, max_papers=2)
    text = " ".join(as_text(view).split())
    (html,) = Skeleton(as_html(view)).text("body")
    for said in (
        "2 new papers for you", "Fri, 20 Nov 2026", "3 papers scanned", "Also matched", "LLM 3",
        "Abstract.", "Ada", "cs.CL", "Also wanted by: two", "does not work", "No tracking.",
        "1 Long Street, Town", "Thu, 1 Jan 2026", "Next digest: Mon, 23 Nov 2026", "run by the lab",
    ):  # fmt: skip
        assert said in text, said
        assert said in html, said


# What a reader's mail program gets.


@given(
    st.text(max_size=200) | st.sampled_from(HOSTILE),
    st.text(max_size=500) | st.sampled_from(HOSTILE),
    st.text(max_size=60),
)
def test_every_digest_reads_back_as_it_was_rendered(title: str, abstract: str, name: str) -> None:
    paper = a_paper(title, abstract, authors=("Ada", name), organization=name)
    view = a_digest([paper], {name or "p": "author: Ada"})
    mail = a_mail(view)
    raw = build(mail)
    message = read(raw)
    assert message["Subject"] == view.subject
    assert decoded(message) == (as_text(view), as_html(view))
    check_wire(raw)


@given(st.text(), st.text(min_size=1), st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_every_mail_reads_back_as_it_was_made(text: str, html: str, name: str) -> None:
    mail = plain_mail(
        text=quoted(text), html=quoted(html), sender=f"{name} <n@example.org>", list_name=name,
    )  # fmt: skip
    raw = build(mail)
    expected = [_unified(part) for part in (text, html)]
    assert list(decoded(read(raw))) == expected
    check_wire(raw)


@given(st.text())
def test_a_mail_without_html_is_text_alone(text: str) -> None:
    raw = build(plain_mail(text=quoted(text), html=b""))
    message = read(raw)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == _unified(text)
    assert raw.isascii()
    assert all(len(line) <= 76 for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))


def _unified(text: str) -> str:
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return unified if unified.endswith("\n") else unified + "\n"


def check_wire(raw: bytes) -> None:
    """7-bit, only CRLF, short lines, the boundary nowhere but between the parts."""
    assert raw.isascii()
    assert b"\0" not in raw
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    head, body = raw.split(b"\r\n\r\n", 1)
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert body.count(b"=_" + KEY.encode()) == 3
    assert raw.endswith(b"--\r\n")


subjects = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)


@given(subjects)
def test_any_subject_reads_back_folded_before_column_78(subject: str) -> None:
    raw = build(plain_mail(subject=subject))
    message = read(raw)
    assert message["Subject"] == subject
    lines = raw[raw.index(b"Subject:") : raw.index(b"\r\nDate:")].split(b"\r\n")
    assert all(len(line) <= 78 for line in lines)
    for word in re.findall(rb"=\?utf-8\?[qb]\?.*?\?=", b" ".join(lines)):
        assert len(word) <= 75


def _header(raw: bytes, name: str) -> str:
    """A header as it stands, unfolded."""
    found = re.search(rf"^{name}: (.*?)\r\n(?! )".encode(), raw, re.M | re.S)
    assert found is not None
    return found.group(1).decode().replace("\r\n", "")


@pytest.mark.parametrize(
    "subject",
    ["plain", "Grüße", "a  b", " lead", "trail ", "=?utf-8?q?no?=", "x" * 500, "ü" * 500, "",
     "我们研究智能体" * 9, "😀" * 40, "mostly ASCII with one “quote” in a rather long line " * 2],
)  # fmt: skip
def test_a_subject_decodes_to_what_it_was(subject: str) -> None:
    assert read(build(plain_mail(subject=subject)))["Subject"] == subject


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Paper notifier", "Paper notifier <n@example.org>"),
        ("Doe, Jane", '"Doe, Jane" <n@example.org>'),
        ("J. Doe", '"J. Doe" <n@example.org>'),
        ('The "best"', '"The \\"best\\"" <n@example.org>'),
        ("Papers für alle", "=?utf-8?q?Papers_f=C3=BCr_alle?= <n@example.org>"),
        ("Grüße", "=?utf-8?b?R3LDvMOfZQ==?= <n@example.org>"),
        ("", "<n@example.org>"),
    ],
)
def test_a_display_name_is_quoted_or_encoded_where_it_must(name: str, written: str) -> None:
    quoted = name.replace('"', '\\"')
    raw = build(plain_mail(sender=f'"{quoted}" <n@example.org>'))
    assert _header(raw, "From") == written
    (address,) = read(raw)["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "n@example.org")


@pytest.mark.parametrize("name", ["Ä" * 100, "plain " * 100, "我们" * 60, "x" * 300])
def test_a_long_name_is_folded_and_reads_back(name: str) -> None:
    raw = build(plain_mail(sender=f'"{name}" <n@example.org>', list_name=name))
    check_wire(raw)
    read(raw)
    for header, bare in (("From", "<n@example.org>"), ("List-Id", "<digest.example.org>")):
        # The strict reader of 3.11 puts a space between encoded words in a name: RFC 2047, 6.2.
        shown = str(make_header(decode_header(_header(raw, header))))
        assert shown.replace(bare, "").strip() == name.strip()


@pytest.mark.parametrize(
    ("sender", "name"),
    [("N <n@papers.example.org>", "papersexampleor"), ("N <n@x.de>", "xde00")],
)
def test_complaints_are_counted_by_stream_list_and_sender_and_never_by_reader(
    sender: str, name: str
) -> None:
    one = read(build(plain_mail(sender=sender, stream="weekly")))
    other = read(build(plain_mail(sender=sender, stream="weekly", recipient="bo@example.org")))
    assert (
        one["Feedback-ID"] == other["Feedback-ID"] == f"weekly:digest.example.org:notifier:{name}"
    )


@given(st.text(st.characters(categories=["L", "N", "M"]), min_size=1).map(lambda text: "ü" + text))
def test_an_address_in_another_script_is_named_in_a_mail_that_stays_7_bit(local: str) -> None:
    raw = build(plain_mail(recipient=f"{local}@example.org"))
    check_wire(raw)
    (group,) = read(raw)["To"].groups
    # The standard library puts a space between two encoded words; RFC 2047, 6.2, has none.
    assert group.display_name.replace(" ", "") == f"{local}@example.org"
    assert group.addresses == ()


@pytest.mark.parametrize(
    "address", ["ü\r\nBcc: x@example.org", "ü>@example.org", "ü ü@example.org"]
)
def test_an_address_in_another_script_breaks_out_of_no_header(address: str) -> None:
    with pytest.raises(ValueError, match="header"):
        build(plain_mail(recipient=address))


def test_the_headers_are_these_and_each_stands_once() -> None:
    raw = build(plain_mail(reply_to="people@example.org"))
    names = re.findall(r"^([A-Za-z-]+): ", raw.split(b"\r\n\r\n")[0].decode(), re.M)
    assert names == [
        "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Id", "List-Unsubscribe",
        "List-Unsubscribe-Post", "Feedback-ID", "Auto-Submitted", "Precedence", "MIME-Version",
        "Content-Type",
    ]  # fmt: skip
    message = read(raw)
    assert message["Message-ID"] == f"<{KEY}@example.org>"
    assert _header(raw, "To") == "<ada@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip


def test_the_date_is_the_moment_in_utc_whatever_its_zone() -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    raw = build(plain_mail(date=tokyo))
    assert _header(raw, "Date") == "Fri, 20 Nov 2026 12:00:00 +0000"
    assert raw == build(plain_mail())


@pytest.mark.parametrize("length", [30, 78, 200, 900])
def test_list_unsubscribe_arrives_unencoded_and_on_one_line(length: int) -> None:
    url = "https://papers.example.org/u/".ljust(length, "x")
    raw = build(plain_mail(unsubscribe_url=url))
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in raw
    assert read(raw)["List-Unsubscribe"] == f"<{url}>"


def test_the_same_values_are_the_same_bytes() -> None:
    papers = hostile_papers()
    first = build(a_mail(a_digest(papers, {"p": "LLM"})))
    render._environment.cache_clear()
    assert build(a_mail(a_digest(papers, {"p": "LLM"}))) == first


# Nothing breaks out of a header.


@pytest.mark.parametrize("control", [*map(chr, (0, 7, 9, 10, 13, 27, 127, 0x85, 0x2028, 0x2029))])
@pytest.mark.parametrize(
    "field", ["key", "sender", "recipient", "subject", "list_id", "list_name", "unsubscribe_url",
              "reply_to"],
)  # fmt: skip
def test_a_control_character_in_a_header_is_refused(field: str, control: str) -> None:
    values = {"sender": "N{} <n@example.org>", "reply_to": "N{} <n@example.org>"}
    value = values.get(field, "a{}b@example.org").format(control)
    with pytest.raises(ValueError, match="a header's value"):
        build(plain_mail(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipient", "a@b.org>, <c@d.org"), ("recipient", "Ada <a@b.org>"), ("recipient", ""),
        ("recipient", "grüße@bü.org"), ("recipient", "a@b.org, c@d.org"),
        ("recipient", "a b@c.org"),
        ("sender", "nobody"), ("sender", ""), ("sender", "N <n@münchen.org>"), ("reply_to", "N"),
        ("unsubscribe_url", "https://x/> <mailto:a@b.org"), ("unsubscribe_url", ""),
        ("unsubscribe_url", "https://x/ü"), ("unsubscribe_url", "https://x/" + "x" * 1000),
        ("list_id", "a b"), ("list_id", ""), ("key", 'a"b c'),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        build(plain_mail(**{field: value}))


def test_a_title_with_line_breaks_makes_no_header_and_stops_no_digest() -> None:
    evil = "LLM\r\nBcc: everyone@example.org\r\n\r\nbody"
    view = a_digest([a_paper(evil, evil, authors=(evil,))], {"p": "LLM"})
    message = read(build(a_mail(view)))
    assert message["Bcc"] is None
    assert message["Subject"] == "p: LLM Bcc: everyone@example.org body"


# Size.

ABSTRACTS = {
    "English": "We study how LLM agents use tools. ",
    "Chinese": "我们研究 LLM 智能体如何使用检索来回答科学问题。",
    "all hits": "LLM LLM LLM ",
    "escapes": "<&> LLM <&>. ",
    "one word": "word" * 2000 + " LLM ",
}


def a_full_digest(
    count: int, abstract: str, profiles: int = 1, title: str = "Large LLM agents that plan and act"
) -> DigestView:
    papers = [
        a_paper(
            f"{title}, part {n}", (abstract * 500)[:5000], row=n,
            authors=tuple(f"Firstname Lastname {m}" for m in range(9)), organization="Qualcomm",
            categories=("cs.CL", "cs.AI", f"x{n}"), signals={"upvotes": 12.0, "comments": 3.0},
            urls={kind: f"https://example.org/{kind}/{n}" for kind in ("page", "pdf", "code")},
        )
        for n in range(count + 8)
    ]  # fmt: skip
    rules = {f"profile {n}": f"LLM + cat: x{n}" for n in range(count + 8)}
    return a_digest(
        papers, rules if profiles > 1 else {"p": "LLM"}, max_papers=count,
        abstract_characters=5000, own_links=bibtex, say_url=say_url, actions=ACTIONS,
        links=OWN_PAGES,
    )  # fmt: skip


def fitted(view: DigestView) -> tuple[bytes, str, str]:
    """The mail as it is sent, and its two parts."""
    raw = fitting.fit(view, lambda shown: build(a_mail(shown)))
    return raw, *decoded(read(raw))


@pytest.mark.parametrize("abstract", ABSTRACTS.values(), ids=ABSTRACTS.keys())
@pytest.mark.parametrize("count", [5, 12, 25])
@pytest.mark.parametrize("profiles", [1, 25])
def test_a_mail_stays_below_the_size_at_which_mails_are_clipped_and_keeps_its_footer(
    abstract: str, count: int, profiles: int
) -> None:
    raw, text, html = fitted(a_full_digest(count, abstract, profiles))
    assert len(raw) <= fitting.MAIL_BYTES == 95_000
    for part in (text, html):
        assert LEAVE in part
        assert OWN_PAGES.pause in part
    if count == 25 and abstract != ABSTRACTS["all hits"]:
        assert len(raw) > 75_000, "the room is used"


def test_five_papers_keep_all_of_their_abstracts() -> None:
    view = a_full_digest(5, "We study how people use tools. ")
    raw, text, _ = fitted(view)
    assert len(raw) < fitting.MAIL_BYTES
    assert raw == build(a_mail(view))
    assert " ".join(text.split()).count("We study how people use tools.") == 5 * 161


def test_short_abstracts_stay_whole_beside_long_ones() -> None:
    papers = [
        a_paper("LLM", "Long sentence. " * 330 if n else "A short one.", row=n) for n in range(25)
    ]
    view = a_digest(papers, {"p": "LLM"}, max_papers=25, abstract_characters=5000)
    _, text, _ = fitted(view)
    assert "A short one." in text
    assert text.count("Long sentence.") >= 24 * 30


def test_when_titles_alone_are_too_much_the_last_papers_are_titles_only() -> None:
    view = a_full_digest(25, "Short. ", title="LLM &<>" * 40)
    raw, text, html = fitted(view)
    assert len(raw) <= fitting.MAIL_BYTES
    shown = Skeleton(html)
    cards = len(shown.text("h3"))
    assert 0 < cards < 25
    assert text.count("Why: ") == cards
    assert "== Also matched ==" in text
    assert LEAVE in text
    assert LEAVE in html


def test_a_frame_that_is_too_large_by_itself_ends_the_shortening() -> None:
    notices = tuple(Notice("p", "x" * 3000) for _ in range(40))  # more than a digest ever has
    raw, text, _ = fitted(a_digest([a_paper("LLM")], {"p": "LLM"}, notices=notices))
    assert len(raw) > fitting.MAIL_BYTES
    assert LEAVE in text


# Templates.


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% if %}", r"mail/digest\.txt\.j2, line 1"),
        ("{{ frame.nonsense }}", "nonsense"),
        (None, r"mail/digest\.txt\.j2 is missing"),
    ],
)
def test_a_broken_built_in_template_is_named(
    own: Path, monkeypatch: pytest.MonkeyPatch, template: str | None, told: str
) -> None:
    if template is not None:
        (own / "mail" / "digest.txt.j2").write_text(template)
    monkeypatch.setattr(render, "template_folder", lambda: own)
    with pytest.raises(TemplateError, match=told):
        as_text(a_digest([a_paper("LLM")], {"p": "LLM"}), Templates())


def test_a_template_of_ones_own_is_used_and_the_others_stay(own: Path) -> None:
    (own / "mail" / "digest.txt.j2").write_text("Mine: {{ view.headline }}, {{ _('Pause') }}")
    mine, view = Templates(own), a_digest([a_paper("LLM")], {"p": "LLM"}, code="de")
    assert as_text(view, mine) == "Mine: 1 neue Arbeit für Sie, Pause"
    assert as_html(view, mine) == as_html(view)
    assert mine.check() == []


@pytest.mark.parametrize(
    "template",
    ["{% if %}", "{{ view.nonsense }}", "{{ 1 / 0 }}", "{% include 'none' %}", "{{ view.day | x }}",
     "{{ view.cards[7].title }}", "{% extends 'mail/digest.txt.j2' %}"],
)  # fmt: skip
def test_a_broken_template_of_ones_own_stops_no_mail_and_is_told_once(
    own: Path, template: str
) -> None:
    (own / "mail" / "digest.txt.j2").write_text(template)
    told: list[str] = []
    mine, view = Templates(own, tell=told.append), a_digest([a_paper("LLM")], {"p": "LLM"})
    for _ in range(3):
        assert as_text(view, mine) == as_text(view)
    (problem,) = told
    assert problem.startswith("template mail/digest.txt.j2")
    assert mine.problems == [problem]


def test_what_is_wrong_with_own_templates_is_found_before_a_mail_is_made(own: Path) -> None:
    (own / "mail" / "digest.html.j2").write_text("{% for x in %}")
    (own / "mail" / "digest.txt.j2").write_bytes(b"\xff\xfe")
    problems = Templates(own).check()
    assert len(problems) == 2
    assert problems[0].startswith("template mail/digest.html.j2, line 1")
    assert Templates(own / "none").check() == [f"{own / 'none'} is no folder"]
