"""Shared profiles: owners change the rules for all, readers follow or copy, a list is invited."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from sqlalchemy import update

from notifier import errors
from notifier.digests.reading import body
from notifier.profiles.profile import Profile
from notifier.storage import schema, store_digests
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import an_entry
from .commands import Notifier, notifier
from .databases import database_url
from .pages import ADA, MORNING, Place, path, place
from .sink import listening
from .test_pages_browser import DESK, PHONE, chromium, served
from .test_pages_language import in_english
from .test_promises import dump
from .test_votes import ada

__all__ = ["ada", "notifier", "place"]

BO, CY = "bo@example.org", "cy@example.org"
NAME = "<b>ml</b>"


def own(place: Place, address: str = ADA, name: str = NAME) -> Profile:
    return place.app.subscriptions.profile(address, name)


def shared(place: Place) -> str:
    """Share Ada's profile; return the link."""
    for address in (BO, CY):
        place.reader(address, "nothing of the kind", "own")
    return place.app.served.sharing.share(own(place).row, now=place.now)


def join(place: Place, address: str, link: str, *, copy: bool = False) -> Profile:
    found = place.app.subscriptions.get(address)
    return place.app.served.sharing.join(found, link, now=place.now, copy=copy)


def write(place: Place, address: str, rules: str) -> None:
    place.app.subscriptions.add_profile(address, NAME, rules, now=place.now, replace=True)


@pytest.mark.both
def test_who_follows_gets_every_change_and_who_copied_none(place: Place) -> None:
    link = shared(place)
    assert join(place, BO, link).rules == own(place).rules
    join(place, CY, link, copy=True)
    place.now = MORNING
    write(place, ADA, "mixture of experts")
    assert own(place, BO).rules == "mixture of experts"
    assert own(place, CY).rules != "mixture of experts"
    place.take(an_entry(1, "A mixture of experts", published_at=place.now))
    place.app.compose()
    with place.app.database.reading() as conn:
        made = {one.address: one.papers for one in store_digests.listed(conn)}
    assert made == {ADA: 1, BO: 1, CY: 0}


@pytest.mark.both
def test_joining_twice_is_the_same_as_once(place: Place) -> None:
    link = shared(place)
    for copy in (False, False):
        join(place, BO, link, copy=copy)
    before = dump(place.app.database)
    join(place, BO, link)
    assert dump(place.app.database) == before
    assert [one.name for one in place.app.subscriptions.profiles(BO)] == ["own", NAME]
    assert place.app.served.sharing.share(own(place).row, now=place.now) == link


@pytest.mark.both
def test_a_reader_changes_nothing_until_the_profile_is_their_own(place: Place) -> None:
    join(place, BO, shared(place))
    rules = own(place).rules
    with pytest.raises(errors.Followed, match="make it your own"):
        write(place, BO, "mine")
    with pytest.raises(errors.Followed):
        place.app.served.sharing.share(own(place, BO).row, now=place.now)
    assert own(place, BO).rules == rules
    assert place.app.served.sharing.leave(own(place, BO).row)
    write(place, BO, "mine")
    write(place, ADA, "hers")
    assert (own(place, BO).rules, own(place).rules) == ("mine", "hers")


@pytest.mark.both
def test_a_further_owner_comes_by_a_link_that_works_once(place: Place) -> None:
    link, sharing = shared(place), place.app.served.sharing
    owners = sharing.owner_link(own(place).row)
    join(place, BO, owners)
    with pytest.raises(errors.NotFound):
        join(place, CY, owners)
    join(place, CY, link)
    write(place, BO, "by Bo")
    assert {own(place, one).rules for one in (ADA, BO, CY)} == {"by Bo"}
    place.app.subscriptions.undo_rules(1, NAME, now=place.now)
    assert {own(place, one).rules for one in (ADA, BO, CY)} == {own(place).rules}
    assert own(place).rules != "by Bo"
    found = sharing.of(own(place, CY).row)
    assert found
    assert (found.role, found.owners, found.readers) == ("reader", 2, 1)


@pytest.mark.both
@pytest.mark.parametrize("end", ["stopped", "profile", "left"])
def test_when_the_last_owner_goes_readers_keep_the_rules_as_their_own(
    place: Place, end: str
) -> None:
    link = shared(place)
    rules = join(place, BO, link).rules
    if end == "stopped":
        assert place.app.served.sharing.stop(own(place).row)
    elif end == "profile":
        place.app.subscriptions.remove_profile(ADA, NAME)
    else:
        place.app.subscriptions.remove(ADA)
    assert own(place, BO).rules == rules
    assert place.app.served.sharing.of(own(place, BO).row) is None
    write(place, BO, "mine")
    with pytest.raises(errors.NotFound, match="shares nothing"):
        join(place, CY, link)
    with place.app.database.reading() as conn:
        assert conn.execute(t.sharing.select()).all() == []
        assert conn.execute(t.member.select()).all() == []


