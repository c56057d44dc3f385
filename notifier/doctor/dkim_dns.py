"""DKIM: whether the records in DNS are those of the private keys that mails are signed with."""

from __future__ import annotations

from datetime import UTC, datetime

from notifier import errors, signing
from notifier.delivery import dkim
from notifier.delivery.dkim_check import verified
from notifier.doctor.finding import Finding, failed, ok, warning
from notifier.doctor.sender_dns import no_domain, tags, unasked
from notifier.doctor.setup import Setup

_MADE = datetime(2026, 1, 1, tzinfo=UTC)  # of a sample that nobody gets


async def ask_dkim(setup: Setup) -> list[Finding]:
    """Look at the record of each configured key."""
    warnings: list[str] = []
    keys = signing.keys(setup.settings, warnings.append)
    exposed = [
        warning("dkim", said, f"Run: {said.rpartition(' - ')[2]} FILE.") for said in warnings
    ]
    domain = signing.domain(setup.settings)
    if nothing := no_domain(setup, "dkim", domain):
        return [*exposed, nothing]
    if not keys:
        said = "mails are not signed by this program"
        remedy = 'Run "notifier dkim new", unless your mail server signs with your domain.'
        return [warning("dkim", said, remedy)]
    return [*exposed, *[await _asked(setup, key, domain) for key in keys]]


async def _asked(setup: Setup, key: dkim.Key, domain: str) -> Finding:
    name = dkim.record_name(key.selector, domain)
    publish = f'Publish the TXT record at {name}; "notifier dkim check" prints it.'
    try:
        found = await setup.resolver.ask(name, "TXT")
    except errors.DnsError as error:
        return unasked("dkim", error)
    if len(found) != 1:
        said = f"{name} has {len(found)} records" if found else f"{name} has no record"
        return failed("dkim", said, publish)
    record = tags(found[0])
    if record.get("p") == "":
        return failed("dkim", f"{name}: the key is revoked (p= is empty)", publish)
    if not _holds(key, domain, found[0]):
        return failed("dkim", f"{name} is the record of another key than the private one", publish)
    if "y" in record.get("t", "").split(":"):
        return warning("dkim", f"{name} says t=y: a test, that receivers need not heed", publish)
    return ok("dkim", f"{name} is the record of the {key.kind} key")


def _holds(key: dkim.Key, domain: str, record: str) -> bool:
    """Whether a signature of the private key verifies against a record; RSA need not be named."""
    record = record if "k" in tags(record) else f"k=rsa; {record}"
    mail = f"From: notifier@{domain}\r\nSubject: A sample\r\n\r\nA sample.\r\n".encode("ascii")
    signed = dkim.sign(mail, [key], domain=domain, at=_MADE)
    return all(verified(signed, lambda name: record).values())
