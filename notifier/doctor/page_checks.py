"""Whether readers reach the pages, and whether it is this instance that they reach."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import httpx2 as httpx

from notifier import __version__, keys
from notifier.config_values import is_loopback
from notifier.doctor.finding import Finding, failed, ok, skipped, warning
from notifier.doctor.mail_checks import ends_soon
from notifier.doctor.setup import Setup
from notifier.subscriptions.links import Links
from notifier.subscriptions.tokens import Tokens

_HEALTH = "/healthz"
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
_NOBODY = 0


async def ask_daemon(setup: Setup) -> list[Finding]:
    """Whether the daemon's pages answer on this machine."""
    listen = setup.settings.site.listen
    if not listen:
        return [skipped("daemon", "site.listen is empty: it serves no pages that could be asked")]
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104
    try:
        answer = await _get(setup, f"http://{host}:{port}{_HEALTH}", is_here=True)
    except httpx.HTTPError as error:
        said = f"nobody answers at {listen}: {type(error).__name__}"
        return [failed("daemon", said, 'Start it: "notifier run", or systemctl start notifier.')]
    if answer.status_code != httpx.codes.OK:
        said = f"another program answers at {listen}: HTTP {answer.status_code}"
        return [failed("daemon", said, "Set site.listen to a port of its own.")]
    return [ok("daemon", f"answers at {listen}")]


async def ask_proxies(setup: Setup) -> list[Finding]:
    """Whether the right web servers are believed when they say who a reader is."""
    site = setup.settings.site
    wide = [one for one in site.trusted_proxies if ip_network(one).prefixlen == 0]
    if wide:
        said = f"{wide[0]} is everybody: anybody may claim any address"
        return [failed("proxies", said, "List the web servers in site.trusted_proxies alone.")]
    is_behind = site.public_url.startswith("https://") and site.listen
    if is_behind and not site.trusted_proxies:
        said = "the web server in front is not believed: all readers count as one"
        own = '["127.0.0.1"]' if is_loopback(site.listen.rpartition(":")[0]) else '["ITS ADDRESS"]'
        return [warning("proxies", said, f"Set site.trusted_proxies = {own}.")]
    named = ", ".join(site.trusted_proxies)
    return [ok("proxies", f"believed: {named}" if named else "none is needed")]


async def ask_public_url(setup: Setup) -> list[Finding]:
    """Whether the address in mails leads to this instance, as seen from this machine."""
    url = setup.settings.site.public_url.rstrip("/")
    host = httpx.URL(url).host
    if is_loopback(host) and not setup.settings.site.listen:
        return [skipped("public url", f"{url} is this machine's, and no pages are served")]
    try:
        answer = await _get(setup, url + _HEALTH)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = f"{url} is not reached: {str(error) or type(error).__name__}"
        remedy = "See that its name is in DNS and that the web server there passes requests on."
        return [failed("public url", said, remedy)]
    if answer.status_code != httpx.codes.OK:
        said = f"{url}{_HEALTH} answers HTTP {answer.status_code}"
        return [
            failed("public url", said, f"Let the web server pass requests to {_listen(setup)}.")
        ]
    return [*_certificate(setup, answer), await _is_ours(setup, url)]


def _listen(setup: Setup) -> str:
    return setup.settings.site.listen or "the daemon's site.listen"


def _certificate(setup: Setup, answer: httpx.Response) -> list[Finding]:
    stream = answer.extensions.get("network_stream")
    channel = stream.get_extra_info("ssl_object") if stream else None
    ends = (channel.getpeercert() or {}).get("notAfter") if channel else None
    if not ends:
        return []
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    if ends_soon(until, setup.clock()):
        said = f"its certificate ends on {until:%Y-%m-%d}"
        return [warning("public url", said, "Renew it; see why that was not done by itself.")]
    return [ok("public url", f"its certificate holds until {until:%Y-%m-%d}")]


async def _is_ours(setup: Setup, url: str) -> Finding:
    """Ask for a page by an old link of nobody: who has our keys knows that it is old."""
    known = keys.of_links(setup.database) if setup.database else []
    if not known:
        return ok("public url", f"{url} answers; whether as this instance is not known")
    link = Links(url, Tokens(*known)).change(_NOBODY, _LONG_AGO)
    answer = await _get(setup, link)
    if answer.status_code == httpx.codes.GONE:
        return ok("public url", f"{url} answers, as this instance")
    said = f"{url} answers, but does not know the links of this database"
    remedy = f"Let the web server pass requests to {_listen(setup)}, or correct database.url."
    return failed("public url", said, remedy)


async def _get(setup: Setup, url: str, *, is_here: bool = False) -> httpx.Response:
    """Ask for a page; what is on this machine by no proxy, whatever the environment says."""
    seconds = timedelta(seconds=setup.patience_seconds).total_seconds()
    agent = {"User-Agent": f"paper-notifier/{__version__} doctor"}
    async with httpx.AsyncClient(
        timeout=seconds, headers=agent, follow_redirects=False, trust_env=not is_here
    ) as client:
        return await client.get(url)
