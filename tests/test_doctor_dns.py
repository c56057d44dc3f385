"""What `notifier doctor` makes of DNS, asked of a real name server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from notifier.config import Settings
from notifier.delivery import dkim
from notifier.doctor import sender_dns, spf
from notifier.doctor.dkim_dns import ask_dkim
from notifier.doctor.dns import DnsResolver
from notifier.doctor.finding import Finding
from notifier.doctor.sender_dns import ask_dmarc, ask_mx, ask_reverse, ask_spf
from notifier.doctor.setup import Setup, is_example
from notifier.errors import DnsError

from .builders import NOON
from .dns_server import Zone, name_server
from .signatures import KEYS
from .test_dkim import keyed

pytestmark = pytest.mark.anyio

LAB = "uni-lab.org"
OURS = ip_address("8.8.4.4")
Ask = Callable[[Setup], Awaitable[list[Finding]]]


async def found(
    ask: Ask,
    zone: Zone,
    *,
    host: str = "localhost",
    outgoing: tuple[Any, ...] = (OURS,),
    **more: Any,
) -> list[Finding]:
    """What a check finds for an instance that mails from uni-lab.org."""
    mail = {"from": f"Papers <papers@{LAB}>"} | more.pop("mail", {})
    settings = Settings(mail=mail, smtp={"host": host}, **more)
    async with name_server(zone) as (port, _):
        resolver = DnsResolver(["127.0.0.1"], port=port, seconds=2)
        return list(await ask(Setup(settings, None, None, resolver, lambda: NOON, outgoing)))


def of_spf(record: str, **more: list[str]) -> dict[str, list[str]]:
    return {f"{LAB} TXT": ["something else", record]} | {
        name.replace("_", " "): texts for name, texts in more.items()
    }


DEEP = {f"p{n}.net TXT": [f"v=spf1 include:p{n + 1}.net a -all"] for n in range(6)} | {
    "p6.net TXT": ["v=spf1 ip4:192.0.2.1 -all"]
}


@pytest.mark.parametrize(
    ("zone", "state", "said"),
    [
        (of_spf("v=spf1 ip4:8.8.4.0/24 -all"), "ok", "allows 8.8.4.4; 0 of 10 lookups"),
        (of_spf("v=spf1 a -all") | {f"{LAB} A": ["8.8.4.4"]}, "ok", "1 of 10"),
        (of_spf("v=spf1 a:x.net/24 ~all") | {"x.net A": ["8.8.4.9"]}, "ok", "1 of 10"),
        (
            of_spf("v=spf1 mx -all") | {f"{LAB} MX": ["10 m.net."], "m.net A": ["8.8.4.4"]},
            "ok",
            "1 of 10",
        ),
        (
            of_spf("v=spf1 include:p.net -all") | {"p.net TXT": ["v=spf1 ip4:8.8.4.4 -all"]},
            "ok",
            "1 of 10",
        ),
        (
            of_spf("v=spf1 redirect=p.net") | {"p.net TXT": ["v=spf1 ip4:8.8.4.4 -all"]},
            "ok",
            "1 of 10",
        ),
        (of_spf("v=spf1 exists:%{i}.x.net -all"), "ok", "allows 8.8.4.4"),
        ({}, "failed", "has no SPF record"),
        ({f"{LAB} TXT": ["v=spf10 -all"]}, "failed", "has no SPF record"),
        (of_spf("v=spf1 ip4:192.0.2.1 -all"), "failed", "8.8.4.4, from where mails leave, is not"),
        (
            of_spf("v=spf1 include:p.net -all") | {"p.net TXT": ["v=spf1 ip4:192.0.2.1 +all"]},
            "failed",
            "lets anybody send",
        ),
        (of_spf("v=spf1 +all"), "failed", "lets anybody send"),
        (of_spf("v=spf1 all"), "failed", "lets anybody send"),
        (of_spf("v=spf1 ip4:8.8.4.4"), "warning", "does not end with -all"),
        (of_spf("v=spf1 ip4:8.8.4.4 ?all"), "warning", "does not end with -all"),
        (of_spf("v=spf1 ipv4:8.8.4.4 -all"), "failed", '"ipv4:8.8.4.4" is no part of SPF'),
        (of_spf("v=spf1 ip4:8.8.4.444 -all"), "failed", "names no network"),
        (
            {f"{LAB} TXT": ["v=spf1 -all", "v=spf1 a -all"]},
            "failed",
            "has 2 SPF records, and one is allowed",
        ),
        (of_spf("v=spf1 include:nowhere.net -all"), "failed", "leads to a domain without a record"),
        (of_spf(f"v=spf1 include:{LAB} -all"), "failed", "without end"),
        (of_spf("v=spf1 ip4:8.8.4.4 include:p0.net -all") | DEEP, "failed", "13 lookups"),
        ({f"{LAB} TXT": None}, "warning", "no answer for uni-lab.org TXT"),
    ],
)
async def test_spf_is_read_as_receivers_do(zone: Zone, state: str, said: str) -> None:
    (one,) = await found(ask_spf, zone)
    assert (one.state, said in one.found) == (state, True), one
    assert bool(one.remedy) == (state != "ok")


async def test_behind_a_relay_the_record_is_shown_and_not_judged_by_our_address() -> None:
    zone = of_spf("v=spf1 include:p.net -all") | {"p.net TXT": ["v=spf1 ip4:192.0.2.1 -all"]}
    (one,) = await found(ask_spf, zone, host="smtp.provider.net")
    assert (one.state, "is v=spf1 include:p.net" in one.found) == ("ok", True)
    (nobody,) = await found(ask_spf, of_spf("v=spf1 -all"), host="smtp.provider.net")
    assert (nobody.state, "include:YOUR-MAIL-PROVIDER" in nobody.remedy) == ("failed", True)


async def test_the_return_paths_domain_is_looked_at_beside_the_senders() -> None:
    zone = of_spf("v=spf1 ip4:8.8.4.4 -all") | {f"back.{LAB} TXT": ["v=spf1 -all"]}
    back, sender = await found(ask_spf, zone, mail={"bounce_address": f"b@back.{LAB}"})
    assert (back.state, sender.state) == ("failed", "ok")


async def test_a_v6_address_is_judged_by_its_own_networks() -> None:
    address = ip_address("2001:4860::8")
    for record, state in (("ip6:2001:4860::/32", "ok"), ("ip4:8.8.4.4", "failed"), ("a", "ok")):
        zone = of_spf(f"v=spf1 {record} -all") | {f"{LAB} AAAA": ["2001:4860::8"]}
        (one,) = await found(ask_spf, zone, outgoing=(address,))
        assert one.state == state, record


RSA, ED = (dkim.record(key.private) for key in KEYS)
AT_RSA, AT_ED = (f"{key.selector}._domainkey.{LAB} TXT" for key in KEYS)


@pytest.mark.parametrize(
    ("records", "states", "said"),
    [
        ({AT_RSA: [RSA], AT_ED: [ED]}, ["ok", "ok"], "is the record of the rsa key"),
        ({AT_RSA: [RSA.replace("k=rsa; ", "")], AT_ED: [ED]}, ["ok", "ok"], "of the rsa key"),
        ({AT_RSA: [ED], AT_ED: [RSA]}, ["failed", "failed"], "of another key than the private"),
        ({AT_ED: [ED]}, ["failed", "ok"], "has no record"),
        ({AT_RSA: [RSA, ED], AT_ED: [ED]}, ["failed", "ok"], "has 2 records"),
        ({AT_RSA: ["v=DKIM1; k=rsa; p="], AT_ED: [ED]}, ["failed", "ok"], "revoked"),
        ({AT_RSA: [f"t=y; {RSA}"], AT_ED: [ED]}, ["warning", "ok"], "t=y"),
        ({AT_RSA: ["nonsense; ;="], AT_ED: [ED]}, ["failed", "ok"], "of another key"),
        ({AT_RSA: None, AT_ED: [ED]}, ["warning", "ok"], "no answer"),
    ],
)
async def test_dkim_records_are_compared_with_the_private_keys(
    tmp_path: Path, records: Zone, states: list[str], said: str
) -> None:
    both = await found(ask_dkim, records, dkim=keyed(tmp_path))
    assert [one.state for one in both] == states
    assert said in both[0].found


async def test_mails_that_are_not_signed_are_warned_of_and_a_key_that_others_read(
    tmp_path: Path,
) -> None:
    (one,) = await found(ask_dkim, {})
    assert (one.state, "dkim new" in one.remedy) == ("warning", True)
    keys = keyed(tmp_path)
    keys["private_key_file"].chmod(0o644)
    first, *_ = await found(ask_dkim, {AT_RSA: [RSA], AT_ED: [ED]}, dkim=keys)
    assert (first.state, "mode 0644" in first.found) == ("warning", True)


AT = f"_dmarc.{LAB} TXT"


@pytest.mark.parametrize(
    ("zone", "dkim_domain", "state", "said"),
    [
        ({AT: ["v=DMARC1; p=reject"]}, "", "ok", "aligned by DKIM and SPF"),
        ({AT: ["v=DMARC1; p=none; adkim=s"]}, f"mail.{LAB}", "warning", "by SPF, which forwarding"),
        ({AT: ["v=DMARC1; p=none"]}, f"mail.{LAB}", "ok", "by DKIM and SPF"),
        ({AT: ["v=DMARC1; p=none"]}, "elsewhere.net", "warning", "by SPF"),
        ({}, "", "failed", "has no policy"),
        ({AT: ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, "", "failed", "2 records"),
        ({AT: ["v=DMARC1; p=often"]}, "", "failed", "has no p=none"),
        ({AT: ["something"]}, "", "failed", "has no policy"),
        ({AT: None}, "", "warning", "no answer"),
    ],
)
async def test_dmarc_is_there_and_kept(
    tmp_path: Path, zone: Zone, dkim_domain: str, state: str, said: str
) -> None:
    (one,) = await found(ask_dmarc, zone, dkim=keyed(tmp_path) | {"domain": dkim_domain})
    assert (one.state, said in one.found) == (state, True), one


async def test_a_policy_of_a_domain_above_counts_and_nothing_aligned_is_a_failure(
    tmp_path: Path,
) -> None:
    mail = {"from": f"p@a.b.{LAB}", "bounce_address": "b@bounces.net"}
    signed = keyed(tmp_path) | {"domain": LAB}
    (one,) = await found(ask_dmarc, {AT: ["v=DMARC1; p=reject"]}, mail=mail, dkim=signed)
    assert (one.state, "aligned by DKIM" in one.found) == ("ok", True)
    (none,) = await found(ask_dmarc, {AT: ["v=DMARC1; p=reject"]}, mail=mail)
    assert (none.state, "neither DKIM nor the return path" in none.found) == ("failed", True)


@pytest.mark.parametrize(
    ("zone", "state", "said"),
    [
        ({f"{LAB} MX": ["10 m.net."], "m.net AAAA": ["2001:db8::1"]}, "ok", "takes mails at m.net"),
        ({f"{LAB} A": ["192.0.2.1"]}, "ok", f"takes mails at {LAB}"),
        ({f"{LAB} MX": ["10 m.net."]}, "failed", "leads nowhere"),
        ({f"{LAB} MX": ["0 ."]}, "failed", "leads nowhere"),
        ({}, "failed", "takes no mails"),
    ],
)
async def test_mails_to_our_own_domain_can_arrive(zone: Zone, state: str, said: str) -> None:
    (one,) = await found(ask_mx, zone)
    assert (one.state, said in one.found) == (state, True), one


BACK = "4.4.8.8.in-addr.arpa PTR"


@pytest.mark.parametrize(
    ("zone", "state", "said"),
    [
        ({BACK: ["mx.uni-lab.org."], "mx.uni-lab.org A": ["8.8.4.4"]}, "ok", "leads back"),
        ({BACK: ["mx.uni-lab.org."], "mx.uni-lab.org A": ["8.8.4.5"]}, "failed", "leads elsewhere"),
        ({}, "failed", "has no name"),
    ],
)
async def test_our_address_has_a_name_that_leads_back(zone: Zone, state: str, said: str) -> None:
    (one,) = await found(ask_reverse, zone)
    assert (one.state, said in one.found) == (state, True), one


async def test_what_is_not_ours_to_name_is_skipped_and_said_why() -> None:
    (relay,) = await found(ask_reverse, {}, host="smtp.provider.net")
    assert (relay.state, "smtp.provider.net" in relay.found) == ("skipped", True)
    (hidden,) = await found(ask_reverse, {}, outgoing=(ip_address("10.0.0.5"),))
    assert (hidden.state, "no address of the Internet" in hidden.found) == ("skipped", True)
    for ask in (ask_spf, ask_dmarc, ask_mx, ask_dkim):
        (example,) = await found(ask, {}, mail={"from": "p@example.org"})
        assert (example.state, "set mail.from first" in example.found) == ("skipped", True)
        (files,) = await found(ask, {}, mail={"transport": "files"})
        assert (files.state, '"files"' in files.found) == ("skipped", True)


async def test_a_server_that_does_not_answer_is_told_apart_from_no_record() -> None:
    resolver = DnsResolver(["127.0.0.1"], port=1, seconds=0.2)
    with pytest.raises(DnsError, match="no answer for uni-lab"):
        await resolver.ask(LAB, "TXT")
    with pytest.raises(DnsError, match="is no name of DNS"):
        await resolver.ask("ü" * 80 + ".org", "TXT")
    async with name_server({"xn--mnchen-3ya.de A": ["192.0.2.7"]}) as (port, asked):
        there = DnsResolver(["127.0.0.1"], port=port)
        assert await there.ask("münchen.de", "A") == ["192.0.2.7"]
        assert await there.ask("münchen.de", "MX") == []
        assert await there.ask("gone.de", "A") == []
    assert asked[0] == "xn--mnchen-3ya.de A"


@pytest.mark.parametrize(
    ("domain", "is_nobodys"),
    [("example.org", True), ("a.example.com", True), ("localhost", True), ("x.test", True),
     ("", True), ("uni-lab.org", False), ("example.de", False)],
)  # fmt: skip
def test_an_example_is_known(domain: str, is_nobodys: bool) -> None:
    assert is_example(domain) == is_nobodys


def test_tags_are_read_and_redirect_counts_only_without_all() -> None:
    assert sender_dns.tags(" V=DMARC1;P = none ;; x") == {"v": "DMARC1", "p": "none"}
    names = [term.name for term in spf.parse("v=spf1 redirect=a.net mx exp=b.net -all")]
    assert names == ["mx", "all"]
    assert [t.name for t in spf.parse("v=spf1 redirect=a.net mx")] == ["mx", "redirect"]
