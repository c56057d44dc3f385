"""Posts: fixed with the digest, sent once to a real HTTP server, given up in time."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select, update
from structlog.testing import capture_logs
from werkzeug import Request, Response

from notifier.app import App
from notifier.config_channels import Channels
from notifier.delivery import apprise_process, channels
from notifier.delivery.poster import Answer
from notifier.jobs.posting import Posted
from notifier.storage import (
    store_archive,
    store_channels,
    store_posting,
    store_posts,
    store_subscribers,
)
from notifier.storage import tables as t
from notifier.storage.store_posting import Claimed, Fate
from notifier.subscriptions.lessening import Lessening
from notifier.subscriptions.profiles import Draft
from notifier.subscriptions.records import Records
from notifier.subscriptions.undoing import Undoing

from .databases import refuse
from .pages import ADA, RULES, Place
from .sink import listening
from .test_jobs import MONDAY, RAG, Instance

pytestmark = pytest.mark.anyio
OPEN = {"allowed": ["ntfy", "webhook", "discord"], "hosts": ["localhost", "127.0.0.0/8", "::1"]}
EIGHT = MONDAY + timedelta(hours=3)


class Lab(Instance):
    """Ada follows RAG, and her papers go to a service on this machine, too."""

    def __init__(self, folder: Path, server: HTTPServer, **settings: Any) -> None:
        given = {"timeout_seconds": 5.0} | OPEN | settings.pop("channels", {})
        super().__init__(folder, channels=given, **settings)
        self.server = server
        self.ada = self.reader("ada")

    def channel(self, path: str = "/hook", *, scheme: str = "json", profile: str = "p") -> int:
        service = self.app.channelled.channels
        url = f"{scheme}://{self.server.host}:{self.server.port}{path}"
        return service.add(self.ada, profile, service.checked(url), now=self.now).row

    def compose(self, *papers: dict[str, Any]) -> None:
        """Take papers and make the digest of the morning."""
        self.take(*papers or (RAG,))
        self.now = max(self.now, EIGHT)
        self.app.compose()

    def digest(self) -> str:
        return self.digests()[-1].key

    async def send(self) -> Posted:
        return await self.app.channelled.send()

    def claim(self) -> Claimed | None:
        until = self.now + timedelta(minutes=5)
        with self.app.database.writing() as conn:
            return store_posting.claim(
                conn, services=self.app.channelled.services, now=self.now, until=until
            )

    def states(self) -> list[str]:
        with self.app.database.reading() as conn:
            return list(conn.scalars(select(t.post.c.state).order_by(t.post.c.id)))

    def outcomes(self) -> list[tuple[str, int | None]]:
        a = t.post_attempt.c
        with self.app.database.reading() as conn:
            return [(row.outcome, row.status) for row in conn.execute(
                select(a.outcome, a.status).order_by(a.id))]  # fmt: skip

    def bodies(self) -> list[Any]:
        """What the service got, as JSON."""
        return [json.loads(request.data) for request, _ in self.server.log]

    def answers(self, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.server.expect_request("/hook").respond_with_response(
            Response("all right", status, named)
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An instance with pages, where webhooks are allowed."""
    made = Place(tmp_path)
    allowed = made.app.settings.model_copy(update={"channels": Channels(allowed=("webhook",))})
    made.app.close()
    made.app = App(allowed, clock=lambda: made.now)
    yield made
    made.app.close()


@pytest.fixture
def lab(tmp_path: Path, httpserver: HTTPServer) -> Iterator[Lab]:
    made = Lab(tmp_path, httpserver)
    yield made
    made.app.close()


# What is written.


async def test_a_digest_goes_to_a_webhook_with_title_authors_reason_and_link(lab: Lab) -> None:
    lab.channel()
    lab.answers()
    lab.compose(RAG | {"authors": ("Ada Lovelace", "C. Babbage")})
    assert (await lab.send()).sent == 1
    (body,) = lab.bodies()
    assert body["title"] == "p: 1 paper"
    assert body["message"] == (
        "1. RAGs that forget\n"
        "Ada Lovelace, C. Babbage\n"
        "Why: RAG: “RAGs” in the title, “RAG” in the abstract\n"
        "https://arxiv.org/abs/2611.00001v1"
    )
    assert lab.states() == ["sent"]
    assert lab.outcomes() == [("sent", 200)]


