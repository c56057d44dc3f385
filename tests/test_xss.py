"""Whatever sources, readers, operators and servers write is text: nothing of it runs anywhere.

Every page of a hostile instance is opened in Chromium: nothing runs, nothing is asked of another
host, no page is made of what a text would have it made of, and the text can be read.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import httpx2 as httpx
import pytest
from playwright.async_api import Page

from notifier.digests.excerpt import plain
from notifier.digests.reading import body
from notifier.profiles.profile import Schedule
from notifier.storage import (
    store_bounces,
    store_channels,
    store_digests,
    store_letters,
    store_posts,
    store_sources,
    store_votes,
)
from notifier.storage.store_signups import Wish
from notifier.storage.store_votes import StoredVote
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .api import a_key, bearer, fail, follow
from .builders import an_entry
from .hostile import FIRE, NAMES, TEXTS, URLS, sign
from .hostile_feeds import read_all
from .pages import ADA, MORNING, Place, path
from .test_pages_browser import chromium, served
from .watching import Watch

PROFILES = NAMES[:12]
BUTTON = "main:not(:has([value=save])) form button, main [value=save]"
# Of pages that are there by the hundred so many are opened, beside those that a test names.
QUOTA = {r"/p/.*\.(bib|ris)$": 6, "/p/": 15, "/v/": 10}
OPERATOR = '"><img src=x onerror=fired(1)> {{ 7 }}'


@dataclass(frozen=True)
class Hostile:
    """An instance where all that can be written is hostile."""

    place: Place
    base: str
    key: str
    digest: str
    starts: tuple[str, ...]


@asynccontextmanager
async def hostile(folder: Path, **site: Any) -> AsyncIterator[Hostile]:
    """Serve one, under its own public address, so that the links in its mails lead to it."""
    listening = bound("127.0.0.1:0")
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    place = Place(
        folder, public_url=base, name=f"Papers {OPERATOR}", contact=f"Ada {OPERATOR}",
        postal_address=f"1 Street {OPERATOR}", sample_rules="RAG", **site,
    )  # fmt: skip
    follow(place, "arxiv", "blog")
    for name in PROFILES:
        place.app.subscriptions.add_profile(ADA, name, f"RAG\n# {name}", now=place.now)
    place.app.subscriptions.add_profile(ADA, "long", rules(), now=place.now)
    place.change(max_papers=25)
    place.now = MORNING
    for source, entries in read_all():
        place.take(*entries, source=source)
    place.app.compose()
    fail(place, f"550 5.1.1 {TEXTS[3]}")
    starts = tell(place)
    async with serving(make_site(place.app), listening):
        with place.app.database.reading() as conn:
            digest = store_digests.listed(conn)[-1].key
        mails = tuple(f"/d/{digest}{more}" for more in ("", "?text", "/all"))
        yield Hostile(place, base, a_key(place), digest, (*starts, *mails))
    place.app.close()


def rules() -> str:
    """Every text as a rule and as a comment; those that are no rule are told of on a page."""
    lines = (one for text in TEXTS for one in text.replace("\0", "").splitlines() if len(one) < 300)
    return "\n".join(["RAG", *lines])


def tell(place: Place) -> tuple[str, ...]:
    """Have servers and strangers say hostile things; return where a stranger's pages are."""
    now = place.now
    wish = Wish(
        "a&lt'{{7*7}}`|x%3c@example.org", TEXTS[0], Schedule("Asia/Tokyo", 8, 0, (0, 4)), "en"
    )
    row = place.app.served.signups.ask(wish, host="", now=now)
    with place.app.database.writing() as conn:
        for number in range(3):
            store_sources.failed(conn, "blog", "feed", f"503 {TEXTS[number]}", now=now)
        for number in range(12):
            store_votes.put(conn, StoredVote(1, number + 1, "saved", now))
            bounce = {
                "key": f"k{number}", "recipient": f"x{TEXTS[-number]}@example.org", "kind": "hard",
                "status": "5.1.1", "reason": TEXTS[number], "via": "token", "done": "counted",
                "subscriber_id": None, "received_at": now,
            }  # fmt: skip
            store_bounces.add(conn, bounce)
        channel = store_channels.add(conn, 1, 1, "ntfy", "ntfy://x/y", now=now)
        post = store_posts.NewPost(channel, "x" * 32, PROFILES, TEXTS[1], TEXTS[2], (1,))
        store_posts.fix(conn, 1, [post], now=now, expires_at=now)
    place.app.served.api_keys.add(NAMES[4], ("read",), now=now, expires_at=None)
    links = place.app.links
    papers = (links.paper(f"arxiv:2611.{number + 1:05d}") for number in range(len(TEXTS)))
    urls = (
        *papers,
        links.waiting(row),
        links.confirm(row, now),
        links.vote(1, 1) + "?said=down",
        links.post("x" * 32),
        links.pause(1),
        links.unsubscribe(1),
        links.change(1, now),
    )
    feed = place.app.served.feeds.rotate(2)
    return (
        "/", "/papers", "/papers?q=RAG", "/status", "/privacy", "/sample", "/admin", "/link",
        "/status.json", "/badge.svg", "/papers.json", *map(path, (*urls, feed.atom, feed.json)),
    )  # fmt: skip


