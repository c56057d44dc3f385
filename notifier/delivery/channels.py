"""Other channels than mail: which services there are, and what an address of theirs may be.

Pure. An address is a secret: who has it can write to the channel. It is shown cut, and taken out of
whatever a service answers. What an address could make the library do beside sending one message (a
file read, a second place, a redirect followed) is refused: only options named here are taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from notifier.errors import UsageError

URL_CHARACTERS = 1000
ANSWER_CHARACTERS = 300
# Shorter parts of an address are words like "api" that answers hold, too.
_SECRET_CHARACTERS = 6
_URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<rest>[!-~]+)")


def _as_it_is(text: str) -> str:
    return text


def _without_markup(text: str) -> str:
    """What Discord would read as markup or as calling somebody is read as it stands."""
    return re.sub(r"([\\*_~`|<>#\[\]])", r"\\\1", text).replace("@", "@\u200b")


def _bare(url: str) -> str:
    """Without a preview of the page, and calling nobody."""
    return f"<{url.replace('@', '%40')}>"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the schemes of its addresses, with an example, and the hosts that are asked.

    Without hosts, or where an address names another, it is asked where it says, if the operator
    allows that. Its messages hold `size_bytes`; `text` and `link` make ours safe to be shown.
    """

    name: str
    schemes: tuple[str, ...]
    example: str
    hosts: tuple[str, ...]
    size_bytes: int
    options: tuple[str, ...] = ()
    names_host: bool = False
    text: Callable[[str], str] = _as_it_is
    link: Callable[[str], str] = _as_it_is


# Sizes: below what each takes. Discord: 2,000 characters, Telegram: 4,096, ntfy: 4,096 bytes; Slack
# advises against more than 4,000.
SERVICES: Final = {
    one.name: one
    for one in (
        Service("slack", ("slack",), "slack://T…/B…/…", ("hooks.slack.com", "slack.com"), 3500),
        Service(
            "discord", ("discord",), "discord://ID/TOKEN", ("discord.com",), 1700,
            text=_without_markup, link=_bare,
        ),
        Service(
            "telegram", ("tgram",), "tgram://BOT-TOKEN/CHAT", ("api.telegram.org",), 3500,
            ("silent",),
        ),
        Service(
            "ntfy", ("ntfy", "ntfys"), "ntfys://TOPIC", ("ntfy.sh",), 3500, ("priority", "tags"),
            names_host=True,
        ),
        Service("webhook", ("json", "jsons"), "jsons://HOST/PATH", (), 20_000, ("+", "-"),
                names_host=True),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """An address that can be used; `host` is the one it names, "" where its service has its own.

    `shown` is what may be shown of it.
    """

    service: Service
    url: str = field(repr=False)
    host: str
    port: int | None
    shown: str


def parsed(typed: str) -> Address:
    """Return the address that was typed.

    Raises:
        UsageError: it is none, of no service, or asks for more than sending a message; the text
            holds nothing of it that is secret.
    """
    url = typed.strip()
    found = _URL.fullmatch(url) if len(url) <= URL_CHARACTERS else None
    if found is None:
        raise UsageError(f"this is no address of a channel - write one like {_examples()}")
    scheme = found["scheme"]
    service = next((one for one in SERVICES.values() if scheme in one.schemes), None)
    if service is None:
        raise UsageError(f"{scheme}:// is no channel - write one like {_examples()}")
    place, _, query = found["rest"].partition("?")
    _check_options(service, query)
    host, port = _host(service, place)
    # The first letters of a secret tell two channels apart; of a short one even they say much.
    begin = place[:2] if len(place) > 2 * _SECRET_CHARACTERS else ""
    written = f"[{host}]" if ":" in host else host
    named = f"{written}:{port}" if port else written
    shown = f"{scheme}://{named}/…" if host else f"{scheme}://{begin}…/…"
    return Address(service, url, host, port, shown)


def _examples() -> str:
    return ", ".join(one.example for one in SERVICES.values())


def _check_options(service: Service, query: str) -> None:
    for pair in re.split("[&;?]", query):
        name = unquote(pair.partition("=")[0])
        known = name in service.options or (name[:1] in "+-" and name[:1] in service.options)
        if name and not known:
            there = ", ".join(f"{one}…" if one in "+-" else one for one in service.options)
            raise UsageError(
                f'the option "{name}" cannot be used for {service.name} - there are: '
                f"{there or 'none'}"
            )


def _host(service: Service, place: str) -> tuple[str, int | None]:
    """The host and the port that an address names; "" where the service's own is asked."""
    if not service.names_host:
        return "", None
    try:
        parts = urlsplit(f"//{place}")
        port, name = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError:
        raise UsageError("a port lies between 0 and 65535") from None
    if not name:
        raise UsageError(f"no host stands in it - write it like {service.example}")
    is_own = service.name == "ntfy" and not parts.path.strip("/")  # a topic of the public server
    return ("", None) if is_own or name in service.hosts else (name, port)


def hidden(said: str, url: str) -> str:
    """Return what a service said on one line, without parts of the secret address."""
    for part in sorted(_parts(url), key=len, reverse=True):
        said = said.replace(part, "***")
    return " ".join(said.split())[:ANSWER_CHARACTERS]


def _parts(url: str) -> Iterable[str]:
    parts = re.split(r"[/:@?&=;,#]+", url)
    return {one for part in parts for one in (part, unquote(part)) if len(one) > _SECRET_CHARACTERS}