async def test_a_post_is_in_the_subscribers_language_and_tells_what_found_no_room(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver, channels={"papers": 1})
    lab.app.subscriptions.change(lab.ada, now=lab.now, language="de")
    lab.channel()
    lab.answers()
    lab.compose(*({"id": f"2611.0000{n}", "title": f"RAG {n}"} for n in range(1, 4)))
    await lab.send()
    (body,) = lab.bodies()
    assert body["title"] == "p: 3 Arbeiten"
    assert "Warum: RAG: „RAG“ im Titel" in body["message"]
    with lab.app.database.reading() as conn:
        page = conn.scalars(select(t.post.c.page)).one()
    assert body["message"].endswith(f"und 2 weitere: http://localhost:8080/l/{page}")
    lab.app.close()


async def test_a_post_links_to_nothing_by_which_others_could_change_the_subscription(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver, channels={"papers": 1})
    lab.channel()
    lab.compose(RAG, RAG | {"id": "2611.00002"})
    with lab.app.database.reading() as conn:
        post = conn.execute(select(t.post)).one()
    assert "/l/" in post.body
    for secret in (lab.digest(), lab.ada, "/u/", "/m/", "/pause/", "/v/", "/d/"):
        assert secret not in post.body + post.title
    lab.app.close()


async def test_the_page_of_a_post_shows_what_its_profiles_want_and_leads_nobody_to_the_digest(
    place: Place,
) -> None:
    app = place.app
    app.subscriptions.add_profile(ADA, "secret plans", "RAG", now=place.now)
    channel = "jsons://hooks.example.org/x"
    with app.database.writing() as conn:
        store_channels.add(conn, 1, 1, "webhook", channel, now=place.now)
    key = place.send()
    with app.database.reading() as conn:
        page = conn.scalars(select(t.post.c.page)).one()
    async with place.client() as http:
        shown = await http.get(f"/l/{page}")
        assert shown.status_code == 200
        assert shown.text.count("<h3") == 6
        for secret in (key, "secret plans", ADA, "/u/", "/m/", "/pause/", "/v/", "/d/"):
            assert secret not in shown.text
        assert (await http.get(f"/l/{key}")).status_code == 404
        assert (await http.get(f"/d/{page}")).status_code == 404
        place.now += timedelta(days=91)
        assert (await http.get(f"/l/{page}")).status_code == 410


async def test_the_page_of_a_post_follows_a_profile_that_is_renamed(place: Place) -> None:
    app = place.app
    with app.database.writing() as conn:
        store_channels.add(conn, 1, 1, "webhook", "jsons://hooks.example.org/x", now=place.now)
    key = place.send()
    with app.database.reading() as conn:
        page = conn.scalars(select(t.post.c.page)).one()
    ada = app.subscriptions.get(ADA)
    app.served.profiles.change(ada, 1, Draft("renamed", RULES), now=place.now)
    app.subscriptions.add_profile(
        ADA, "<b>ml</b>", "RAG", now=place.now
    )  # another, of the old name
    app.match()
    async with place.client() as http:
        for link in (f"/l/{page}", f"/d/{key}/all"):
            text = (await http.get(link)).text
            assert text.count("in the digest") == 3, link
            assert text.count("<h3") == 6, link
            assert ">renamed</h2>" in text, link
        assert "&lt;b&gt;ml" not in (await http.get(f"/l/{page}")).text


async def test_the_page_of_a_post_shows_nothing_of_a_later_profile_of_the_same_name(
    place: Place,
) -> None:
    app = place.app
    with app.database.writing() as conn:
        store_channels.add(conn, 1, 1, "webhook", "jsons://hooks.example.org/x", now=place.now)
    place.send()
    with app.database.reading() as conn:
        page = conn.scalars(select(t.post.c.page)).one()
    app.subscriptions.remove_profile(ADA, "<b>ml</b>")
    app.subscriptions.add_profile(ADA, "<b>ml</b>", "RAG", now=place.now)
    app.match()
    async with place.client() as http:
        assert "Nothing that matched is kept" in (await http.get(f"/l/{page}")).text