@pytest.mark.both
def test_a_link_made_anew_opens_and_the_old_one_does_not(place: Place) -> None:
    old = shared(place)
    join(place, BO, old)
    new = place.app.served.sharing.share(own(place).row, now=place.now, rotate=True)
    with pytest.raises(errors.NotFound):
        join(place, CY, old)
    join(place, CY, new)
    write(place, ADA, "for all")
    assert {own(place, one).rules for one in (BO, CY)} == {"for all"}


@pytest.mark.anyio
async def test_the_page_of_a_link_tells_no_address_and_changes_nothing(place: Place) -> None:
    write(place, ADA, "RAG ^2\nauthor: Wei Wang")
    link = shared(place)
    join(place, BO, link)
    place.take(an_entry(1, "RAG, found", published_at=place.now))
    place.take(*[an_entry(n, authors=("Wei Wang",), categories=(f"math.{n}",)) for n in (2, 3, 4)])
    before = dump(place.app.database)
    async with place.client() as http:
        answer = await http.get(path(link))
        assert answer.status_code == 200
        assert "RAG ^2" in answer.text
        assert ", found" in answer.text  # an example of what it brings
        assert "different people" in answer.text
        assert "<button" not in answer.text.partition('class="tried"')[2].partition("</div>")[0]
        assert "example.org</" not in answer.text.replace("https://papers.example.org", "")
        assert not re.search(r"\b(ada|bo)@", answer.text)
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert (await http.get(path(link)[:-2] + "xx")).status_code == 404
        change = path(place.app.links.change(2, place.now))
        assert (await http.get(f"{change}/join", params={"link": link})).status_code == 200
        assert (await http.get(f"{change}/join", params={"link": "x"})).status_code == 404
    assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_somebody_new_follows_by_the_mail_that_they_confirm(tmp_path: Path) -> None:
    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        link = place.app.served.sharing.share(own(place).row, now=place.now)
        async with place.client() as http:
            wrong = await http.post(path(link), data={"address": "nobody"})
            assert wrong.status_code == 422
            asked = await http.post(path(link), data={"address": "new@example.org"})
            assert asked.status_code == 303
            await place.app.send_letters()
            (letter,) = sink.received
            found = re.search(rb"https://papers.example.org(/c/\S+)", body(letter.content, "plain"))
            assert found
            await http.post(found.group(1).decode(), data={"do": "confirm"})
        write(place, ADA, "for all")
        assert own(place, "new@example.org").rules == "for all"
        place.app.close()


@pytest.mark.anyio
async def test_a_reader_is_told_on_the_page_and_in_the_api_that_others_change_it(
    place: Place,
) -> None:
    link = shared(place)
    kept = join(place, BO, link)
    change = path(place.app.links.change(2, place.now))
    async with place.client() as http:
        url = f"{change}/profile/{kept.row}"
        assert "You follow this profile" in (await http.get(url)).text
        answer = await http.post(url, data={"do": "save", "name": NAME, "rules": "mine"})
        assert answer.status_code == 409
        assert "Others change these rules" in answer.text
        await http.post(url, data={"do": "leave"})
        answer = await http.post(url, data={"do": "save", "name": NAME, "rules": "mine"})
        assert answer.status_code == 303
    assert own(place, BO).rules == "mine"


# A list that is invited.

CSV = """email;language;zone
new@example.org;de;Europe/Vienna
NEW@example.org;;
not an address;;
ada@example.org;;
left@example.org;;
"broken@example.org;;
other@example.org;xx;
last@example.org;;
"""


@pytest.mark.anyio
async def test_a_list_is_invited_once_and_each_confirms(ada: Notifier, tmp_path: Path) -> None:
    ada("profile", "add", ADA, "graphs", "graph*")
    link = ada("profile", "share", ADA, "graphs").out.strip()
    ada("subscriber", "add", "left@example.org", "--confirmed")
    ada("subscriber", "remove", "left@example.org")
    file = tmp_path / "lab.csv"
    file.write_text(CSV, encoding="utf-8-sig")
    words = ("subscriber", "invite", file, "--profile", link, "--by", "Ada Lee")
    dry = ada(*words, "--dry-run")
    assert dry.code == 3
    assert "would be: 3 invited, 1 twice in the list, 1 subscribed already" in dry.err
    assert "line 4:" in dry.err
    assert "line 7:" in dry.err  # a quote that does not end, and spoils nothing else
    assert "line 8:" in dry.err
    assert ada(*words).code == 3
    again = ada(*words).err
    assert "3 invited before" in again
    assert "invited," not in again
    link_of_owner = ada("profile", "share", ADA, "graphs", "--owner-link").out.strip()
    refused = ada(*words[:4], link_of_owner, *words[5:])
    assert (refused.code, "for owners" in refused.err) == (2, True)


