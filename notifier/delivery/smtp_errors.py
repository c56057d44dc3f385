"""What a failure means: for one mail, or for the server. Pure.

`where` names the server. Texts show no password and no address.
"""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections.abc import Iterable

from aiosmtplib import SMTPAuthenticationError, SMTPResponseException

from notifier.errors import MailerDown, SendError

REPLY_CHARACTERS = 500
_LOGIN_FIRST = 530  # "authentication required", "must issue STARTTLS first": RFC 4954, RFC 3207
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\s*")


def no_address() -> SendError:
    """An address that cannot even be said (RFC 3463, 3.2)."""
    return SendError("rcpt", 553, "5.1.3", "this is no address that SMTP can carry")


def needs_utf8(where: str) -> SendError:
    """A local part that only SMTPUTF8 can carry, for a server without it (RFC 6531, 3.5)."""
    reply = f"the local part is not ASCII, and {where} does not offer SMTPUTF8"
    return SendError("rcpt", 553, "5.6.7", reply)


def unwanted(
    stage: str, answer: SMTPResponseException, addresses: Iterable[str], where: str
) -> SendError | MailerDown:
    """An answer that is none of the wanted ones. `addresses` are not shown."""
    code, reply = answer.code, words(answer.message, addresses, "<recipient>")
    if code == _LOGIN_FIRST:
        return MailerDown(
            f"{where} wants a login or TLS first: {code} {reply} - check smtp.user and "
            "smtp.security"
        )
    if not 400 <= code < 600:  # garbage, or an answer to something else
        return SendError(stage, 0, reply=reply, in_doubt=stage == "dot")
    enhanced = _ENHANCED.match(reply)
    rest = reply[enhanced.end() :] if enhanced else reply
    return SendError(stage, code, enhanced.group(1) if enhanced else "", rest)


def silence(stage: str, error: Exception, where: str) -> SendError | MailerDown:
    """No answer at all."""
    if stage == "connect":
        return unreachable(error, where)
    return SendError(stage, 0, reply=type(error).__name__, in_doubt=stage == "dot")


def login_refused(
    error: SMTPAuthenticationError, user: str, password: str, where: str
) -> MailerDown:
    """An answer to AUTH; some servers repeat what they were told."""
    name, word = user.encode(), password.encode()
    said = (word, b"\0" + name + b"\0" + word, name + b"\0" + name + b"\0" + word)
    secrets = [password, *(b64encode(one).decode() for one in said)]
    reply = words(error.message, secrets, "***")
    if not 500 <= error.code < 600:
        return MailerDown(f"{where} takes no login now: {error.code} {reply}")
    return MailerDown(
        f"{where} refused the login: {error.code} {reply} - check smtp.user and "
        "smtp.password (many providers want an app password)",
        login_refused=True,
    )


def unreachable(error: BaseException, where: str) -> MailerDown:
    """No connection, no TLS, or no greeting."""
    if isinstance(error, SMTPResponseException):
        return MailerDown(f"{where} takes nothing: {error.code} {words(error.message)}")
    said = str(error) or type(error).__name__
    is_tls = isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError)
    if is_tls or "STARTTLS" in said:
        return MailerDown(
            f"{where}: no TLS as smtp.security asks ({said}); nothing was sent in the clear"
        )
    return MailerDown(f"{where} cannot be reached: {said}")


def words(message: str, secrets: Iterable[str] = (), instead: str = "") -> str:
    """A server's words on one line, fit for a log and a database whatever bytes they were.

    `secrets` are what must not be shown, in any case; `instead` stands there.
    """
    lower = message.lower()
    for secret in (one for one in secrets if one and one.lower() in lower):
        message = re.sub(re.escape(secret), lambda _: instead, message, flags=re.IGNORECASE)
    if not message.isprintable():  # line ends, too
        printable = message.encode("utf-8", "replace").decode("utf-8")
        message = "".join(c if c.isprintable() else " " for c in printable)
    return " ".join(message.split())[:REPLY_CHARACTERS]