async def test_a_channel_gets_the_papers_of_its_profiles_alone_and_one_post_for_both(
    lab: Lab,
) -> None:
    service = lab.app.subscriptions
    service.add_profile(lab.ada, "privacy", "privacy", now=lab.now)
    service.add_profile(lab.ada, "bees", "bees", now=lab.now)
    one, other = lab.channel("/hook"), lab.channel("/bees", profile="bees")
    assert lab.channel("/hook", profile="privacy") == one != other
    lab.compose(
        {"id": "2611.00001", "title": "On RAG"},
        {"id": "2611.00002", "title": "On privacy"},
        {"id": "2611.00003", "title": "On bees"},
    )
    with lab.app.database.reading() as conn:
        posts = {row.channel_id: row for row in conn.execute(select(t.post))}
    assert posts[one].title == "p, privacy: 2 papers"
    assert "On RAG" in posts[one].body
    assert "On privacy" in posts[one].body
    assert "bees" not in posts[one].body
    assert posts[other].title == "bees: 1 paper"


async def test_a_digest_without_papers_for_a_channel_makes_no_post(lab: Lab) -> None:
    lab.app.subscriptions.add_profile(lab.ada, "bees", "bees", now=lab.now)
    lab.channel(profile="bees")
    lab.compose(RAG)
    assert lab.states() == []


async def test_a_paper_reaches_a_channel_once_also_when_its_mail_expired(lab: Lab) -> None:
    lab.channel()
    lab.answers()
    lab.compose(RAG)
    assert (await lab.send()).sent == 1
    lab.now += timedelta(days=1)  # the mail was never sent: its papers come again
    lab.compose(RAG | {"id": "2611.00002", "title": "New on RAG"})
    assert len(lab.papers(lab.digest())) == 2
    assert (await lab.send()).sent == 1
    first, second = (body["message"] for body in lab.bodies())
    assert "RAGs that forget" in first
    assert "RAGs that forget" not in second
    assert "New on RAG" in second


async def test_a_post_that_expired_gives_its_papers_back(lab: Lab) -> None:
    lab.channel()
    lab.compose(RAG)
    lab.now += timedelta(days=1)
    assert (await lab.send()).expired == 1
    lab.compose()
    with lab.app.database.reading() as conn:
        assert "RAGs that forget" in conn.scalars(select(t.post.c.body)).all()[-1]
    assert lab.states() == ["expired", "pending"]


async def test_a_post_is_made_in_the_transaction_that_makes_the_digest(lab: Lab) -> None:
    lab.channel()
    lab.take(RAG)
    lab.now = EIGHT
    with lab.app.database.writing() as conn:
        refuse(conn, "post", "full")
    assert lab.app.compose().failed == 1
    assert lab.digests() == []


async def test_a_channel_that_is_removed_while_the_digest_is_made_stops_no_digest(lab: Lab) -> None:
    row = lab.channel()
    lab.compose(RAG)
    new = store_posts.NewPost(row + 1, "x" * 32, ("p",), "t", "b", (1,))
    with lab.app.database.writing() as conn:
        store_posts.fix(conn, 1, [new], now=lab.now, expires_at=lab.now)
    assert lab.states() == ["pending"]


@pytest.mark.parametrize("service", channels.SERVICES)
async def test_a_post_of_long_papers_holds_what_its_service_takes_and_counts_the_rest(
    tmp_path: Path, httpserver: HTTPServer, service: str
) -> None:
    lab = Lab(tmp_path, httpserver, channels={"papers": 25, "allowed": [service]})
    lab.app.subscriptions.change(lab.ada, now=lab.now, max_papers=25)
    example = {"slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
               "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV",
               "telegram": "tgram://123456789:abcdefg_hijklmnop/12315544",
               "ntfy": "ntfys://topic", "webhook": "jsons://localhost/x"}[service]  # fmt: skip
    found = lab.app.channelled.channels
    found.add(lab.ada, "p", found.checked(example), now=lab.now)
    lab.compose(*(
        {"id": f"2611.000{n:02}", "title": f"RAG {n} " + "über * @all " * 40} for n in range(25)
    ))  # fmt: skip
    with lab.app.database.reading() as conn:
        post = conn.execute(select(t.post)).one()
        reached = len(conn.execute(select(t.post_paper)).all())
    assert len(post.body.encode()) <= channels.SERVICES[service].size_bytes
    assert reached == post.body.count("https://arxiv.org/abs/")
    assert reached == 25 or f"and {25 - reached} more: " in post.body
    assert post.title == "p: 25 papers"
    lab.app.close()


