"""Letters: asked for on a page, made as mails, sent once, given up in time."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from notifier import languages
from notifier.digests import message
from notifier.jobs.housekeeping import KEEP_LETTERS
from notifier.jobs.letters import AFTER_DOWN, next_try
from notifier.storage import store_letters, store_subscribers
from notifier.subscriptions.gate import BY_ADDRESS, BY_NETWORK
from notifier.subscriptions.letters import LIFE, Letters, LetterSettings

from .builders import NOON
from .fakes import Say, scripted
from .pages import ADA, Place, place
from .signatures import by_dkimpy, signed
from .sink import listening
from .test_message import Golden, golden

__all__ = ["golden", "place"]

pytestmark = pytest.mark.anyio
KINDS = ("confirm", "change", "invite")
BY = "Vision Lab"
KEY = "0123456789abcdef" * 2
URL = "https://papers.example.org/c/1-2.x"


def write(place: Place, address: str = ADA, kind: str = "change") -> None:
    with place.app.database.writing() as conn:
        place.app.served.letters.write(
            conn, kind, address, URL, code="en", life=timedelta(days=7), now=place.now  # type: ignore[arg-type]
        )  # fmt: skip


def states(place: Place) -> list[str]:
    with place.app.database.reading() as conn:
        return [state for _, state in store_letters.states(conn)]


def opened(content: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


# What it says.


@pytest.mark.parametrize("code", languages.known())
@pytest.mark.parametrize("kind", KINDS)
async def test_a_letter_says_its_link_and_how_long_it_works_and_fits_the_screen(
    place: Place, kind: str, code: str
) -> None:
    content = place.app.served.letters.content(
        kind, ADA, URL, key="k" * 32, code=code, life=timedelta(days=7), now=NOON, by=BY,  # type: ignore[arg-type]
    )  # fmt: skip
    mail = opened(content)
    plain, html = (
        mail.get_body((kind_,)).get_content()
        for kind_ in ("plain", "html")  # type: ignore[union-attr]
    )
    for part in (plain, html):
        assert URL in part
        assert "7 days" in part or "7 Tage" in part
    assert max(map(len, plain.splitlines())) <= 76
    assert "<script" not in html
    assert 'style="' in html
    assert mail["To"] == f"<{ADA}>" or str(mail["To"]) == ADA
    assert mail["Auto-Submitted"] == "auto-generated"
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence"):
        assert name not in mail
    assert content.isascii()


@pytest.mark.parametrize("code", languages.known())
@pytest.mark.parametrize("kind", KINDS)
async def test_a_letter_is_its_golden_file(
    place: Place, kind: str, code: str, golden: Golden
) -> None:
    content = place.app.served.letters.content(
        kind, ADA, URL, key=KEY, code=code, life=timedelta(days=7), now=NOON, by=BY,  # type: ignore[arg-type]
    )  # fmt: skip
    golden(f"{kind}_{code}.eml", content)


async def test_a_letter_is_signed_as_digests_are(place: Place) -> None:
    app = place.app
    settings = LetterSettings(
        app.service, "Papers <papers@example.org>", "", b"secret", app.templates,
        lambda mail, at: signed(mail, at=at),
    )  # fmt: skip
    content = Letters(settings).content(
        "confirm", ADA, URL, key="k", code="de", life=timedelta(days=7), now=NOON
    )
    checks = by_dkimpy(content)
    assert checks
    assert all(checks.values())


async def test_a_letter_is_no_lists_and_a_digest_is(place: Place) -> None:
    mail = message.Mail("k", "N <n@example.org>", ADA, "s", b"", b"", NOON)
    with pytest.raises(ValueError, match="header"):
        message.build(mail)


# Sending.


async def test_a_letter_is_sent_once_and_its_text_forgotten(tmp_path: Path) -> None:
    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        write(place)
        write(place)  # the same moment: the same letter
        assert (await place.app.send_letters()).sent == 1
        assert (await place.app.send_letters()).sent == 0
        (got,) = sink.received
        assert (got.sender, got.recipient) == ("papers@example.org", ADA)
        assert states(place) == ["sent"]
        with place.app.database.reading() as conn:
            assert conn.exec_driver_sql("SELECT content FROM letter").scalar_one() is None
        place.app.close()


async def test_a_letter_that_is_refused_for_now_is_tried_again_soon(tmp_path: Path) -> None:
    async with scripted({"RCPT": Say("450 4.7.1 later")}, {}) as server:
        place = Place(tmp_path, smtp_port=server.port)
        write(place)
        assert (await place.app.send_letters()).later == 1
        assert (await place.app.send_letters()).later == 0, "not before its time"
        place.now = next_try(1, place.now)
        assert (await place.app.send_letters()).sent == 1
        place.app.close()


async def test_a_letter_that_is_refused_for_good_is_given_up(tmp_path: Path) -> None:
    async with scripted({"RCPT": Say("550 5.1.1 no such user")}) as server:
        place = Place(tmp_path, smtp_port=server.port)
        write(place)
        assert (await place.app.send_letters()).failed == 1
        assert states(place) == ["failed"]
        place.app.close()


async def test_a_server_that_is_down_is_no_letters_fault(tmp_path: Path) -> None:
    place = Place(tmp_path, smtp_port=1)
    write(place)
    write(place, "bo@example.org")
    for _ in range(3):
        assert (await place.app.send_letters()).down
        assert not (await place.app.send_letters()).down, "nobody is asked for a minute"
        place.now += AFTER_DOWN
    with place.app.database.reading() as conn:
        assert conn.exec_driver_sql("SELECT attempts FROM letter").scalars().all() == [0, 0]
    place.app.close()


async def test_a_letter_is_given_up_after_a_day(place: Place) -> None:
    write(place)
    place.now += LIFE
    assert (await place.app.send_letters()).expired == 1
    assert states(place) == ["expired"]


async def test_no_letter_goes_to_an_address_that_must_not_be_mailed(tmp_path: Path) -> None:
    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        with place.app.database.writing() as conn:
            store_subscribers.suppress(conn, ADA, "complaint", "", place.now)
        write(place)
        write(place, "bo@example.org")
        assert (await place.app.send_letters()).sent == 1
        assert [one.recipient for one in sink.received] == ["bo@example.org"]
        place.app.close()


async def test_two_workers_claim_no_letter_twice_and_one_that_died_is_followed(
    place: Place,
) -> None:
    write(place)
    until = place.now + timedelta(minutes=15)
    with place.app.database.writing() as conn:
        first = store_letters.claim(conn, owner="a", now=place.now, until=until)
        assert first
        assert store_letters.claim(conn, owner="b", now=place.now, until=until) is None
        again = store_letters.claim(conn, owner="b", now=until, until=until)
        assert again
        assert again.attempts == 2
        assert not store_letters.finish(conn, first.row, "sent", owner="a", reply="")
        assert store_letters.finish(conn, first.row, "sent", owner="b", reply="")


async def test_a_claim_of_a_clock_that_was_ahead_ends_a_lease_after_it_is_seen(
    place: Place,
) -> None:
    write(place)
    lease, ahead = timedelta(minutes=15), timedelta(hours=10)
    for since, found in ((ahead, True), (timedelta(0), False), (lease, True)):
        now = place.now + since
        with place.app.database.writing() as conn:
            assert store_letters.close_stale(conn, now=now, until=now + lease) == 0
            claimed = store_letters.claim(conn, owner="a", now=now, until=now + lease)
        assert bool(claimed) == found


async def test_the_waits_between_tries_grow_up_to_an_hour() -> None:
    waits = [(next_try(n, NOON) - NOON).total_seconds() / 60 for n in (1, 2, 3, 7, 50)]
    assert waits == [1, 2, 4, 60, 60]


async def test_letters_are_forgotten_after_a_month(place: Place) -> None:
    write(place)
    place.now += KEEP_LETTERS
    place.app.keep_house()
    assert states(place) == ["waiting"]
    place.now += timedelta(days=1)
    place.app.keep_house()
    assert states(place) == []


# Asking for a fresh link.


async def test_a_link_that_is_too_old_is_made_anew_by_mail(tmp_path: Path) -> None:
    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        old = place.paths(place.send())["change"]
        place.now += timedelta(days=40)
        async with place.client() as http:
            shown = await http.get(old)
            assert shown.status_code == 410
            action = re.search(r'action="([^"]+)"', shown.text)
            assert action
            assert (await http.get(action[1])).status_code == 405
            answer = await http.post(action[1])
            assert answer.status_code == 200
            assert "A mail is on its way" in answer.text
            await place.app.send_letters()
            text = opened(sink.received[0].content).get_body(("plain",))
            assert text
            fresh = re.search(r"https://papers\.example\.org(/m/\S+)", text.get_content())
            assert fresh
            assert (await http.get(fresh[1])).status_code == 200
        place.app.close()


async def test_more_than_a_few_letters_for_an_address_are_answered_alike_and_not_sent(
    place: Place,
) -> None:
    link = place.paths(place.send())["change"] + "/fresh"
    async with place.client() as http:
        answers = set()
        for _ in range(BY_ADDRESS.size + 3):
            place.now += timedelta(seconds=1)
            answer = await http.post(link)
            answers.add((answer.status_code, answer.text))
    assert len(answers) == 1
    assert len(states(place)) == BY_ADDRESS.size


async def test_a_network_that_asks_very_often_is_told_to_wait(tmp_path: Path) -> None:
    place = Place(tmp_path, trusted_proxies=["127.0.0.1"])
    link = place.paths(place.send())["change"] + "/fresh"
    async with place.client() as http:
        near = [{"X-Forwarded-For": f"192.0.2.{n}"} for n in range(BY_NETWORK.size + 1)]
        codes = [(await http.post(link, headers=one)).status_code for one in near]
        assert codes == [200] * BY_NETWORK.size + [429]
        far = {"X-Forwarded-For": "192.0.2.7, 198.51.100.1"}
        assert (await http.post(link, headers=far)).status_code == 200
    place.app.close()


async def test_a_proxy_that_nobody_trusts_says_nothing_of_the_asker(place: Place) -> None:
    link = place.paths(place.send())["change"] + "/fresh"
    async with place.client() as http:
        said = {"X-Forwarded-For": "192.0.2.1"}
        codes = {(await http.post(link, headers=said)).status_code for _ in range(40)}
    assert codes == {200}
    with place.app.database.reading() as conn:
        assert len(conn.exec_driver_sql("SELECT * FROM bucket").all()) == 1, "the address's alone"


async def test_who_left_gets_no_link(place: Place) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        await http.post(paths["unsubscribe"])
        assert (await http.post(paths["change"] + "/fresh")).status_code == 200
    assert states(place) == []
