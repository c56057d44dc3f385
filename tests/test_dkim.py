"""DKIM: signatures that other programs verify, and that hold for nothing but what was signed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as an_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as an_rsa_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier import config
from notifier.app import App
from notifier.delivery import dkim, dkim_keys
from notifier.delivery.dkim_check import verified
from notifier.delivery.smtp import SmtpSettings, SmtpTransport
from notifier.digests.gaps import quoted
from notifier.digests.message import LINE_BYTES, build
from notifier.errors import ConfigError
from notifier.storage import store_digests

from .builders import NOON, a_paper
from .commands import Notifier, notifier
from .mails import a_digest, a_mail
from .postfix import relaying
from .signatures import DOMAIN, ED25519, KEYS, RECORDS, RSA, by_dkimpy, by_opendkim, signed
from .sink import Sink, listening
from .test_jobs import MONDAY, RAG, Instance
from .test_message import Golden, golden, plain_mail

__all__ = ["golden", "notifier"]

BOTH = {RSA: True, ED25519: True}
NEITHER = {RSA: False, ED25519: False}
SENDER = f"N <n@{DOMAIN}>"
MAIL = build(plain_mail(sender=SENDER, reply_to=f"people@{DOMAIN}"))
A_DAY = build(a_mail(a_digest([a_paper("LLM agents", "Grüße, LLM.")], {"Agents": "LLM"})))
LISTED = (*dkim.ALWAYS, *dkim.WHERE_PRESENT)
HELD_BY_US = {dkim.record_name(selector, DOMAIN): True for selector in BOTH}


def verdicts(mails: dict[str, bytes], folder: Path) -> dict[str, tuple[dict[str, bool], ...]]:
    """What dkimpy and OpenDKIM say of each mail, by its name."""
    theirs = by_opendkim(list(mails.values()), folder)
    return {
        name: (by_dkimpy(mail), said)
        for (name, mail), said in zip(mails.items(), theirs, strict=True)
    }


def h_of(mail: bytes) -> list[str]:
    """The headers that the first signature of a mail covers."""
    found = re.search(rb"h=([^;]*);", mail)
    assert found
    return re.sub(r"\s", "", found[1].decode()).split(":")


# What is signed holds.


def test_dkimpy_and_opendkim_verify_both_signatures(tmp_path: Path) -> None:
    mails = {"plain": signed(MAIL), "digest": signed(A_DAY)}
    assert verdicts(mails, tmp_path) == {"plain": (BOTH, BOTH), "digest": (BOTH, BOTH)}


WORDS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=120)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS, st.text(max_size=400), st.text(max_size=400), st.booleans())
def test_whatever_a_mail_says_its_signatures_hold_and_its_lines_are_short(
    subject: str, name: str, text: str, html: str, answers: bool
) -> None:
    mail = build(
        plain_mail(
            sender=SENDER, subject=subject, list_name=name, text=quoted(text), html=quoted(html),
            reply_to=f"people@{DOMAIN}" if answers else "",
        )
    )  # fmt: skip
    made = signed(mail)
    assert by_dkimpy(made) == BOTH
    assert verified(made, RECORDS.get) == HELD_BY_US
    assert made.isascii()
    assert made.endswith(mail)
    assert max(map(len, made.split(b"\r\n"))) <= LINE_BYTES


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS, st.text(max_size=200)), min_size=8, max_size=8))
def test_opendkim_verifies_whatever_a_mail_says(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str, str]]
) -> None:
    mails = [
        signed(build(plain_mail(sender=SENDER, subject=subject, list_name=name, text=quoted(text))))
        for subject, name, text in said
    ]
    assert by_opendkim(mails, tmp_path_factory.mktemp("dkim")) == [BOTH] * 8


@pytest.mark.parametrize(
    "mail",
    [
        b"From: n@x\r\n\r\n",
        b"From: n@x\r\n\r\n\r\n\r\n",
        b"From: n@x\r\n\r\nno line end",
        b"From: n@x\r\n\r\ntrailing  \r\n\t\r\n\r\n",
        b"From:n@x\r\nSubject:\r\n a \t b \r\n\t c  \r\n\r\nx\r\n",
        b"From: n@x\r\nSubject:   \r\n\r\nx\r\n",
        b"From: n@x\r\nTo: a@x\r\nTo: b@x\r\nTo: c@x\r\n\r\nx\r\n",
    ],
    ids=["no body", "empty lines", "no line end", "white space", "folds", "empty header", "thrice"],
)
def test_odd_forms_are_signed_as_others_read_them(mail: bytes, tmp_path: Path) -> None:
    assert verdicts({"odd": signed(mail)}, tmp_path) == {"odd": (BOTH, BOTH)}


def test_a_mail_without_a_body_is_signed_as_opendkim_reads_it(tmp_path: Path) -> None:
    assert by_opendkim([signed(b"From: n@x\r\nTo: a@x\r\n")], tmp_path) == [BOTH]


def test_signatures_come_first_with_rsa_before_ed25519_and_the_mail_is_as_it_was() -> None:
    made = signed(MAIL)
    assert made.endswith(MAIL)
    fields = re.split(rb"\r\n(?![ \t])", made.removesuffix(MAIL).removesuffix(b"\r\n"))
    assert [re.findall(rb" (a|s)=([\w-]+);", field) for field in fields] == [
        [(b"a", b"rsa-sha256"), (b"s", RSA.encode())],
        [(b"a", b"ed25519-sha256"), (b"s", ED25519.encode())],
    ]
    assert all(field.startswith(b"DKIM-Signature: v=1;") for field in fields)
    assert max(len(line) for field in fields for line in field.split(b"\r\n")) <= 76


def test_a_long_domain_and_selector_keep_lines_below_998_bytes_and_verify() -> None:
    domain = ".".join(["d" * 60] * 4)
    keys = [replace(key, selector=f"{key.kind}.{'s' * 60}") for key in KEYS]
    made = dkim.sign(MAIL, keys, domain=domain, at=NOON)
    records = {dkim.record_name(key.selector, domain): dkim.record(key.private) for key in keys}
    assert set(by_dkimpy(made, records).values()) == {True}
    assert max(map(len, made.split(b"\r\n"))) <= LINE_BYTES


def test_the_same_mail_signed_again_is_the_same_and_another_moment_is_told() -> None:
    assert signed(MAIL) == signed(MAIL)
    later = signed(MAIL, at=NOON + timedelta(seconds=1))
    assert re.findall(rb" t=(\d+);", signed(MAIL) + later) == (
        [b"1795176000"] * 2 + [b"1795176001"] * 2
    )


def test_a_signed_mail_is_its_golden_file(golden: Golden) -> None:
    golden("signed.mail", signed(MAIL))


def test_without_keys_a_mail_stays_as_it_is() -> None:
    assert signed(MAIL, ()) == MAIL


@pytest.mark.parametrize(
    "mail",
    [
        MAIL.replace(b"text", b"t\xc3\xa9xt"),
        MAIL.replace(b"\r\n", b"\n"),
        MAIL + b"\rx\r\n",
        b"From: n@x\r\nno header\r\n\r\nx\r\n",
        b"",
    ],
    ids=["8-bit", "bare LF", "bare CR", "no header", "nothing"],
)
def test_what_would_be_changed_on_its_way_is_not_signed(mail: bytes) -> None:
    with pytest.raises(ValueError, match=r"mail|header"):
        signed(mail)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        signed(MAIL, at=datetime(2026, 11, 20))  # noqa: DTZ001  # that is the point


# What was not signed does not hold.


def test_each_header_is_listed_once_more_than_it_is_there() -> None:
    present = [line.partition(b":")[0].lower().decode() for line in
               MAIL.partition(b"\r\n\r\n")[0].split(b"\r\n")]  # fmt: skip
    listed = h_of(signed(MAIL))
    assert set(listed) == set(LISTED)
    assert {name: listed.count(name) for name in LISTED} == {
        name: present.count(name) + 1 for name in LISTED
    }
    assert b" l=" not in signed(MAIL).removesuffix(MAIL)


def test_what_relays_may_add_is_signed_only_where_it_is_there() -> None:
    bare = re.sub(rb"Feedback-ID: [^\r]*\r\n", b"", MAIL)
    assert h_of(signed(MAIL)).count("feedback-id") == 2
    assert "feedback-id" not in h_of(signed(bare)), "Amazon SES adds its own"


def test_a_prepended_copy_of_a_signed_header_makes_every_signature_fail(tmp_path: Path) -> None:
    forged = {name: f"{name.title()}: forged\r\n".encode() + signed(MAIL) for name in LISTED}
    assert verdicts(forged, tmp_path) == dict.fromkeys(LISTED, (NEITHER, NEITHER))
    assert [set(verified(one, RECORDS.get).values()) for one in forged.values()] == (
        [{False}] * len(LISTED)
    )


def test_a_header_added_at_the_end_or_taken_away_makes_every_signature_fail(
    tmp_path: Path,
) -> None:
    head, _, body = signed(MAIL).partition(b"\r\n\r\n")
    changed = {f"+{name}": head + f"\r\n{name}: x\r\n\r\n".encode() + body for name in LISTED}
    for name in ("To", "Subject", "Date", "Message-ID", "Reply-To", "List-Id", "Content-Type"):
        gone = re.sub(rf"\r\n{name}: .*".encode(), b"", head)
        changed[f"-{name}"] = gone + b"\r\n\r\n" + body
    assert verdicts(changed, tmp_path) == dict.fromkeys(changed, (NEITHER, NEITHER))


def test_any_changed_byte_of_the_body_makes_every_signature_fail(tmp_path: Path) -> None:
    made = signed(MAIL)
    start = made.index(b"\r\n\r\n") + 4
    forged = [
        made[:place] + bytes([made[place] ^ 1]) + made[place + 1 :]
        for place in range(start, len(made))
    ]
    assert len(forged) > 300
    assert [by_dkimpy(one) for one in forged] == [NEITHER] * len(forged)
    printable = [one for one, at in zip(forged, range(start, len(made)), strict=True)
                 if made[at] not in b"\r\n"]  # fmt: skip
    assert by_opendkim(printable, tmp_path) == [NEITHER] * len(printable)


def test_a_body_that_grew_or_was_cut_makes_every_signature_fail(tmp_path: Path) -> None:
    made = signed(MAIL)
    changed = {
        "grown": made + b"more\r\n",
        "cut": made[: made.rindex(b"--", 0, -10)],
        "gone": made.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    }
    assert verdicts(changed, tmp_path) == dict.fromkeys(changed, (NEITHER, NEITHER))


def test_a_header_folded_anew_on_its_way_still_holds(tmp_path: Path) -> None:
    folded = signed(MAIL).replace(b"Subject: Hello", b"SUBJECT:\r\n\tHello  ")
    assert verdicts({"folded": folded}, tmp_path) == {"folded": (BOTH, BOTH)}


def test_a_signature_of_another_key_does_not_hold() -> None:
    others = [
        replace(key, private=private)
        for key, private in zip(
            KEYS, (an_rsa_key(65537, 2048), Ed25519PrivateKey.generate()), strict=True
        )
    ]
    made = signed(MAIL, others)
    assert by_dkimpy(made) == NEITHER
    assert set(verified(made, RECORDS.get).values()) == {False}


def test_our_check_says_no_where_the_record_is_absent_or_broken() -> None:
    made = signed(MAIL)
    for text in (None, "", "v=DKIM1; p=", "v=DKIM1; k=rsa; p=AAAA", "v=DKIM1; k=ed25519; p=!",
                 "v=DKIM1; k=ed25519; p=AAAA"):  # fmt: skip
        assert set(verified(made, lambda name, text=text: text).values()) == {False}, text
    swapped = dict(zip(RECORDS, reversed(RECORDS.values()), strict=True))
    assert set(verified(made, swapped.get).values()) == {False}


# DNS.


def test_a_record_is_split_into_strings_of_at_most_255_bytes() -> None:
    text = dkim.record(KEYS[0].private)
    assert [len(part) for part in dkim.strings(text)] == [255, len(text) - 255]
    line = dkim.zone_line(KEYS[0], DOMAIN)
    assert line.startswith(f"test-rsa._domainkey.{DOMAIN}. IN TXT ( ")
    assert "".join(re.findall(r'"([^"]*)"', line)) == text
    assert re.fullmatch(r"v=DKIM1; k=ed25519; p=[\w+/]{43}=", dkim.record(KEYS[1].private))


# Keys and settings.


def a_pem(private: Any, encryption: KeySerializationEncryption | None = None) -> bytes:
    made = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    assert isinstance(made, bytes)
    return made


def keyed(folder: Path) -> dict[str, Any]:
    """The test keys in files, as settings."""
    for key in KEYS:
        path = folder / f"{key.selector}.pem"
        path.write_bytes(a_pem(key.private))
        path.chmod(0o600)
    return {
        "selector": RSA, "private_key_file": folder / f"{RSA}.pem",
        "selector_ed25519": ED25519, "private_key_ed25519_file": folder / f"{ED25519}.pem",
    }  # fmt: skip


BAD_KEYS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is no private key in PEM"),
    "binary": (lambda: b"\x00\xff", "is no private key in PEM"),
    "locked": (
        lambda: a_pem(KEYS[0].private, BestAvailableEncryption(b"secret")),
        "without a password",
    ),
    "Ed25519": (lambda: a_pem(KEYS[1].private), "is no RSA key"),
    "elliptic": (lambda: a_pem(an_ec_key(SECP256R1())), "is no RSA key"),
    "short": (
        lambda: a_pem(an_rsa_key(65537, 1024)),  # noqa: S505  # that is the point
        "has 1024 bits - DKIM takes 2048 to 4096",
    ),
}


@pytest.mark.parametrize(("pem", "message"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_that_cannot_be_used_is_named_in_one_line(
    notifier: Notifier, pem: Callable[[], bytes], message: str
) -> None:
    (notifier.folder / "key.pem").write_bytes(pem())
    (notifier.folder / "key.pem").chmod(0o600)
    notifier.config.write_text("[dkim]\nselector = 's'\nprivate_key_file = 'key.pem'\n")
    for command in (("config", "check"), ("dkim", "check"), ("tick",)):
        done = notifier(*command)
        assert (done.code, done.out) == (2, "")
        (line,) = done.err.splitlines()
        assert line.startswith(f"error: dkim.private_key_file: {notifier.folder}/key.pem")
        assert message in line


def test_an_rsa_key_is_no_ed25519_key_and_a_missing_one_is_named(tmp_path: Path) -> None:
    wrong = keyed(tmp_path) | {"private_key_ed25519_file": tmp_path / f"{RSA}.pem"}
    with pytest.raises(ConfigError, match=r"^dkim.private_key_ed25519_file: .* is no Ed25519 key"):
        Instance(tmp_path, dkim=wrong)
    gone = keyed(tmp_path) | {"private_key_file": tmp_path / "gone.pem"}
    with pytest.raises(ConfigError, match=r"gone.pem cannot be read: No such file .*dkim new"):
        Instance(tmp_path, dkim=gone)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selector = 'a'", "dkim: selector needs private_key_file beside it"),
        ("private_key_file = 'a'", "dkim: private_key_file needs selector beside it"),
        (
            "selector_ed25519 = 'a'\nprivate_key_ed25519_file = 'a'",
            "not everybody verifies Ed25519 - also set selector and private_key_file",
        ),
        (
            "selector = 'a'\nprivate_key_file = 'a'\n"
            "selector_ed25519 = 'a'\nprivate_key_ed25519_file = 'b'",
            "each key needs a selector of its own",
        ),
        ("selector = 'a b'", "line 2: dkim.selector:"),
        ("domain = 'x; l=0'", "line 2: dkim.domain:"),
    ],
)
def test_settings_that_belong_together_are_asked_for(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "notifier.toml"
    path.write_text(f"[dkim]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert message in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660])
def test_a_key_that_others_can_reach_is_warned_of(notifier: Notifier, mode: int) -> None:
    found = keyed(notifier.folder)
    lines = "".join(f"{name} = {json.dumps(str(value))}\n" for name, value in found.items())
    notifier.config.write_text(f"[dkim]\n{lines}")
    assert notifier("config", "check").code == 0
    (notifier.folder / f"{RSA}.pem").chmod(mode)
    done = notifier("config", "check")
    assert done.code == 3
    assert f"mode {mode:04o}: others can reach the key - chmod 640" in done.err
    assert "chmod 640" in notifier("status").err


# Digests.


def test_a_digest_is_stored_signed_and_a_retry_sends_the_same_bytes(tmp_path: Path) -> None:
    async def rounds() -> list[bytes]:
        async with listening() as sink:
            lab = Instance(tmp_path, sink.port, dkim=keyed(tmp_path), smtp={"timeout_seconds": 5})
            lab.reader("ada")
            lab.take(RAG)
            lab.now = MONDAY + timedelta(hours=3)
            assert lab.app.compose().made == 1
            with lab.app.database.reading() as conn:
                stored = store_digests.content(conn, lab.digests()[0].key)
            assert stored
            lab.now += timedelta(hours=1)
            app = App(lab.app.settings, clock=lambda: lab.now)
            assert (await app.deliver()).sent == 1
            app.close()
            lab.app.close()
            return [stored, *(mail.content for mail in sink.received)]

    stored, received = asyncio.run(rounds())
    assert stored == received
    records = {name.replace(DOMAIN, "example.org"): text for name, text in RECORDS.items()}
    assert by_dkimpy(stored, records) == BOTH
    assert by_opendkim([stored], tmp_path / "dkim", records) == [BOTH]
    at = int((MONDAY + timedelta(hours=3)).timestamp())
    assert stored.count(f" t={at};".encode()) == 2


def test_the_domain_can_be_one_above_the_senders(tmp_path: Path) -> None:
    lab = Instance(tmp_path, dkim=keyed(tmp_path) | {"domain": "Example.ORG"})
    assert b" d=example.org;" in lab.app.sign(MAIL, NOON)
    lab.app.close()


def test_signatures_hold_after_a_relay_by_postfix(tmp_path: Path) -> None:
    dots = plain_mail(sender=SENDER, text=quoted(".\n..dots\n.\n\n\n"), subject="Ünï " * 40)
    mails = [signed(MAIL), signed(A_DAY), signed(build(dots))]

    all_there = asyncio.Event()

    class Counting(Sink):
        async def handle_DATA(self, *of_mail: Any) -> str:
            said = await super().handle_DATA(*of_mail)
            if len(self.received) == len(mails):
                all_there.set()
            return said

    async def through() -> list[bytes]:
        async with listening(Counting()) as sink:
            relay = relaying(sink.port)
            port = await asyncio.to_thread(relay.__enter__)
            try:
                smtp = SmtpSettings(host="127.0.0.1", port=port, timeout_seconds=20)
                async with SmtpTransport(smtp).open() as mailer:
                    for mail in mails:
                        await mailer.send(sender=f"n@{DOMAIN}", recipient="a@x.org", content=mail)
                await asyncio.wait_for(all_there.wait(), 30)
            finally:
                await asyncio.to_thread(relay.__exit__, None, None, None)
            return [mail.content for mail in sink.received]

    came = asyncio.run(through())
    assert all(b"by relay.example.org (Postfix)" in mail for mail in came)
    assert [by_dkimpy(mail) for mail in came] == [BOTH] * len(mails)
    assert by_opendkim(came, tmp_path) == [BOTH] * len(mails)


# Commands.


def test_new_keys_go_into_dns_and_settings_as_printed(notifier: Notifier) -> None:
    notifier.config.write_text("[mail]\nfrom = 'N <n@papers.example.org>'\n")
    done = notifier("dkim", "new")
    assert done.code == 0
    zone, _, lines = done.out.partition("\n\n")
    for name in ("dkim-notifier.pem", "dkim-notifier-ed25519.pem"):
        path = notifier.folder / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert f"wrote {path}" in done.err
    with notifier.config.open("a") as file:
        file.write(lines)
    checked = notifier("dkim", "check")
    assert checked.code == 0
    assert checked.out.strip() == zone
    assert checked.err.count("a sample signature holds") == 2
    records = {
        line.split(". IN")[0]: "".join(re.findall(r'"([^"]*)"', line)) for line in zone.splitlines()
    }
    assert set(records) == {
        f"{name}._domainkey.papers.example.org" for name in ("notifier", "notifier-ed25519")
    }
    (app := App(config.load(notifier.config))).close()
    assert set(by_dkimpy(app.sign(MAIL, NOON), records).values()) == {True}
    rows = notifier("dkim", "check", "--format", "json").json
    assert {row["name"]: row["value"] for row in rows} == records
    assert all(row["holds"] and "".join(row["strings"]) == row["value"] for row in rows)


def test_new_keys_elsewhere_are_named_by_their_whole_path(notifier: Notifier) -> None:
    folder = notifier.folder / "etc" / "keys"
    notifier.config.write_text("")
    done = notifier("dkim", "new", "--dir", folder, "--selector", "y2027", "--bits", 3072)
    assert 'selector = "y2027"\nprivate_key_file = "etc/keys/dkim-y2027.pem"' in done.out
    private = load_pem_private_key((folder / "dkim-y2027.pem").read_bytes(), None)
    assert getattr(private, "key_size", 0) == 3072


def test_a_key_is_never_overwritten(notifier: Notifier) -> None:
    path = notifier.folder / "dkim-notifier-ed25519.pem"
    path.write_text("precious")
    done = notifier("dkim", "new")
    assert done.code == 2
    assert f"{path} is there already and stays - take another --selector" in done.err
    assert path.read_text() == "precious"
    assert not (notifier.folder / "dkim-notifier.pem").exists()


@pytest.mark.parametrize("selector", ["", "a.b", "-a", "a b", "x" * 56, "ä", "../x"])
def test_a_selector_that_is_no_name_is_refused(notifier: Notifier, selector: str) -> None:
    done = notifier("dkim", "new", "--selector", selector)
    assert done.code == 2
    assert "is no name for DNS" in done.err
    assert not list(notifier.folder.glob("*.pem"))


def test_short_keys_are_not_made(notifier: Notifier) -> None:
    assert notifier("dkim", "new", "--bits", 1024).code == 2
    assert not list(notifier.folder.glob("*.pem"))


def test_check_without_keys_says_how_to_make_them(notifier: Notifier) -> None:
    done = notifier("dkim", "check")
    assert done.code == 4
    assert '"notifier dkim new" makes them' in done.err


def test_made_keys_differ_each_time(tmp_path: Path) -> None:
    made = [dkim_keys.make(tmp_path, f"s{n}") for n in range(2)]
    assert len({dkim.record(key.private) for files in made for _, key in files}) == 4