def typed() -> Iterator[str]:
    """Addresses that hold hostile texts where somebody can write them."""
    for text in TEXTS[::7]:
        yield f"/?rules={quote(text)}"
        yield f"/papers?q={quote(text)}"
        yield f"/papers?q=RAG&page={quote(text)}"
        yield f"/papers/2026-11-20?field={quote(text)}"
        yield f"/papers/{quote(text)}?date={quote(text)}"
        yield f"/p/{quote(text)}"
        yield f"/m/{quote(text, safe='')}"
        yield f"/nowhere/{quote(text)}?{quote(text)}"
    yield "/papers?q=" + quote("\n".join(TEXTS)[:1900])
    yield "/p/" + quote(URLS[0])


async def crawl(watch: Watch, page: Page, starts: list[str]) -> list[str]:
    """Open every page that links lead to, but of a kind that is there by the hundred only some."""
    waiting, known, left = starts, set(starts), Counter(QUOTA)
    opened = []
    while waiting:
        address = waiting.pop()
        opened.append(address)
        if not await watch.open(page, address):
            continue
        for one in await page.evaluate(_LINKS):
            kind = next((kind for kind in QUOTA if re.search(kind, one)), None)
            if not one.startswith(f"{watch.base}/") or one in known or (kind and not left[kind]):
                continue
            left.subtract([kind] if kind else [])
            known.add(one)
            waiting.append(one)
    return opened


def shown(text: str) -> str:
    """A text as a page shows it: without NUL, a space for what else is not seen."""
    return " ".join(plain(unicodedata.normalize("NFKC", text.replace("\0", ""))).split())


@pytest.mark.anyio
async def test_no_page_of_a_hostile_instance_runs_or_fetches_anything(tmp_path: Path) -> None:
    async with hostile(tmp_path) as there, chromium() as browser:
        watch = Watch(there.base)
        context = await browser.new_context(
            http_credentials={"username": "x", "password": there.key}, locale="en"
        )
        page = await watch.over(context)
        opened = await crawl(watch, page, [there.base + one for one in (*there.starts, *typed())])
        await context.close()
        assert watch.seen == []
        kinds = {re.split("[/?]", one.removeprefix(there.base + "/"))[0] for one in opened}
        assert {"p", "m", "d", "v", "l", "papers", "status", "admin", "sample", "feed"} <= kinds
        assert any(".bib" in one for one in watch.downloads)
        papers = [watch.text[f"{there.base}/p/arxiv:2611.{n + 1:05d}"] for n in range(len(TEXTS))]
        for number, text in enumerate(TEXTS):
            assert shown(text) in shown(papers[number]), "as title"
            assert shown(text) in shown(papers[number - 5]), "as journal or organisation"
        whole = "\n".join(watch.text.values())
        assert [name for name in PROFILES if name not in whole] == []
        admin = watch.text[f"{there.base}/admin"]
        assert TEXTS[3] in admin, "a mail server's answer"
        assert TEXTS[2] in admin, "a source's answer"
        assert NAMES[4] in admin, "a key's name"
        assert OPERATOR in watch.text[f"{there.base}/privacy"]
        assert str(19141 * 7919) not in whole, "a template of a text was carried out"


_LINKS = """[...document.querySelectorAll('a[href],iframe[src],link[rel=alternate]')]
    .map(one => (one.href || one.src).split('#')[0])"""


async def typed_back(watch: Watch, page: Page, given: dict[str, str], name: str) -> str:
    """Type into the fields of a page and send them; return what stands in the first one then."""
    await page.evaluate("for (const one of document.forms) one.noValidate = true")
    for field, text in given.items():
        await page.fill(field, text)
    if "/profile/" in name:  # tried by the script while it is typed
        await page.wait_for_selector(".tried p")
        await watch.look(page, f"{name}, tried")
    await page.locator(BUTTON).last.click()
    said, field = await watch.look(page, name), page.locator(next(iter(given)))
    return await field.input_value() if await field.count() else said