@pytest.mark.both
@pytest.mark.anyio
async def test_an_invitation_is_mailed_in_the_reader_s_language_and_makes_nobody_subscribe(
    tmp_path: Path,
) -> None:
    from notifier.storage.store_signups import Wish

    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        link = place.app.served.sharing.share(own(place).row, now=place.now)
        secret, usual = link.rpartition("/")[2], place.app.subscriptions.default_schedule
        invite = place.app.served.signups.invite
        wishes = [
            Wish(one, "RAG", usual, "de", secret, "Ada Lee")
            for one in ("new@example.org", ADA, "new@example.org")
        ]
        assert [invite(one, now=place.now) for one in wishes] == ["invited", "known", "before"]
        await place.app.send_letters()
        (letter,) = sink.received
        assert letter.recipient == "new@example.org"
        assert b"Ada Lee =?utf-8?" in letter.content or b"Ada Lee" in letter.content
        with pytest.raises(errors.NotFound):
            place.app.subscriptions.get("new@example.org")
        place.app.served.signups.confirm(1, now=place.now)
        kept = own(place, "new@example.org")
        found = place.app.served.sharing.of(kept.row)
        assert found
        assert found.role == "reader"
        consent = place.app.subscriptions.get("new@example.org").consent
        assert "an invitation by Ada Lee" in consent
        with place.app.database.reading() as conn:
            assert all("@" not in row.name for row in conn.execute(t.invited.select()))
        place.app.close()


def test_commands_share_join_and_leave(ada: Notifier) -> None:
    ada("profile", "add", ADA, "graphs", "graph*")
    ada("subscriber", "add", BO, "--confirmed")
    link = ada("profile", "share", ADA, "graphs").out.strip()
    assert "as reader" in ada("profile", "join", BO, link).err
    assert "1 owners, 1 readers" in ada("profile", "share", ADA, "graphs").err
    refused = ada("profile", "add", BO, "graphs", "mine", "--replace")
    assert (refused.code, "make it your own" in refused.err) == (1, True)
    assert "is their own" in ada("profile", "leave", BO, "graphs").err
    assert ada("profile", "add", BO, "graphs", "mine", "--replace").code == 0
    assert "no more" in ada("profile", "share", ADA, "graphs", "--off").err
    assert ada("profile", "join", BO, link).code == 4


@pytest.mark.anyio
@pytest.mark.parametrize(("code", "dark"), [("en", False), ("de", True)])
async def test_two_people_share_a_profile_in_the_browser(
    place: Place, code: str, dark: bool
) -> None:
    place.change(language=code)
    place.reader(BO, "nothing of the kind", "own")
    place.change(BO, language=code)
    size = PHONE if dark else DESK
    async with chromium() as browser, served(place) as base:
        page = await browser.new_page(
            viewport=size,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            locale=code,
        )
        await page.goto(base + path(place.app.links.change(1, place.now)) + "/profile/1")
        await page.click("button[value=share]")
        assert (await Axe().run(page)).violations_count == 0
        link = await page.inner_text("h2:text-matches('Sharing|Teilen') ~ pre >> nth=0")
        assert link.startswith("https://papers.example.org/shared/")
        await page.goto(base + path(link.strip()))
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        if code != "en":
            text = (await page.inner_text("main")).replace(link.strip(), "")
            assert not [one for one in in_english(text) if "RAG" not in one]
        await page.goto(base + path(place.app.links.change(2, place.now)) + "/join")
        await page.fill("#link", link.strip())
        await page.click("main button")
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        await page.click("button[value=follow]")
        assert (await Axe().run(page)).violations_count == 0
    write(place, ADA, "by Ada")
    assert own(place, BO).rules == "by Ada"


@pytest.mark.both
def test_the_step_of_the_schema_shares_nothing(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0028")
    with made.writing() as conn:
        conn.exec_driver_sql(
            "INSERT INTO signup (address, rules, zone, hour, minute, days, cadence, language,"
            " made_at) VALUES ('a@example.org', 'x', 'UTC', 7, 0, '[0]', 'daily', 'en',"
            " '2026-11-20 12:00:00.000000')"
        )
    assert "0029" in schema.upgrade(made, "0029")
    with made.writing() as conn:
        assert conn.execute(t.sharing.select()).all() == []
        assert conn.execute(update(t.signup).values(share="x")).rowcount == 1
    made.close()
