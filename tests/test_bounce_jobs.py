"""From a mail that came back to a subscriber who is mailed no more, and back again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from notifier.delivery import verp
from notifier.storage import store_bounces
from notifier.storage import tables as t

from .conftest import real_data
from .returned import a_complaint, a_mail, a_notification
from .sink import Received, Sink, listening
from .test_jobs import MONDAY, RAG, Instance
from .test_promises import dump

pytestmark = pytest.mark.anyio
ADA = "ada@example.org"
BOUNCES = "bounces@papers.example.org"


class Lab(Instance):
    """An instance, Ada and Bo, and the mail server that takes their mails."""

    def __init__(self, folder: Path, sink: Sink, bounce_address: str = BOUNCES) -> None:
        mail = {"bounce_address": bounce_address}
        super().__init__(folder, sink.port, mail=mail)
        self.sink = sink
        for name in ("ada", "bo"):
            self.reader(name)

    async def edition(self, day: float) -> dict[str, Received]:
        """Send a paper to everybody who may be mailed; return the mails by recipient."""
        self.now = MONDAY + timedelta(days=day, hours=3)
        self.take(RAG | {"id": f"2611.{int(day * 10):05d}"})
        self.app.compose()
        before = len(self.sink.received)
        await self.app.deliver()
        return {mail.recipient: mail for mail in self.sink.received[before:]}

    def bounce(self, mail: Received | None = None, status: str = "5.1.1", **values: str) -> str:
        """Let a mail come back an hour later; return what was done."""
        self.now += timedelta(hours=1)
        to = {"to": mail.sender} if mail else {}
        (read,) = self.app.take_mail(a_notification(status, **(to | values)))
        return read.done

    def suppressed(self, name: str = "ada") -> str:
        found = self.app.subscriptions.get(f"{name}@example.org")
        return (self.app.subscriptions.suppressed(found, self.now) or ("",))[0]

    def state(self, name: str = "ada") -> str:
        return self.app.subscriptions.get(f"{name}@example.org").state


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with listening() as sink:
        made = Lab(tmp_path, sink)
        yield made
        made.app.close()


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Lab]:
    """Without a bounce address."""
    async with listening() as sink:
        made = Lab(tmp_path, sink, bounce_address="")
        yield made
        made.app.close()


def message_id(mail: Received) -> str:
    found = re.search(rb"^Message-ID: <(.+?)>", mail.content, re.MULTILINE)
    assert found
    return found[1].decode()


async def test_a_dead_address_is_mailed_once_and_never_again(lab: Lab) -> None:
    first = await lab.edition(0)
    assert set(first) == {ADA, "bo@example.org"}
    assert lab.bounce(first[ADA]) == "suppressed"
    assert (lab.suppressed(), lab.suppressed("bo")) == ("dead address", "")
    assert set(await lab.edition(1)) == {"bo@example.org"}


async def test_every_mail_has_a_return_path_of_its_own_in_the_bounce_domain(lab: Lab) -> None:
    mails = await lab.edition(0)
    senders = {mail.sender for mail in mails.values()}
    assert len(senders) == 2
    assert all(re.fullmatch(r"b\+[a-z2-7]{26}@papers\.example\.org", one) for one in senders)


async def test_without_a_bounce_address_the_sender_and_the_mail_are_as_before(plain: Lab) -> None:
    mails = await plain.edition(0)
    assert {mail.sender for mail in mails.values()} == {"papers@example.org"}
    assert b"mailto:" not in mails[ADA].content.partition(b"\r\n\r\n")[0]


async def test_a_forged_token_changes_nothing(lab: Lab) -> None:
    mail = (await lab.edition(0))[ADA]
    local, _, domain = mail.sender.partition("@")
    for forged in (
        local[:-1] + ("a" if local[-1] != "a" else "b"),
        "b+" + verp.make(bytes(32), verp.BOUNCE, 1, "x"),
        "b+" + verp.make(lab.app.secret, verp.UNSUBSCRIBE, 1),
        "b+" + verp.make(lab.app.secret, verp.BOUNCE, 2**64 - 1),
    ):
        assert lab.bounce(to=f"{forged}@{domain}", recipient="somebody@example.net") == ""
    assert (lab.suppressed(), lab.suppressed("bo")) == ("", "")


async def test_an_address_alone_is_believed_only_where_no_return_path_could_prove_it(
    lab: Lab, tmp_path: Path
) -> None:
    await lab.edition(0)
    assert lab.bounce(recipient=ADA) == "counted"
    assert lab.suppressed() == ""
    (read,) = lab.app.take_mail(a_complaint())
    assert (read.done, lab.state()) == ("", "active")


async def test_without_a_bounce_address_the_address_tells_whose_it_is(plain: Lab) -> None:
    await plain.edition(0)
    assert plain.bounce(recipient=ADA) == "suppressed"
    assert (plain.suppressed(), plain.suppressed("bo")) == ("dead address", "")


async def test_the_message_id_tells_whose_it_is(plain: Lab) -> None:
    mail = (await plain.edition(0))[ADA]
    done = plain.bounce(message_id=message_id(mail), recipient="x@inside.example.net")
    assert (done, plain.suppressed()) == ("suppressed", "dead address")


async def test_a_token_counts_more_than_the_address_that_a_bounce_names(lab: Lab) -> None:
    mail = (await lab.edition(0))[ADA]
    lab.bounce(mail, recipient="bo@example.org")
    assert (lab.suppressed(), lab.suppressed("bo")) == ("dead address", "")


async def test_the_same_bounce_read_again_changes_nothing(lab: Lab) -> None:
    raw = a_notification("4.2.2", to=(await lab.edition(0))[ADA].sender)
    assert [one.known for one in lab.app.take_mail(raw)] == [False]
    before = dump(lab.app.database)
    lab.now += timedelta(days=20)
    assert [one.known for one in lab.app.take_mail(raw)] == [True]
    assert dump(lab.app.database) == before


async def test_many_bounces_of_one_edition_count_once(lab: Lab) -> None:
    mail = (await lab.edition(0))[ADA]
    for day in range(0, 21, 3):
        lab.now += timedelta(days=day)
        lab.bounce(mail, "4.2.2", diagnostic=f"try {day}")
    assert lab.suppressed() == ""


async def test_soft_bounces_of_three_editions_in_two_weeks_stop_mail_for_a_month(lab: Lab) -> None:
    for day, expected in ((0, ""), (7, ""), (14, "comes back again and again")):
        mails = await lab.edition(day)
        lab.bounce(mails[ADA], "4.2.2")
        assert lab.suppressed() == expected
    assert set(await lab.edition(15)) == {"bo@example.org"}
    assert ADA in await lab.edition(45), "after a month it is tried once more"


async def test_an_edition_that_is_kept_for_a_week_wipes_out_what_came_back_before(lab: Lab) -> None:
    for day in (0, 7, 14, 22):
        mails = await lab.edition(day)
        if day != 14:
            lab.bounce(mails[ADA], "4.2.2")
    assert lab.suppressed() == ""


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "4.7.28", "5.3.4"])
async def test_a_storm_of_policy_bounces_suppresses_nobody(lab: Lab, status: str) -> None:
    for day in (0, 7, 14, 21):
        mails = await lab.edition(day)
        for mail in mails.values():
            assert lab.bounce(mail, status) == ""
    assert (lab.suppressed(), lab.suppressed("bo")) == ("", "")


async def test_a_delay_and_a_vacation_answer_do_nothing(lab: Lab) -> None:
    for day in (0, 7, 14, 21):
        mail = (await lab.edition(day))[ADA]
        assert lab.bounce(mail, "4.4.1", action="delayed") == ""
        away = a_mail("Out of office", "5.1.1 unknown user", to=mail.sender)
        assert [one.done for one in lab.app.take_mail(away)] == [""]
    assert lab.suppressed() == ""


async def test_who_complains_has_left(lab: Lab) -> None:
    mail = (await lab.edition(0))[ADA]
    (read,) = lab.app.take_mail(a_complaint(message_id=message_id(mail)))
    assert (read.done, lab.state(), lab.suppressed()) == ("left", "left", "complaint")
    assert set(await lab.edition(1)) == {"bo@example.org"}


async def test_the_header_names_an_address_and_a_mail_to_it_ends_the_subscription(lab: Lab) -> None:
    mail = (await lab.edition(0))[ADA]
    head = re.sub(rb"\r\n ", b" ", mail.content.partition(b"\r\n\r\n")[0]).decode()
    found = re.search(r"List-Unsubscribe: <https?://\S+>, <mailto:(\S+)\?subject=(\w+)>", head)
    assert found
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    forged = found[1].replace("unsub+", "unsub+a", 1)
    lab.app.take_mail(a_mail(found[2], to=forged))
    lab.app.take_mail(a_mail(found[2], to=mail.sender.replace("b+", "unsub+")))
    assert lab.state() == "active"
    (read,) = lab.app.take_mail(a_mail(found[2], to=found[1].upper()))
    assert (read.done, lab.state(), lab.state("bo")) == ("left", "left", "active")


async def test_the_envelopes_recipient_is_enough_to_find_whose_it_is(lab: Lab) -> None:
    mail = (await lab.edition(0))[ADA]
    (read,) = lab.app.take_mail(a_notification(to="x@example.net"), envelope=mail.sender)
    assert read.done == "suppressed"


@pytest.mark.parametrize("way", ["confirm", "resume"])
async def test_who_comes_back_is_mailed_again_and_old_bounces_count_no_more(
    lab: Lab, way: str
) -> None:
    mail = (await lab.edition(0))[ADA]
    lab.bounce(mail)
    lab.now += timedelta(hours=1)
    if way == "confirm":
        lab.app.subscriptions.confirm(ADA, now=lab.now, because="I am back")
    else:
        lab.app.subscriptions.resume(ADA, now=lab.now)
    assert lab.bounce(mail, diagnostic="late, by another way") == ""
    assert ADA in await lab.edition(1)


async def test_a_bounce_of_long_ago_changes_nothing(lab: Lab) -> None:
    mail = (await lab.edition(0))[ADA]
    lab.now += timedelta(days=31)
    assert (lab.bounce(mail), lab.suppressed()) == ("", "")


async def test_what_nobody_understands_is_kept_and_the_rest_is_not(lab: Lab) -> None:
    strange = b"From: MAILER-DAEMON@example.net\n\nSomething happened.\n"
    lab.app.take_mail(strange)
    lab.bounce((await lab.edition(0))[ADA])
    with lab.app.database.reading() as conn:
        rows = store_bounces.newest(conn, limit=9)
        kept = {row.kind: store_bounces.raw(conn, row.id) for row in rows}
    assert kept == {"unknown": strange, "hard": None}


async def test_a_removed_subscribers_bounces_go_with_them(lab: Lab) -> None:
    lab.bounce((await lab.edition(0))[ADA])
    lab.app.subscriptions.remove(ADA)
    with lab.app.database.reading() as conn:
        assert conn.scalar(select(func.count()).select_from(t.bounce)) == 0


async def test_a_mail_that_was_passed_on_to_several_and_reached_one_is_no_dead_address(
    lab: Lab,
) -> None:
    mail = (await lab.edition(0))[ADA]
    more = "\nFinal-Recipient: rfc822; bo@example.org\nAction: relayed\nStatus: 2.0.0\n"
    assert (lab.bounce(mail, more=more), lab.suppressed()) == ("", "")


def test_no_real_bounce_touches_anybody_it_does_not_name(tmp_path: Path) -> None:
    folder = real_data("bounces/flufl_bounce")
    made = Instance(tmp_path)
    made.reader("ada")
    for file in sorted(folder.glob("[a-z]*_*.txt")):
        made.app.take_mail(file.read_bytes())
    assert [made.app.subscriptions.suppressed(s) for s in made.app.subscriptions.every()] == [None]
    with made.app.database.reading() as conn:
        assert {"hard", "soft", "policy", "unknown"} <= set(store_bounces.counts(conn))
    made.app.close()
