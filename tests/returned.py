"""Mails that come back, written for the tests; each shows only what matters there."""

from __future__ import annotations

SENT = "Message-ID: <{message_id}>\nFrom: Papers <papers@example.org>\nSubject: 3 papers\n"


def a_notification(
    status: str = "5.1.1",
    *,
    to: str = "papers@example.org",
    recipient: str = "ada@example.org",
    action: str = "failed",
    diagnostic: str = "",
    message_id: str = "none@example.org",
    more: str = "",
) -> bytes:
    """Return a delivery status notification (RFC 3464); `more` are further recipients' fields."""
    said = f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else ""
    return f"""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

I am sorry.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
{said}{more}
--b1
Content-Type: text/rfc822-headers

{SENT.format(message_id=message_id)}
--b1--
""".encode()


def a_complaint(
    kind: str = "abuse", *, to: str = "fbl@example.org", message_id: str = "none@example.org"
) -> bytes:
    """Return an abuse report (RFC 5965)."""
    return f"""\
From: <feedback@mailbox.example.net>
To: {to}
Subject: FW: 3 papers
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Reporter/1.0
Version: 1
Original-Rcpt-To: <ada@example.org>

--b1
Content-Type: message/rfc822

{SENT.format(message_id=message_id)}
Papers about spam filters, and a request to unsubscribe.
--b1--
""".encode()


def a_mail(
    subject: str = "Hello",
    body: str = "Thank you.",
    *,
    to: str = "papers@example.org",
    headers: str = "",
    sender: str = "Ada <ada@example.org>",
) -> bytes:
    """Return a plain mail; `headers` are whole lines."""
    return f"From: {sender}\nTo: {to}\nSubject: {subject}\n{headers}\n{body}\n".encode()
