"""Letters: single mails about a subscription, made, signed and put where they are sent from.

They hold no word that somebody typed, so that nobody can have us mail their text to strangers (but
the name of who invites, which is the operator's); and no List-Unsubscribe, since there is nothing
yet, or something else, to leave (RFC 8058, 6).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection

from notifier.digests import message
from notifier.digests.gaps import quoted
from notifier.digests.render import Templates
from notifier.digests.view import Service
from notifier.languages import language
from notifier.storage import store_letters
from notifier.storage.store_letters import Letter

Kind = Literal["confirm", "change", "invite"]
# Who asked for it waits for it; tomorrow they have forgotten.
LIFE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LetterSettings:
    """How letters are made: as digests are. `secret` names them."""

    service: Service
    sender: str
    reply_to: str
    secret: bytes
    templates: Templates
    sign: Callable[[bytes, datetime], bytes]


class Letters:
    """Writes letters."""

    def __init__(self, settings: LetterSettings) -> None:
        self._settings = settings

    def write(
        self,
        conn: Connection,
        kind: Kind,
        address: str,
        url: str,
        *,
        code: str,
        life: timedelta,
        now: datetime,
        is_wanted: bool = True,
        by: str = "",
    ) -> None:
        """Have a letter sent to an address, in a language; the same once more changes nothing.

        Args:
            url: Where its one link leads, which works for `life`.
            is_wanted: False: it is made and signed like any other, so that it takes as long, and
                is not kept.
            by: Who invites.
        """
        key = self._key(kind, address, now)
        content = self.content(kind, address, url, key=key, code=code, life=life, now=now, by=by)
        is_new = store_letters.put(conn, Letter(key, kind, address, content, now, now + LIFE))
        if is_new and not is_wanted:
            store_letters.take_back(conn, key)

    def content(
        self,
        kind: Kind,
        address: str,
        url: str,
        *,
        key: str,
        code: str,
        life: timedelta,
        now: datetime,
        by: str = "",
    ) -> bytes:
        """Return a letter's mail, signed."""
        settings, said = self._settings, language(code)
        name, contact = settings.service.name, settings.service.contact
        subject = {
            "confirm": said.gettext("Please confirm: new papers by mail"),
            "change": said.gettext("Your link to change the digests"),
            "invite": said.gettext("%(by)s invites you: new papers by mail", by=by),
        }[kind]
        footer = said.gettext("%(service)s, run by %(contact)s.", service=name, contact=contact)
        values = {
            "subject": subject,
            "service": name,
            "footer": footer if contact else name,
            "postal": settings.service.postal_address,
            "url": url,
            "days": life.days,
            "by": by,
        }
        html, text = (
            settings.templates.render(f"mail/{kind}.{part}.j2", code, **values)
            for part in ("html", "txt")
        )
        mail = message.Mail(
            key=key,
            sender=settings.sender,
            recipient=address,
            subject=subject,
            text=quoted(text),
            html=quoted(html),
            date=now,
            reply_to=settings.reply_to,
            is_list=False,
        )
        return settings.sign(message.build(mail), now)

    def _key(self, kind: Kind, address: str, now: datetime) -> str:
        about = f"letter:{kind}:{address}:{now.isoformat()}"
        return hmac.new(self._settings.secret, about.encode(), hashlib.sha256).hexdigest()[:32]