@pytest.mark.anyio
async def test_what_is_typed_into_forms_comes_back_as_text(tmp_path: Path) -> None:
    async with hostile(tmp_path) as there, chromium() as browser:
        watch = Watch(there.base)
        change = there.base + path(there.place.app.links.change(1, MORNING))
        context = await browser.new_context(locale="en", bypass_csp=True)
        page = await watch.over(context)
        fields = {
            "/": ("#rules", "#address", "#zone"), "/link": ("#address",), change: ("#zone",),
            f"{change}/profile/new": ("#rules", "#name"), f"{change}/profile/2": ("#rules",),
        }  # fmt: skip
        for number in range(0, len(TEXTS), 16):
            text = TEXTS[number].replace("\0", " ").replace("\n", " ")[:300]
            lines = "\n".join([text, *TEXTS[number : number + 16]])[:1500]
            for address, names in fields.items():
                await page.goto(urljoin(there.base, address))
                given = {name: lines if name == "#rules" else text for name in names}
                assert sign(text) in await typed_back(watch, page, given, f"{address} {text}")
        await context.close()
    assert watch.seen == []


@pytest.mark.anyio
async def test_answers_for_programs_are_no_documents_that_run(tmp_path: Path) -> None:
    async with hostile(tmp_path) as there, chromium() as browser:
        watch = Watch(there.base)
        context = await browser.new_context(extra_http_headers=bearer(there.key))
        page = await watch.over(context)
        names = ["subscribers", "digests", "stats", "papers?q=RAG", "deliveries", "openapi.json",
                 "subscribers/1/profiles", "papers/arxiv:2611.00001"]  # fmt: skip
        names += [f"papers?{quote(text)}={quote(text)}" for text in TEXTS[::9]]
        names += [quote(text) for text in TEXTS[::9]]
        for name in names:
            await watch.open(page, f"{there.base}/api/v1/{name}")
            assert (await page.evaluate("document.contentType")).endswith("json")
        for name in ("/status.json", "/badge.svg", "/papers.atom", "/papers.json"):
            await watch.open(page, there.base + name)
        await context.close()
        async with httpx.AsyncClient(base_url=there.base) as http:
            for text in (one for one in TEXTS[::3] if one.isascii() and one.isprintable()):
                sent = {"Accept-Language": text, "User-Agent": text, f"X-{sign(text)}": text}
                answer = await http.get("/nowhere", headers=sent | {"Referer": text})
                assert sign(text) not in answer.text + str(answer.headers)
                answer = await http.get("/papers/", headers={"Host": text})
                assert answer.status_code == 421
                assert sign(text) not in answer.text + str(answer.headers)
    assert watch.seen == []


@pytest.mark.anyio
async def test_a_mail_opened_as_a_file_runs_and_fetches_nothing(tmp_path: Path) -> None:
    async with hostile(tmp_path) as there, chromium() as browser:
        with there.place.app.database.reading() as conn:
            keys = [one.key for one in store_digests.listed(conn)]
            contents = [store_digests.content(conn, key) for key in keys]
        now = there.place.now
        with there.place.app.database.writing() as conn:
            letter = store_letters.claim(conn, owner="t", now=now, until=now)
        assert letter is not None
        watch = Watch(there.base)
        page = await watch.over(await browser.new_context())
        for number, content in enumerate([*contents, letter.content]):
            file = tmp_path / f"{number}.html"
            file.write_bytes(body(content or b"", "html"))
            said = await watch.open(page, file.as_uri())
            assert OPERATOR in said
        text = "\n".join(watch.text.values())
        assert [name for name in PROFILES if name not in text] == []
        assert sum(sign(one) in text for one in TEXTS) > 25
        await page.context.close()
    assert watch.seen == []


def trust(folder: Path, name: str, is_escaped: str, is_trusted: str) -> None:
    """Put a copy of a template into a folder that takes a text for more."""
    ours = Path("templates/web", f"{name}.html.j2").read_text()
    assert is_escaped in ours
    (folder / "web").mkdir()
    (folder / "web" / f"{name}.html.j2").write_text(ours.replace(is_escaped, is_trusted))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "is_escaped", "is_trusted"),
    [
        ("paper", "{{ paper.title }}</h1>", "{{ paper.title | safe }}</h1>"),
        ("paper", 'dir="auto">{{ paper.title }}', "title='{{ paper.title | safe }}'>x"),
        ("paper", '<a href="{{ url }}"', '<a href="{{ paper.comment }}"'),
    ],
)
async def test_the_watch_sees_a_page_that_trusts_a_text(
    tmp_path: Path, name: str, is_escaped: str, is_trusted: str
) -> None:
    trust(tmp_path, name, is_escaped, is_trusted)
    place = Place(tmp_path, templates_dir=tmp_path)
    title = f"RAG '><img src=//evil.example/ onerror={FIRE}>"
    place.take(an_entry(1, title, comment=URLS[0], urls={"page": "https://ok.example/"}))
    async with served(place) as base, chromium() as browser:
        for without_policy in (False, True):
            watch = Watch(base)
            page = await watch.over(await browser.new_context(bypass_csp=without_policy))
            await watch.open(page, f"{base}/p/arxiv:2611.00001")
            assert watch.seen != []
            await page.context.close()
    place.app.close()
