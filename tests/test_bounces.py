"""What a mail to the bounce address is; any bytes give an answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.delivery import bounces, mailboxes, score, verdict, verp
from notifier.delivery.bounces import Report

from .builders import NOON
from .conftest import real_data
from .returned import a_complaint, a_mail, a_notification

SECRET = bytes(range(32))
TOKEN = verp.make(SECRET, verp.BOUNCE, 7, "k")

# Every real bounce, by what it is. Delays, and what a person or an auto-responder wrote, are no
# failures; what gives no code and no clear words is soft.
OUTCOMES = {
    "auto-reply": """
        qmail_08
    """,
    "hard": """
        dsn_10 dsn_11 dsn_12 dsn_13 dsn_14 dsn_16 exim_01 postfix_01 qmail_03 qmail_04 qmail_05
        simple_08 simple_19 simple_29 simple_30 simple_33 simple_34 simple_36 smtp32_04
        smtp32_06 yahoo_11 yahoo_13
    """,
    "not-a-bounce": """
        dsn_05 dsn_06 dsn_07 dsn_08 dsn_17 groupwise_03 simple_03 simple_21 simple_22 simple_28
        simple_35 simple_40
    """,
    "policy": """
        dsn_03 dsn_09 sendmail_01 simple_18 simple_42
    """,
    "soft": """
        aol_01 bounce_02 bounce_03 caiwireless_01 dsn_01 dsn_02 dsn_04 dsn_15 dsn_18
        groupwise_01 groupwise_02 hotpop_01 llnl_01 microsoft_01 microsoft_02 microsoft_04
        netscape_01 newmailru_01 postfix_02 postfix_03 postfix_04 postfix_05 qmail_01 qmail_02
        qmail_06 qmail_07 simple_01 simple_02 simple_04 simple_05 simple_06 simple_07 simple_09
        simple_10 simple_11 simple_12 simple_13 simple_14 simple_16 simple_17 simple_23
        simple_24 simple_25 simple_26 simple_27 simple_31 simple_32 simple_37 simple_38
        simple_39 simple_41 simple_44 simple_45 sina_01 smtp32_01 smtp32_02 smtp32_03 smtp32_05
        smtp32_07 yahoo_01 yahoo_02 yahoo_03 yahoo_04 yahoo_05 yahoo_06 yahoo_07 yahoo_08
        yahoo_09 yahoo_10 yahoo_12 yale_01
    """,
    "unknown": """
        bounce_01 dumbass_01 microsoft_03 simple_15 simple_20 simple_43
    """,
}
KIND_OF = {name: kind for kind, names in OUTCOMES.items() for name in names.split()}


def real() -> Path:
    return real_data("bounces/flufl_bounce")


def one(raw: bytes) -> Report:
    (report,) = bounces.read(raw)
    return report


def test_each_real_bounce_is_what_the_table_says() -> None:
    folder = real()
    found = {
        file.stem: bounces.read(file.read_bytes())[0].kind
        for file in folder.glob("*.txt")
        if not file.name.startswith(("EXPECTED", "LICENSE"))
    }
    assert found == KIND_OF
    assert len(found) == 117


@pytest.mark.parametrize("name", ["groupwise_03", "qmail_08"])
def test_real_mail_of_a_person_or_an_auto_responder_is_no_failure(name: str) -> None:
    report = one((real() / f"{name}.txt").read_bytes())
    assert report.kind in ("not-a-bounce", "auto-reply")


def test_no_real_bounce_cut_anywhere_raises_or_becomes_worse_than_it_is() -> None:
    for name, kind in KIND_OF.items():
        raw = (real() / f"{name}.txt").read_bytes()
        for end in range(0, len(raw), max(1, len(raw) // 12)):
            kinds = {report.kind for report in bounces.read(raw[:end])}
            assert kinds <= set(verdict.KINDS)
            if kind in ("not-a-bounce", "auto-reply", "unknown"):
                assert "hard" not in kinds, (name, end)


@given(st.binary(max_size=2000))
def test_any_bytes_give_a_report(raw: bytes) -> None:
    assert bounces.read(raw)
    assert bounces.read(raw, envelope=raw.decode("latin-1"))


SAMPLES = [a_notification(diagnostic="550 5.1.1 no such user"), a_complaint(), a_mail()]


@settings(deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_mail_with_bytes_changed_gives_a_report(raw: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    assert bounces.read(raw[:start] + data.draw(st.binary(max_size=30)) + raw[end:])


def test_a_deeply_nested_mail_gives_a_report() -> None:
    head = "Content-Type: multipart/mixed; boundary=b{0}\n\n--b{0}\n"
    assert bounces.read("".join(head.format(n) for n in range(3000)).encode())
    assert bounces.read(b"Content-Type: message/rfc822\n\n" * 3000)


@pytest.mark.parametrize(
    "body",
    [b"\n" * 10**6, b"-" * 10**6, b"---\n" * 10**5, b"<" * 10**6, b"a@" * 10**6, b" \n" * 10**6,
     b"user unknown a@b.c " * 10**5, b"<a@b.c>: 550 no such user\n" * 10**5],
)  # fmt: skip
def test_a_mail_made_to_take_long_does_not(body: bytes) -> None:
    for head in (b"From: postmaster@x\n\n", b"From: ", b"From: postmaster@x\nSubject: "):
        assert bounces.read(head + body)


def test_a_header_that_is_no_ascii_hides_no_bounce() -> None:
    head = b"From: P\xff\xfe <postmaster@x>\nSubject: Returned mail\n\n"
    said = b"----- The following addresses had permanent fatal errors -----\n<ada@example.org>\n\n"
    raw = head + said
    assert [(r.kind, r.recipient) for r in bounces.read(raw)] == [("soft", "ada@example.org")]


# RFC 3464.


@pytest.mark.parametrize(
    ("status", "diagnostic", "kind"),
    [
        *((code, "", "hard") for code in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")),
        ("5.0.0", "550 5.1.1 <ada@example.org>: Recipient address rejected", "hard"),
        ("5.0.0", "550 user unknown", "hard"),
        ("5.0.0", "550 go away", "soft"),
        ("5.2.2", "552 5.2.2 mailbox full", "soft"),
        ("5.0.0", "552 quota exceeded", "soft"),
        ("5.0.0", "550 unknown user: over quota", "soft"),
        ("4.4.7", "delivery time expired", "soft"),
        ("4.2.2", "452 4.2.2 mailbox full", "soft"),
        ("5.4.4", "host not found", "soft"),
        ("5.7.13", "account disabled", "soft"),
        ("5.0.0", "", "soft"),
        *((f"5.7.{detail}", "", "policy") for detail in (1, 25, 26, 28, 29, 515)),
        ("4.7.28", "rate", "policy"),
        ("5.3.4", "message too big", "policy"),
        ("5.5.2", "syntax error", "policy"),
        ("5.1.8", "bad sender's address", "policy"),
        ("5.0.0", "554 rejected as spam", "policy"),
        ("5.2.1", "550 blocked using zen.spamhaus.org", "policy"),
        ("2.0.0", "", "not-a-bounce"),
    ],
)
def test_a_failure_is_judged_by_its_code_then_by_its_words(
    status: str, diagnostic: str, kind: str
) -> None:
    report = one(a_notification(status, diagnostic=diagnostic))
    assert (report.kind, report.recipient) == (kind, "ada@example.org")


@pytest.mark.parametrize("action", ["delayed", "relayed", "delivered", "expanded", "Delayed (x)"])
def test_what_did_not_fail_is_no_failure_whatever_its_code(action: str) -> None:
    assert one(a_notification("5.1.1", action=action)).kind == "not-a-bounce"


def test_the_original_recipient_counts_and_not_where_it_was_passed_on_to() -> None:
    raw = a_notification(
        recipient="x@inside.example.org\nOriginal-Recipient: rfc822;Ada@example.org"
    )
    assert one(raw).recipient == "ada@example.org"


def test_each_recipient_of_a_notification_has_its_own_report() -> None:
    more = "\nFinal-Recipient: rfc822; bo@example.org\nAction: failed\nStatus: 4.2.2\n"
    found = bounces.read(a_notification(more=more))
    assert [(r.recipient, r.kind) for r in found] == [
        ("ada@example.org", "hard"),
        ("bo@example.org", "soft"),
    ]


def test_token_and_message_id_of_a_notification_are_found() -> None:
    to = f"B+{TOKEN.upper()}@papers.example.org"
    report = one(a_notification(to=to, message_id="abc@example.org"))
    assert (report.token, report.message_id) == (TOKEN, "abc@example.org")


def test_a_notification_that_a_person_passes_on_is_not_believed() -> None:
    inner = a_notification().decode()
    raw = (
        "From: Bo <bo@example.org>\nSubject: Look at this\nContent-Type: multipart/mixed; "
        f"boundary=o\n\n--o\n\nSee below.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    )
    assert {r.kind for r in bounces.read(raw.encode())} <= {"not-a-bounce", "unknown"}


# RFC 5965.


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("abuse", "complaint"),
        ("opt-out", "complaint"),
        ("auth-failure", "not-a-bounce"),
        ("not-spam", "not-a-bounce"),
        ("virus", "not-a-bounce"),
    ],
)
def test_only_abuse_and_opt_out_are_complaints(kind: str, outcome: str) -> None:
    report = one(a_complaint(kind, message_id="abc@example.org"))
    assert (report.kind, report.recipient) == (outcome, "ada@example.org")
    assert report.message_id == "abc@example.org"


# Automatic answers, people, leaving.


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        ("I am away", "Auto-Submitted: auto-replied\n"),
        ("I am away", "Auto-Submitted: auto-replied (vacation)\n"),
        ("I am away", "X-Autoreply: yes\n"),
        ("I am away", "Precedence: auto_reply\n"),
        ("Out of Office: 3 papers", ""),
        ("Automatic reply: 3 papers", "Return-Path: <>\n"),
        ("=?utf-8?q?Automatische_Antwort=3A_3_papers?=", ""),
    ],
)
def test_a_vacation_answer_is_none_whatever_it_quotes(subject: str, headers: str) -> None:
    body = "I no longer work here.\n\n> 550 5.1.1 <bo@example.org>: user unknown"
    assert one(a_mail(subject, body, headers=headers)).kind == "auto-reply"


def test_a_persons_answer_that_quotes_a_bounce_is_no_failure() -> None:
    quoted = "This is the qmail-send program.\n<bo@example.org>:\nuser unknown (#5.1.1)"
    assert {r.kind for r in bounces.read(a_mail("Strange", quoted))} <= {"not-a-bounce", "unknown"}


@pytest.mark.parametrize(
    ("subject", "body"), [("Unsubscribe", ""), ("", "unsubscribe"), ("re: UNSUBSCRIBE me", "x")]
)
def test_a_mail_to_the_address_for_leaving_asks_to_leave(subject: str, body: str) -> None:
    report = one(a_mail(subject, body, to=f"unsub+{TOKEN}@papers.example.org"))
    assert (report.kind, report.token) == ("unsubscribe", TOKEN)


def test_the_word_elsewhere_asks_for_nothing() -> None:
    assert one(a_mail("Unsubscribe", to=f"b+{TOKEN}@papers.example.org")).kind == "not-a-bounce"
    assert one(a_mail("Hello", to=f"unsub+{TOKEN}@papers.example.org")).kind == "not-a-bounce"


# Tokens.


@given(st.integers(0, 2**63 - 1), st.text(max_size=40))
def test_a_token_names_its_row_in_any_case_and_fits_a_local_part(row: int, about: str) -> None:
    token = verp.make(SECRET, verp.BOUNCE, row, about)
    assert verp.row_of(token) == verp.row_of(token.upper()) == row
    assert verp.is_true(token.upper(), SECRET, verp.BOUNCE, row, about)
    local = verp.address(verp.UNSUBSCRIBE, token, "bounces@papers.example.org").partition("@")[0]
    assert len(local) <= 64
    assert local == local.lower()


@given(st.integers(0, 2**63 - 1), st.integers(0, 25), st.sampled_from("abcdefghijklmnop234567"))
def test_a_changed_token_is_not_ours(row: int, place: int, letter: str) -> None:
    token = verp.make(SECRET, verp.BOUNCE, row, "k")
    changed = token[:place] + letter + token[place + 1 :]
    found = verp.row_of(changed)
    assert found is not None
    assert verp.is_true(changed, SECRET, verp.BOUNCE, found, "k") == (changed == token)


def test_a_token_serves_its_purpose_and_its_delivery_alone() -> None:
    assert not verp.is_true(TOKEN, SECRET, verp.UNSUBSCRIBE, 7, "k")
    assert not verp.is_true(TOKEN, SECRET, verp.BOUNCE, 7, "another delivery of that row")
    assert not verp.is_true(TOKEN, bytes(32), verp.BOUNCE, 7, "k")


@given(st.text(max_size=30))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    row = verp.row_of(text)
    assert row is None or not verp.is_true(text, SECRET, verp.BOUNCE, row)


# The score of soft ones.


def days(*numbers: float) -> list[tuple[int, object]]:
    return [(n, NOON + timedelta(days=number)) for n, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("came_back", "accepted", "enough"),
    [
        ((0, 7, 14), (), True),
        ((0, 7, 13.9), (), True),  # a minute early in its week, another date all the same
        ((0, 7, 13), (), False),
        ((0, 20), (), False),
        ((0, 7, 14), (1,), True),  # kept for six days only
        ((0, 9, 16), (1,), False),
        ((0, 9, 14), (8,), True),
        ((0, 20, 40), (5,), False),
        (range(15), (), True),
        (range(14), (), False),
    ],
)
def test_three_editions_in_two_weeks_are_enough_unless_one_was_kept_for_a_week(
    came_back: tuple[float, ...], accepted: tuple[float, ...], enough: bool
) -> None:
    kept = [NOON + timedelta(days=day, hours=-1) for day in accepted]
    assert score.is_enough(days(*came_back), kept) == enough  # type: ignore[arg-type]


# Files.


def test_an_mbox_gives_its_mails_and_one_mail_gives_itself(tmp_path: Path) -> None:
    first, second = a_mail("One", "From here on: nothing.\n\nFrom now on we write."), a_mail("Two")
    line = b"From MAILER-DAEMON Fri Nov 20 12:00:00 2026\n"
    assert mailboxes.mails(line + first + b"\n" + line + second) == [first + b"\n", second]
    assert mailboxes.mails(line + first) == [first]
    assert mailboxes.mails(first) == [first]
    assert mailboxes.mails(b"") == [b""]


def test_of_a_maildir_only_what_is_delivered_is_read(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_bytes(a_mail())
    assert list(mailboxes.files(tmp_path)) == [tmp_path / "new" / "1", tmp_path / "cur" / "1"]
