"""What a failure says of its recipient: gone, unreachable for now, or nothing since it is ours.

Pure. By enhanced status code (RFC 3463, RFC 5248, RFC 7505), the reply's code and the words, in
this order of trust. On any doubt the milder is chosen: "hard" ends all mail to somebody.
Source: docs/bounces.md, the table.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

Kind = Literal[
    "hard",
    "soft",
    "policy",
    "complaint",
    "auto-reply",
    "unsubscribe",
    "not-a-bounce",
    "unknown",
]

KINDS: tuple[Kind, ...] = get_args(Kind)

HARD = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
# Of us, our mail or our sender, whoever it was for: X.1.7 and X.1.8 sender's address, X.2.3 and
# X.3.4 size, X.5 protocol, X.6 content, X.7 policy and security. X.7.13: an account is disabled.
_OURS = re.compile(r"5\.1\.[78]|5\.2\.3|5\.3\.4|5\.[56]\.\d+|[45]\.7\.(?!13$)\d+")
_UNDEFINED = re.compile(r"[45]\.\d+\.0")
_CODE = re.compile(
    r"(?:^\s{0,8}|[45]\d\d[\s:#-]{1,3}|#|-- )\(?([245]\.\d{1,3}\.\d{1,3})(?!\d|\.\d)", re.MULTILINE
)
_REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
_SPAM = re.compile(
    r"spam|unsolicited|black ?list|block ?list|dnsbl|\brbl\b|reputation|\bdkim\b|\bdmarc\b"
    r"|\bspf\b|blocked (?:using|by|for)|relay(?:ing)? (?:access )?denied|unable to relay"
    r"|not permitted to relay|virus|rate ?limit|too many hops|\bloop"
    r"|max\w* .{0,20}message size|message .{0,20}too (?:big|large)",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"unknown (?:or illegal )?(?:user|recipient|address|local)|(?:user|recipient|addressee|mailbox"
    r"|account|address)(?: is| was)? (?:unknown|not (?:found|known|listed)|invalid)"
    r"|no such (?:user|person|mailbox|recipient|address|account)|no mailbox here"
    r"|(?:user|mailbox|account|recipient|address)\S* (?:does ?n[o']t|does not) exist"
    r"|not a valid (?:user|mailbox|recipient)|doesn't have (?:a|an) \S+ account"
    r"|no longer (?:valid|available|in use|active)|invalid recipient",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"quota|mailbox (?:is )?full|full mailbox|over ?quota|exceeded? .{0,20}storage", re.IGNORECASE
)
NOT_YET = re.compile(
    r"delayed|postponed|not yet been delivered|still (?:being|trying)|will (?:continue|keep)"
    r"|continue to (?:try|be made)|will be re-?tried|attempts will continue",
    re.IGNORECASE,
)


def status_in(words: str) -> str:
    """Return the first enhanced code that stands like one in a text, or ""."""
    found = _CODE.search(words)
    return found[1] if found else ""


def is_told(status: str, diagnostic: str) -> bool:
    """Whether the fields of a report say why; X.X.0 and no reply's code say nothing."""
    return bool(status and not _UNDEFINED.fullmatch(status)) or bool(_REPLY.search(diagnostic))


def judge(status: str, words: str) -> Kind:
    """Return what a failure is; `status` is its enhanced code or "".

    A failure that gives no reason is a soft one: it counts, and only many of them end mail.
    """
    if status.startswith("2."):
        return "not-a-bounce"
    nobody = bool(_NOBODY.search(words))
    if _OURS.fullmatch(status) or (_SPAM.search(words) and not nobody):
        return "policy"
    if status in HARD:
        return "hard"
    if (status and not _UNDEFINED.fullmatch(status)) or status.startswith("4."):
        return "soft"
    # RFC 5321, 4.2.3: 550, 551 and 553 refuse a mailbox; without the words they refuse anything.
    reply = _REPLY.search(words)
    if nobody and not _FULL.search(words) and reply and reply[1] in ("550", "551", "553"):
        return "hard"
    return "soft"
