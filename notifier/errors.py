"""Every error a caller can do something about, in one tree.

    NotifierError               one clear line for the user; `exit_code` from the design
    ├── UsageError              wrong command, option or value                    exit 2
    │   └── ConfigError         the configuration cannot be used                  exit 2
    ├── NotFound                no such paper, subscriber, profile, digest         exit 4
    ├── Conflict                what is asked for does not go with what there is    exit 1
    │   └── Followed            a profile's rules are others' to change           exit 1
    ├── TooOften                something is asked for again and again            exit 1
    ├── Busy                    another process holds what this one needs         exit 5
    │   └── Locked              namely the database                               exit 5
    ├── SourceError             a source did not answer with what it promises     exit 1
    ├── MailboxError            the mailbox of bounces cannot be read             exit 1
    ├── DnsError                no name server answers                            exit 1
    ├── DatabaseError           the database cannot be used as it is              exit 1
    │   └── Unavailable         not now: a full disk, a read-only file, no server exit 1
    ├── TemplateError           a template is missing or broken                   exit 1
    ├── BadToken                a link is forged, foreign or cut short            exit 1
    │   └── ExpiredToken        a link of ours that is too old                    exit 1
    └── MailError
        ├── SendError           the server refused one message                    exit 1
        ├── MailerDown          the server takes nothing; no message is to blame  exit 1
        └── MailTraceError      Postfix cannot be asked what became of a mail     exit 1

Texts carry what, where and what to do; never a secret, and never a subscriber's address
unless the user has just typed it.
"""

from __future__ import annotations

from datetime import timedelta


class NotifierError(Exception):
    """Base of all; `str(error)` is the line the user reads."""

    exit_code = 1


class UsageError(NotifierError):
    """The command cannot be carried out as it was given."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration is wrong; the text names file, line and key."""


class NotFound(NotifierError):
    """What the user named does not exist."""

    exit_code = 4


class Conflict(NotifierError):
    """What is asked for does not go with what there is now, as a second one of a name."""


class Followed(Conflict):
    """A profile follows a shared one, whose owners alone change its rules."""


class TooOften(NotifierError):
    """More was asked for than anybody needs; trying again later is right."""


class Busy(NotifierError):
    """Another process holds the lock; trying again later is right."""

    exit_code = 5


class Locked(Busy):
    """Another process is writing to the database."""


class SourceError(NotifierError):
    """A source could not be read as a whole (single bad entries are problems, not errors).

    `refused` is true when the service will not answer this request however often it is asked;
    `unreachable` when it answers nobody at the moment.
    """

    def __init__(self, text: str, *, refused: bool = False, unreachable: bool = False) -> None:
        super().__init__(text)
        self.refused, self.unreachable = refused, unreachable


class MailboxError(NotifierError):
    """The mailbox of bounces cannot be read; `refused` when its server does not know the login."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class DnsError(NotifierError):
    """DNS cannot be asked, or does not answer: whether there is a record is not known."""


class DatabaseError(NotifierError):
    """The database is broken, or of a newer version."""


class Unavailable(DatabaseError):
    """The database cannot be written, or not reached, at present: trying again later is right."""


# Nobody's fault, and over some time: whoever tries again then loses nothing.
NOT_NOW = (Busy, Unavailable)


class TemplateError(NotifierError):
    """A mail template could not be rendered."""


class BadToken(NotifierError):
    """A signed link does not verify, or was made for another purpose."""


class ExpiredToken(BadToken):
    """A signed link of ours, about the row `row`, is older than `life`."""

    def __init__(self, row: int, life: timedelta) -> None:
        super().__init__(f"this link is older than {life.days} days")
        self.row, self.life = row, life


class MailError(NotifierError):
    """Sending failed; the children tell whose fault it is."""


class SendError(MailError):
    """The server refused one message, at `stage`, with `code` (RFC 5321, 4.2).

    Stages are `mail`, `rcpt`, `data` (up to the final dot) and `dot` (the answer to it).
    `code` 0 means that no reply came. `enhanced` is the RFC 3463 status or "".
    `in_doubt` is true when the message had been sent to its final dot and no answer came:
    the server may have taken it. The address is left out of the text.
    """

    def __init__(
        self, stage: str, code: int, enhanced: str = "", reply: str = "", in_doubt: bool = False
    ) -> None:
        super().__init__(f"{stage}: {code or 'no reply'} {enhanced} {reply}".replace("  ", " "))
        self.stage, self.code, self.enhanced, self.reply = stage, code, enhanced, reply
        self.in_doubt = in_doubt

    @property
    def permanent(self) -> bool:
        """True for a 5yz reply: do not try this one again (RFC 5321, 4.2.1)."""
        return 500 <= self.code < 600


class MailerDown(MailError):
    """The mail server cannot be used at all: not reached, TLS refused, login refused.

    `login_refused` is true when it answered AUTH with 5yz, as 535 for a wrong password (RFC 4954,
    6): asking again with the same login is of no use, and may lock the account. It is false for
    4yz, as 454, and for everything else.
    """

    def __init__(self, text: str, *, login_refused: bool = False) -> None:
        super().__init__(text)
        self.login_refused = login_refused


class MailTraceError(MailError):
    """What became of a mail cannot be found out: no log, no queue; the text says which and why."""
