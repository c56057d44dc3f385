"""What a mail to the bounce address is: a failure, a complaint, somebody leaving, or nothing.

Pure, and total: any bytes give a report, none an exception. Read in this order: a delivery status
notification (RFC 3464), an abuse report (RFC 5965), a wish to leave, an automatic answer
(RFC 3834), then whatever flufl.bounce finds an address in, which is never believed more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.message import Message

from notifier.delivery import foreign, opened, verdict
from notifier.delivery.verdict import Kind

REASON_CHARACTERS = 300
_TOKEN = re.compile(r"(?<![\w+])(b|unsub)\+([a-z2-7]{26})@", re.IGNORECASE)
_TOKEN_HEADERS = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_ACTIONS = {"failed": "failed", "failure": "failed", "error": "failed", "delayed": "delayed"}
_ACTIONS |= {one: one for one in ("relayed", "delivered", "expanded")}
_COMPLAINTS = ("abuse", "opt-out")
_VACATION = re.compile(
    r"\s*(?:re: |aw: )?(?:automatic reply|auto(?:matic|mated)?[- ]?(?:reply|response)|out of"
    r"(?: the)? office|away from|on vacation|vacation|automatische (?:antwort|abwesenheit)"
    r"|abwesenheit|r[ée]ponse automatique|respuesta autom[áa]tica|autosvar)",
    re.IGNORECASE,
)
_RETURNS = re.compile(
    r"undeliver|(?:delivery|mail) (?:has )?fail|delivery (?:status|failure)|returned (?:mail|to)"
    r"|failure notice|(?:not|n't) be delivered|non[- ]delivery",
    re.IGNORECASE,
)
_LEAVE = re.compile(r"\s*(?:re:\s*)?unsubscribe\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail says of one recipient.

    `recipient` is an address in lower case or ""; `status` an enhanced code or ""; `token` what
    stood behind `b+`, or `unsub+` for kind "unsubscribe", not verified; `message_id` that of the
    mail that came back.
    """

    kind: Kind
    recipient: str = ""
    status: str = ""
    reason: str = ""
    token: str = ""
    message_id: str = ""


def read(raw: bytes, *, envelope: str = "") -> tuple[Report, ...]:
    """Return a report for each recipient that a mail speaks of, at least one.

    Args:
        envelope: Envelope recipient, where it is known: a token is looked for there first.
    """
    try:
        return _read(opened.parse(raw), envelope)
    except Exception as error:  # of any kind: what strangers send stops nobody
        return (Report("unknown", reason=f"cannot be read: {type(error).__name__}"),)


def _read(message: Message, envelope: str) -> tuple[Report, ...]:
    tokens = _tokens(message, envelope)
    readers: tuple[Callable[[], list[Report]], ...] = (
        lambda: _status_reports(message),
        lambda: _complaints(message),
        lambda: _leaving(message, tokens.get("unsub", "")),
        lambda: _automatic(message),
        lambda: _foreign(message),
    )
    found = next(filter(None, (reader() for reader in readers)), None) or [_rest(message)]
    ours = opened.returned_message_id(message)
    return tuple(
        replace(
            one,
            reason=" ".join(one.reason.split())[:REASON_CHARACTERS],
            token=one.token or tokens.get("b", ""),
            message_id=one.message_id or ours,
        )
        for one in found
    )


def _tokens(message: Message, envelope: str) -> dict[str, str]:
    """The first token of each kind: in the envelope, then in what the servers wrote on top."""
    places = [envelope]
    for name in _TOKEN_HEADERS:
        places += opened.headers(message, name)
    found = [m for place in places for m in _TOKEN.finditer(place)]
    return {m[1].lower(): m[2].lower() for m in reversed(found)}


def _status_reports(message: Message) -> list[Report]:
    """RFC 3464, 2.1: the report is a part of multipart/report; some wrap it or call it mixed."""
    parts = opened.parts_of(message, "message/delivery-status")
    strict = message.get_content_type() == "multipart/report"
    if not parts or not (strict or opened.is_from_a_system(message)):
        return []
    notice = opened.notice(message)
    blocks = [block for part in parts for block in opened.blocks(part)]
    reports = [one for block in blocks if (one := _recipient_report(block, notice))]
    if len(reports) == 1 and not reports[0].recipient and len(a := foreign.addresses(message)) == 1:
        return [replace(reports[0], recipient=a[0])]
    return list(dict.fromkeys(reports))


