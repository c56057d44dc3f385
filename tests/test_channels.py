"""Addresses of channels, what they may reach, what an answer means: all without sending."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier.delivery import channels
from notifier.delivery.answered import Decision, decide
from notifier.delivery.backoff import LAST_TRY, Tried
from notifier.delivery.networks import Reach
from notifier.delivery.poster import Answer, asked_for
from notifier.errors import UsageError

from .builders import NOON

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TRIED = Tried("digest:1", 1, NOON + timedelta(hours=20))


# Addresses.


@pytest.mark.parametrize(
    ("url", "service", "shown"),
    [
        (SLACK, "slack", "slack://T1…/…"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV", "discord", "discord://41…/…"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544", "telegram", "tgram://12…/…"),
        ("ntfys://a-topic-nobody-guesses", "ntfy", "ntfys://a-…/…"),
        ("ntfy://ada:secret@ntfy.lan:8080/topic", "ntfy", "ntfy://ntfy.lan:8080/…"),
        ("jsons://[::1]:9/secret?+Authorization=Bearer", "webhook", "jsons://[::1]:9/…"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(url: str, service: str, shown: str) -> None:
    found = channels.parsed(f" {url}\n")
    assert (found.service.name, found.shown, found.url) == (service, shown, url)
    assert url not in repr(found)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "this is no address of a channel"),
        ("https://hooks.slack.com/services/T/B/secret-token", "https:// is no channel"),
        ("mailto://ada:secret-token@example.org", "mailto:// is no channel"),
        ("json://hooks.lan/x?attach=file:///etc/passwd", 'the option "attach" cannot be used'),
        ("json://hooks.lan/x?+A=b&template=/secret-token", 'the option "template" cannot be used'),
        ("json://hooks.lan/x?+A=b?verify=no", 'the option "verify" cannot be used'),
        (f"{SLACK}/#x?%61ttach=secret-token", 'the option "attach" cannot be used'),
        ("ntfys://topic?to=other", 'the option "to" cannot be used'),
        ("json://hooks.lan:99999/secret-token", "a port lies between 0 and 65535"),
        ("json:///secret-token", "no host stands in it"),
        ("json://hooks.lan/a b", "this is no address of a channel"),
        (f"json://hooks.lan/{'x' * 1000}", "this is no address of a channel"),
    ],
)
def test_what_is_no_address_is_refused_in_a_line_that_tells_no_secret(url: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        channels.parsed(url)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "secret-token" not in str(refused.value)


def test_what_a_service_answers_is_kept_without_parts_of_the_address() -> None:
    said = f"no\n such hook: /services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ {'x' * 900}"
    hidden = channels.hidden(said, SLACK)
    assert hidden.startswith("no such hook: /services/***/***/*** xxx")
    assert len(hidden) == channels.ANSWER_CHARACTERS


# What may be reached.


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",  # noqa: S104
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "no address",
     "64:ff9b:1::a00:1", "::10.0.0.1", "::ffff:0:a00:1", "fec0::1", "2001:db8::1", "ff0e::1"],
)  # fmt: skip
def test_a_private_address_is_reached_by_nobody_who_did_not_list_it(address: str) -> None:
    assert not Reach(("ntfy.example.org",)).leads_to(address, 443)


@pytest.mark.parametrize("address", ["34.117.59.81", "2606:4700::6810:85e5", "::ffff:8.8.8.8"])
def test_a_public_address_is_reached(address: str) -> None:
    assert Reach(()).leads_to(address, 443)


def test_a_private_address_is_reached_when_it_its_network_or_its_port_is_listed() -> None:
    reach = Reach(("10.0.0.0/24", "192.168.1.5", "127.0.0.1:8080", "[::1]:8080"))
    assert reach.leads_to("10.0.0.9", 80)
    assert reach.leads_to("::ffff:10.0.0.9", 80)
    assert reach.leads_to("192.168.1.5", 80)
    assert reach.leads_to("127.0.0.1", 8080)
    assert reach.leads_to("::1", 8080)
    for address, port in (("10.0.1.9", 80), ("192.168.1.6", 80), ("127.0.0.1", 80), ("::1", 80)):
        assert not reach.leads_to(address, port)


def test_a_host_is_asked_when_it_is_listed_by_itself_or_with_its_port() -> None:
    reach = Reach(("Ntfy.example.org", "hooks.lan:8080", "10.0.0.0/24"))
    assert reach.names("ntfy.example.org.", 443)
    assert reach.names("hooks.lan", 8080)
    assert reach.names("10.0.0.9", 80)
    assert not reach.names("hooks.lan", 80)
    assert not reach.names("evil.ntfy.example.org", 443)
    assert not reach.names("8.8.8.8", 443)


# What an answer means.


def test_what_a_service_took_is_sent() -> None:
    assert decide(Answer(ok=True, status=200), TRIED, now=NOON) == Decision("sent")


@pytest.mark.parametrize("status", [401, 403, 404, 410, 301, 302, 308])
def test_who_refuses_us_or_sends_us_elsewhere_pauses_the_channel_and_the_post_waits(
    status: int,
) -> None:
    decision = decide(Answer(status=status), TRIED, now=NOON)
    assert (decision.state, decision.counts) == ("pending", False)
    assert str(status) in decision.pauses


def test_what_we_refuse_to_ask_pauses_the_channel_with_the_reason() -> None:
    assert decide(Answer(refused="it leads to ::1"), TRIED, now=NOON).pauses == "it leads to ::1"
    assert decide(Answer(wrong="Apprise cannot"), TRIED, now=NOON).pauses == "Apprise cannot"


@pytest.mark.parametrize("status", [0, 408, 425, 429, 500, 502, 503, 599])
def test_what_may_be_better_later_is_tried_again_later_and_later(status: int) -> None:
    waits = []
    for attempts in range(1, 8):
        tried = Tried("digest:1", attempts, NOON + timedelta(hours=200))
        decision = decide(Answer(status=status), tried, now=NOON)
        assert (decision.state, decision.counts, decision.pauses) == ("pending", True, "")
        assert decision.not_before is not None
        waits.append(decision.not_before - NOON)
    assert waits == sorted(waits)
    assert timedelta(seconds=40) < waits[0] < timedelta(seconds=80)
    assert timedelta(hours=3) < waits[-1] < timedelta(hours=5)


def test_a_wait_that_is_asked_for_is_kept_for_the_whole_channel() -> None:
    answer = Answer(status=429, retry_after=timedelta(minutes=30))
    decision = decide(answer, TRIED, now=NOON)
    assert decision.rests
    assert decision.not_before is not None
    assert timedelta(minutes=30) <= decision.not_before - NOON <= timedelta(minutes=36)


def test_the_last_try_comes_before_the_post_is_of_no_use() -> None:
    tried = Tried("digest:1", 9, NOON + timedelta(minutes=20))
    decision = decide(Answer(status=500), tried, now=NOON)
    assert decision.not_before == tried.expires_at - LAST_TRY


@pytest.mark.parametrize("status", [200, 400, 413, 422])
def test_a_post_that_is_refused_for_itself_has_failed_and_the_channel_goes_on(status: int) -> None:
    assert decide(Answer(status=status), TRIED, now=NOON) == Decision("failed")


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("120", "", 120),
        ("Fri, 20 Nov 2026 12:05:00 GMT", "", 300),
        ("Fri, 20 Nov 2026 11:00:00 GMT", "", 0),
        ("", '{"retry_after": 1.5}', 1.5),
        ("", '{"ok": false, "parameters": {"retry_after": 35}}', 35),
        ("9999999", "", 86_400),
        ("soon", "no JSON", None),
        ("", '{"retry_after": "soon"}', None),
        ("", "[1]", None),
        ("", "", None),
    ],
)
def test_a_wait_is_read_from_the_header_or_from_what_discord_and_telegram_say(
    header: str, body: str, seconds: float | None
) -> None:
    wanted = None if seconds is None else timedelta(seconds=seconds)
    assert asked_for(header, body, NOON) == wanted