# What the services get of it, by the library's own code for each.

# It still looks for a module that later Pythons have no more.
in_our_process = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")

HOSTILE = "1. *RAG* <!channel> <b>x</b> & @everyone `_c_` [a](http://b)\nhttps://arxiv.org/abs/1"


@in_our_process
async def test_slack_gets_no_mention_of_a_title(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ").respond_with_data(
        "ok"
    )
    plugin = apprise_process.opened("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", 5)
    plugin.webhook_url = httpserver.url_for("").rstrip("/")
    assert apprise_process.said(plugin, "p: 1 paper", HOSTILE)
    said = httpserver.log[0][0].get_data(as_text=True)
    assert "<!channel>" not in said
    assert "&lt;!channel&gt;" in said
    assert "github" not in said  # no picture of the library's


@in_our_process
async def test_discord_gets_a_title_as_it_stands_and_calls_nobody(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/1234567/token").respond_with_data("", 204)
    plugin = apprise_process.opened("discord://1234567/token", 5)
    plugin.notify_url = httpserver.url_for("").rstrip("/")
    service = channels.SERVICES["discord"]
    text = service.text(HOSTILE.splitlines()[0]) + "\n" + service.link("https://x.org/@everyone")
    assert apprise_process.said(plugin, "p: 1 paper", text)
    said = httpserver.log[0][0].get_json()
    assert "@everyone" not in said["content"]
    assert r"\*RAG\*" in said["content"]
    assert "<https://x.org/%40everyone>" in said["content"]
    assert "avatar_url" not in said


@in_our_process
async def test_telegram_gets_a_title_as_it_stands(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/123456789:abcdefg_hijklmnop/sendMessage").respond_with_json(
        {"ok": True}
    )
    plugin = apprise_process.opened("tgram://123456789:abcdefg_hijklmnop/12315544", 5)
    plugin.notify_url = httpserver.url_for("/")
    assert apprise_process.said(plugin, "p: 1 paper", HOSTILE)
    said = httpserver.log[0][0].get_json()
    assert said["parse_mode"] == "HTML"
    assert "&lt;b&gt;x&lt;/b&gt; &amp;" in said["text"]
    assert said["disable_web_page_preview"] is True


async def test_ntfy_gets_title_and_text(lab: Lab) -> None:
    lab.channel("/topic", scheme="ntfy")
    lab.server.expect_request("/", method="POST").respond_with_json({"id": "x"})
    lab.compose(RAG)
    assert (await lab.send()).sent == 1
    (body,) = lab.bodies()
    assert (body["topic"], body["title"]) == ("topic", "p: 1 paper")
    assert body["message"].startswith("1. RAGs that forget\n")


# Sending.


async def test_two_workers_at_once_send_once(lab: Lab) -> None:
    lab.channel()
    lab.answers()
    lab.compose(RAG)
    done = await asyncio.gather(lab.send(), lab.send())
    assert sorted(one.sent for one in done) == [0, 1]
    assert len(lab.bodies()) == 1


async def test_two_posts_go_to_one_channel_one_after_the_other(lab: Lab) -> None:
    lab.channel()
    lab.compose(RAG)
    lab.sent()
    with lab.app.database.writing() as conn:  # as if it had waited for long
        conn.execute(update(t.post).values(expires_at=lab.now + timedelta(days=9)))
    lab.now += timedelta(days=1)
    lab.compose(RAG | {"id": "2611.00002", "title": "New on RAG"})
    first = lab.claim()
    assert first is not None
    assert "RAGs that forget" in first.body
    assert lab.claim() is None
    with lab.app.database.writing() as conn:
        assert store_posting.record(conn, first, Fate("sent"), now=lab.now)
    second = lab.claim()
    assert second is not None
    assert "New on RAG" in second.body


async def test_a_crash_between_sending_and_recording_sends_the_same_text_again(lab: Lab) -> None:
    lab.channel()
    lab.answers()
    lab.compose(RAG)
    mine = lab.claim()
    assert mine is not None
    sender = lab.app.channelled.posting_settings.poster()
    address = channels.parsed(mine.url)
    assert (await sender.send(address, mine.title, mine.body, now=lab.now)).ok
    await sender.close()  # and here it dies: nothing was written down
    assert (await lab.send()).sent == 0  # the claim holds
    lab.now += timedelta(minutes=6)
    assert (await lab.send()).sent == 1
    first, second = lab.bodies()
    assert first == second
    assert lab.outcomes() == [("pending", None), ("sent", 200)]
    with lab.app.database.writing() as conn:  # who had claimed it first comes to life
        assert not store_posting.record(conn, mine, Fate("failed"), now=lab.now)
    assert lab.states() == ["sent"]


async def test_a_claim_of_a_clock_that_was_ahead_ends_a_lease_after_it_is_seen(lab: Lab) -> None:
    lab.channel()
    lab.compose(RAG)
    now = lab.now
    lab.now += timedelta(hours=10)
    assert lab.claim()
    lab.now = now
    assert lab.claim() is None
    lab.now += timedelta(minutes=6)
    assert lab.claim()


async def test_who_lost_a_claim_changes_nothing_and_who_is_only_late_does(lab: Lab) -> None:
    lab.channel()
    lab.compose(RAG)
    first = lab.claim()
    lab.now += timedelta(minutes=6)
    second = lab.claim()
    assert first is not None
    assert second is not None
    with lab.app.database.writing() as conn:
        assert not store_posting.record(conn, first, Fate("failed"), now=lab.now)
    assert lab.states() == ["claimed"]
    lab.now += timedelta(minutes=6)
    with lab.app.database.writing() as conn:
        store_posting.take_over(conn, now=lab.now, until=lab.now + timedelta(minutes=5))
        assert store_posting.record(conn, second, Fate("sent"), now=lab.now)
        assert not store_posting.record(conn, second, Fate("failed"), now=lab.now)
    assert lab.states() == ["sent"]


@pytest.mark.parametrize(
    "columns",
    [{"state": "left"}, {"paused_until": EIGHT + timedelta(days=9)}, {"suppressed": True}],
    ids=["left", "paused", "suppressed"],
)
async def test_nothing_goes_to_the_channel_of_who_is_not_mailed(
    lab: Lab, columns: dict[str, Any]
) -> None:
    lab.channel()
    lab.answers()
    lab.compose(RAG)
    with lab.app.database.writing() as conn:
        if columns.pop("suppressed", None):
            store_subscribers.suppress(conn, lab.ada, "dead address", "550", lab.now)
        else:
            store_subscribers.change(conn, 1, **columns)
    assert lab.claim() is None
    assert (await lab.send()).sent == 0
    assert lab.server.log == []


async def test_a_429_is_waited_for_as_long_as_it_says_by_the_whole_channel(lab: Lab) -> None:
    row = lab.channel()
    lab.answers(429, Retry_After="600")
    lab.compose(RAG)
    assert (await lab.send()).later == 1
    lab.server.clear()
    lab.answers()
    lab.now += timedelta(minutes=9)
    assert (await lab.send()).sent == 0
    assert lab.app.channelled.channels.get(row).rest_until is not None
    with lab.app.database.writing() as conn:  # another post of the channel would be due
        conn.execute(update(t.post).values(not_before=lab.now))
    assert lab.claim() is None
    lab.now += timedelta(minutes=4)
    assert (await lab.send()).sent == 1
    assert lab.outcomes() == [("pending", 429), ("sent", 200)]


async def test_a_server_in_trouble_is_tried_again_until_the_post_is_of_no_use(lab: Lab) -> None:
    lab.channel()
    lab.answers(503)
    lab.compose(RAG)
    for _ in range(8):
        await lab.send()
        lab.now += timedelta(hours=3)
    assert lab.states() == ["expired"]
    assert 3 < len(lab.server.log) < 8
    assert {outcome for outcome, _ in lab.outcomes()} == {"pending"}


@pytest.mark.parametrize("status", [401, 404, 410])
async def test_a_channel_that_is_gone_is_paused_with_its_reason_and_the_post_waits(
    lab: Lab, status: int
) -> None:
    row = lab.channel()
    lab.answers(status)
    lab.compose(RAG)
    with capture_logs() as logs:
        done = await lab.send()
    assert done.paused == [row]
    found = lab.app.channelled.channels.get(row)
    assert found.paused_at == lab.now
    assert found.reason.startswith(str(status))
    assert found.reason.endswith("(all right)")
    assert (await lab.send()).sent == 0
    assert len(lab.server.log) == 1
    assert not any("hook" in str(one) for one in logs)
    lab.server.clear()
    lab.answers()
    lab.app.channelled.channels.resume(row, now=lab.now)
    assert (await lab.send()).sent == 1
    assert lab.outcomes() == [("released", status), ("sent", 200)]


async def test_a_post_that_is_refused_for_itself_has_failed_and_the_next_one_goes(lab: Lab) -> None:
    row = lab.channel()
    lab.answers(400)
    lab.compose(RAG)
    assert (await lab.send()).failed == 1
    assert lab.states() == ["failed"]
    assert lab.app.channelled.channels.get(row).paused_at is None


async def test_a_redirect_to_a_private_address_is_not_followed_and_pauses_the_channel(
    lab: Lab,
) -> None:
    row = lab.channel()
    lab.answers(302, Location=lab.server.url_for("/inside"))
    lab.server.expect_request("/inside").respond_with_data("secret")
    lab.compose(RAG)
    assert (await lab.send()).paused == [row]
    assert [request.path for request, _ in lab.server.log] == ["/hook"]
    assert "sends us elsewhere" in lab.app.channelled.channels.get(row).reason


async def test_a_listed_name_that_leads_to_a_private_address_is_not_asked(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver, channels={"hosts": ["localhost"]})
    row = lab.channel()
    lab.answers()
    lab.compose(RAG)
    assert (await lab.send()).paused == [row]
    assert httpserver.log == []
    assert "a private address" in lab.app.channelled.channels.get(row).reason
    lab.app.close()


async def test_a_host_that_is_no_longer_listed_is_not_asked(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver)
    row = lab.channel()
    lab.compose(RAG)
    lab.app.close()
    later = Instance(tmp_path, channels=OPEN | {"hosts": ["example.org"]})
    later.now = lab.now
    assert (await later.app.channelled.send()).paused == [row]
    assert httpserver.log == []
    assert "not listed in channels.hosts" in later.app.channelled.channels.get(row).reason
    later.app.close()


async def test_a_service_that_is_no_longer_allowed_gets_nothing(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver)
    lab.channel()
    lab.answers()
    lab.compose(RAG)
    lab.app.close()
    later = Instance(tmp_path, channels=OPEN | {"allowed": ["ntfy"]})
    later.now = lab.now
    assert (await later.app.channelled.send()).sent == 0
    later.take(RAG | {"id": "2611.00002"})
    later.now += timedelta(days=1)
    later.app.compose()
    assert httpserver.log == []
    with later.app.database.reading() as conn:
        assert store_posts.counts(conn, since=lab.now) == {"pending": 1}
    later.app.close()


@pytest.fixture
def two_at_once() -> Iterator[HTTPServer]:
    """A server that answers one while it is silent to another."""
    with HTTPServer(threaded=True) as server:
        yield server


async def test_a_service_that_is_silent_is_given_up_and_another_gets_its_post(
    tmp_path: Path, two_at_once: HTTPServer
) -> None:
    lab = Lab(tmp_path, two_at_once, channels={"timeout_seconds": 0.3})
    over = threading.Event()

    def silent(request: Request) -> Response:
        over.wait(30)
        return Response("late")

    lab.channel("/silent")
    lab.channel("/hook")
    lab.server.expect_request("/silent").respond_with_handler(silent)
    lab.answers()
    lab.compose(RAG)
    try:
        done = await lab.send()
    finally:
        over.set()
    assert (done.sent, done.later) == (1, 1)
    assert sorted(lab.outcomes()) == [("pending", None), ("sent", 200)]
    lab.app.close()


async def test_a_channel_that_somebody_paused_gets_no_posts_and_begins_anew(lab: Lab) -> None:
    row = lab.channel()
    service = lab.app.channelled.channels
    service.pause(row, now=lab.now)
    lab.compose(RAG)
    assert lab.states() == []
    service.resume(row, now=lab.now)
    assert lab.states() == []


# Together with everything else.


async def test_one_pass_sends_mail_and_post(tmp_path: Path, httpserver: HTTPServer) -> None:
    async with listening() as sink:
        lab = Lab(tmp_path, httpserver, smtp={"port": sink.port})
        lab.channel()
        lab.answers()
        lab.take(RAG)
        lab.now = EIGHT
        done = await lab.app.tick()
        assert (done.delivered.sent, done.posted.sent) == (1, 1)
        assert not done.needs_care
        assert len(sink.received) == len(lab.bodies()) == 1
        lab.app.close()


async def test_without_apprise_mails_go_and_posts_wait(
    tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as sink:
        lab = Lab(tmp_path, httpserver, smtp={"port": sink.port})
        lab.channel()
        lab.answers()
        lab.take(RAG)
        lab.now = EIGHT
        with monkeypatch.context() as without:
            without.setitem(sys.modules, "apprise", None)
            done = await lab.app.tick()
        assert done.delivered.sent == 1
        assert (done.posted.sent, done.posted.lacks) == (0, "Apprise")
        assert done.needs_care
        assert lab.states() == ["pending"]
        assert (await lab.send()).sent == 1
        lab.app.close()


async def test_where_no_channel_is_allowed_nothing_is_written_for_one(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    lab = Lab(tmp_path, httpserver)
    lab.channel()
    lab.app.close()
    off = Instance(tmp_path)
    off.take(RAG)
    off.now = EIGHT
    assert off.app.compose().made == 1
    with off.app.database.reading() as conn:
        assert not store_posts.is_any_waiting(conn)
    off.app.close()


async def test_who_leaves_has_waiting_posts_dropped_and_who_is_removed_loses_all(lab: Lab) -> None:
    lab.channel()
    lab.compose(RAG)
    lab.app.subscriptions.leave(1, now=lab.now)
    assert (await lab.send()).dropped == 1
    assert lab.states() == ["dropped"]
    lab.app.subscriptions.remove(lab.ada)
    with lab.app.database.reading() as conn:
        for table in (t.channel, t.channel_profile, t.post, t.post_attempt, t.post_paper):
            assert conn.execute(select(table)).all() == []


async def test_what_was_dropped_comes_to_the_channel_of_who_comes_back(lab: Lab) -> None:
    lab.channel()
    lab.compose(RAG)
    undo = Lessening(lab.app.database, lab.app.subscriptions.planning).leave(1, now=lab.now)
    assert undo is not None
    assert ((await lab.app.deliver()).dropped, (await lab.send()).dropped) == (1, 1)
    Undoing(lab.app.database, lab.app.subscriptions.planning).act(undo, now=lab.now)
    lab.now += timedelta(days=1)
    lab.compose(RAG)
    assert lab.states() == ["dropped", "pending"]


async def test_what_is_kept_about_a_subscriber_names_channels_and_posts_without_the_secret(
    lab: Lab,
) -> None:
    lab.channel("/a-secret-hook")
    lab.compose(RAG)
    records, ada = Records(lab.app.database), lab.app.subscriptions.get(lab.ada)
    told = json.dumps(records.everything(ada, now=lab.now))
    (channel,) = json.loads(told)["channels"]
    assert channel["profiles"] == ["p"]
    assert channel["messages"][0]["title"] == "p: 1 paper"
    assert "a-secret-hook" not in told


async def test_old_posts_are_forgotten_and_the_papers_a_channel_has_are_not(lab: Lab) -> None:
    lab.channel()
    lab.answers()
    lab.compose(RAG)
    await lab.send()
    for days in (91, 1):  # a clock that leaps so far is believed a day later
        lab.now += timedelta(days=days)
        lab.app.keep_house()
    with lab.app.database.reading() as conn:
        assert store_archive.cleared_on(conn) == lab.now.date()
        assert conn.execute(select(t.post)).all() == []
        assert len(conn.execute(select(t.post_paper)).all()) == 1


def test_an_answer_is_told_without_the_address() -> None:
    assert str(Answer(status=404, said="gone")) == "404 gone"
    assert str(Answer(said="ReadTimeout")) == "no answer ReadTimeout"