def _recipient_report(block: Message, notice: str) -> Report | None:
    """RFC 3464, 2.3: the fields of one recipient; None for those of the mail (2.2)."""
    recipient = _typed_address(block, "Original-Recipient") or _typed_address(
        block, "Final-Recipient"
    )
    written = opened.header(block, "Status")
    action = _ACTIONS.get(
        (re.findall(r"[a-z]+", opened.header(block, "Action").lower()) or [""])[0]
    )
    if not (recipient or block["Final-Recipient"]) or not (action or written):
        return None
    diagnostic = " ".join(opened.headers(block, "Diagnostic-Code"))
    words = " ".join((written, diagnostic, opened.header(block, "Action")))
    status = _status(written, diagnostic)
    if action in (None, "failed"):
        if not verdict.is_told(status, diagnostic):
            words = f"{words} {notice}"
            status = verdict.status_in(notice) or status
        kind = verdict.judge(status, words)
        return Report(kind, recipient, status, diagnostic or written or notice)
    said = "still being tried" if action == "delayed" else action
    return Report("not-a-bounce", recipient, status, f"{said}: {diagnostic or written}")


def _status(written: str, diagnostic: str) -> str:
    """The code of the field, or of the server's own words where the field tells nothing."""
    found = re.match(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)", written)
    status = found[1] if found else ""
    return (
        status
        if status and not status.endswith(".0")
        else (verdict.status_in(diagnostic.partition(";")[2] or diagnostic) or status)
    )


def _typed_address(block: Message, name: str) -> str:
    """`rfc822; ada@example.org` (RFC 3464, 2.1.2): the address, or "" for other kinds."""
    kind, separator, rest = opened.header(block, name).partition(";")
    written = rest if separator else kind
    if separator and kind.strip().lower() not in ("rfc822", "utf-8"):
        return ""
    return opened.address_in(written)


def _complaints(message: Message) -> list[Report]:
    """RFC 5965, 2 and 3: "abuse" is a complaint; "auth-failure" (RFC 6591) and others are not."""
    parts = opened.parts_of(message, "message/feedback-report")
    if not parts or message.get_content_type() != "multipart/report":
        return []
    fields = next(iter(opened.blocks(parts[0])), Message())
    kind = opened.header(fields, "Feedback-Type").strip().lower()
    told = _TOKEN.search(opened.header(fields, "Original-Mail-From"))
    return [
        Report(
            "complaint" if kind in _COMPLAINTS else "not-a-bounce",
            opened.address_in(opened.header(fields, "Original-Rcpt-To")),
            reason=f"feedback report: {kind or 'of no kind'}",
            token=told[2].lower() if told and told[1].lower() == "b" else "",
        )
    ]


def _leaving(message: Message, token: str) -> list[Report]:
    """RFC 2369, 3.2: the mail that a reader's program sends to the address of List-Unsubscribe."""
    if not token:
        return []
    asked = (opened.subject(message), opened.notice(message))
    if not any(_LEAVE.match(words) for words in asked):
        return []
    sender = opened.address_in(opened.header(message, "From"))
    return [Report("unsubscribe", sender, reason="asked by mail", token=token)]


def _automatic(message: Message) -> list[Report]:
    """RFC 3834, 5: an answer by no person. Some servers call their bounces so as well."""
    submitted = opened.header(message, "Auto-Submitted").lower().lstrip()
    precedence = opened.header(message, "Precedence").lower().strip()
    vacation = bool(_VACATION.match(opened.subject(message)))
    said = vacation or precedence == "auto_reply"
    said = said or any(
        message[name] for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder")
    )
    bounces = opened.is_from_a_system(message) and bool(foreign.addresses(message))
    if said or (submitted.startswith("auto-replied") and not bounces):
        sender = opened.address_in(opened.header(message, "From"))
        return [Report("auto-reply", sender, reason=opened.subject(message))]
    return []


def _foreign(message: Message) -> list[Report]:
    """A bounce in a format of its own: the address by flufl.bounce, all else from its words."""
    found = foreign.addresses(message)
    if not found:
        return []
    notice, subject = opened.notice(message), opened.subject(message)
    if not opened.is_from_a_system(message):
        return [Report("unknown", one, reason=f"no server's mail: {subject}") for one in found]
    status = verdict.status_in(notice)
    if verdict.NOT_YET.search(f"{subject} {notice}") and not status.startswith("5."):
        return [
            Report("not-a-bounce", one, status, f"still being tried: {subject}") for one in found
        ]
    kind = verdict.judge(status, f"{subject} {notice}")
    return [Report(kind, one, status, notice or subject) for one in found]


def _rest(message: Message) -> Report:
    """A person's mail, or a server's that nobody understands."""
    sender, subject = opened.address_in(opened.header(message, "From")), opened.subject(message)
    if sender and not opened.is_from_a_system(message) and not _RETURNS.search(subject):
        return Report("not-a-bounce", sender, reason=f"a mail: {subject}")
    return Report("unknown", "", verdict.status_in(opened.notice(message)), subject)
