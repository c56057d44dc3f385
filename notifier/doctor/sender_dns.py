"""What DNS says of those who send with our domains: SPF, DMARC, MX, and our address's own name."""

from __future__ import annotations

from collections.abc import Sequence

from notifier import errors, signing
from notifier.doctor import spf
from notifier.doctor.finding import Finding, failed, ok, skipped, warning
from notifier.doctor.setup import Address, Setup, is_example


def no_domain(setup: Setup, check: str, domain: str) -> Finding | None:
    """Return why nothing can be said of a domain in DNS, None where something can."""
    if not setup.sends:
        return skipped(
            check, f'mail.transport is "{setup.settings.mail.transport}": nothing leaves'
        )
    if is_example(domain):
        return skipped(check, f"{domain or 'no domain'} is no domain of yours: set mail.from first")
    return None


def unasked(check: str, error: errors.DnsError) -> Finding:
    """DNS did not answer: a gap in the report, and no fault of what was asked for."""
    return warning(check, str(error), "Try again; see whether this machine's name server answers.")


async def ask_spf(setup: Setup) -> list[Finding]:
    """Whether receivers may take mails with our return path from where they come."""
    domains = list(dict.fromkeys((setup.return_domain, setup.sender_domain)))
    return [await _spf(setup, domain) for domain in domains]


async def _spf(setup: Setup, domain: str) -> Finding:
    if nothing := no_domain(setup, "spf", domain):
        return nothing
    asked: list[Address | None] = [one for one in setup.outgoing if one.is_global]
    if not (setup.is_own_server and asked):
        asked = [None]
    try:
        readings = [(one, await spf.read(domain, setup.resolver, one)) for one in asked]
    except errors.DnsError as error:
        return unasked("spf", error)
    except ValueError as error:
        said = f"{domain}: the record cannot be used: {error}"
        return failed("spf", said, f"Correct the TXT record at {domain}.")
    judged = [_judged(setup, domain, address, reading) for address, reading in readings]
    return max(judged, key=lambda one: ("ok", "warning", "failed").index(one.state))


def _judged(setup: Setup, domain: str, address: Address | None, found: spf.Reading) -> Finding:
    """Decide what a record means for us. Pure."""
    ours = f"ip{address.version}:{address}" if address else "include:YOUR-MAIL-PROVIDER"
    add = f'Publish at {domain} a TXT record like "v=spf1 {ours} -all".'
    end = found.terms[-1] if found.terms else None
    if not found.record:
        return failed("spf", f"{domain} has no SPF record", add)
    if found.lookups > spf.MOST_LOOKUPS:
        said = f"{domain}: {found.lookups} lookups, and receivers stop at {spf.MOST_LOOKUPS}"
        return failed("spf", said, "Take out includes that no mail of yours comes from.")
    if found.is_open:
        said = f'{domain}: "+all" lets anybody send with this domain'
        return failed(
            "spf", said, f'End the TXT record at {domain}, or what it includes, with "-all".'
        )
    if address and found.result not in ("pass", "unknown"):
        said = f"{domain}: {address}, from where mails leave, is not allowed ({found.result})"
        return failed("spf", said, f'Put "{ours}" into the TXT record at {domain}.')
    if [term.name for term in found.terms] == ["all"]:
        return failed("spf", f"{domain}: nobody may send with this domain", add)
    if end is None or end.name not in ("all", "redirect") or end.sign == "?":
        said = f"{domain}: the record does not end with -all or ~all"
        return warning("spf", said, f'End the TXT record at {domain} with "-all".')
    who = f"allows {address}" if address else f"is {found.record}"
    return ok("spf", f"{domain} {who}; {found.lookups} of {spf.MOST_LOOKUPS} lookups")


async def ask_dmarc(setup: Setup) -> list[Finding]:
    """Whether there is a policy, and whether our mails keep it."""
    domain = setup.sender_domain
    if nothing := no_domain(setup, "dmarc", domain):
        return [nothing]
    try:
        where, found = await _policy(setup, domain)
    except errors.DnsError as error:
        return [unasked("dmarc", error)]
    if len(found) != 1:
        said = f"{len(found)} records at _dmarc.{where}" if found else f"{domain} has no policy"
        record = f'"v=DMARC1; p=none; rua=mailto:YOU@{domain}"'
        remedy = f"Publish one TXT record at _dmarc.{domain}, to begin with {record}."
        return [failed("dmarc", said, remedy)]
    return [_kept(setup, where, tags(found[0]))]


async def _policy(setup: Setup, domain: str) -> tuple[str, list[str]]:
    """The records of a domain, or of the next one above it that has any (RFC 9989, tree walk)."""
    labels = domain.split(".")
    for start in range(max(len(labels) - 1, 1)):
        above = ".".join(labels[start:])
        texts = await setup.resolver.ask(f"_dmarc.{above}", "TXT")
        if found := [text for text in texts if text.replace(" ", "").startswith("v=DMARC1")]:
            return above, found
    return domain, []


def _kept(setup: Setup, where: str, policy: dict[str, str]) -> Finding:
    """Decide whether a mail of ours is aligned: by DKIM or by its return path. Pure."""
    sender, level = setup.sender_domain, policy.get("p", "")
    if level not in ("none", "quarantine", "reject"):
        said = f"_dmarc.{where} has no p=none, p=quarantine or p=reject"
        return failed("dmarc", said, f"Correct the TXT record at _dmarc.{where}.")
    by: list[str] = []
    if setup.settings.dkim.private_key_file and aligned(
        signing.domain(setup.settings), sender, where, is_strict=policy.get("adkim") == "s"
    ):
        by.append("DKIM")
    if aligned(setup.return_domain, sender, where, is_strict=policy.get("aspf") == "s"):
        by.append("SPF")
    if not by:
        said = f"_dmarc.{where} says p={level}, and neither DKIM nor the return path is of {sender}"
        remedy = f"Sign with {sender}: see [dkim]; or take a mail.bounce_address in a domain of it."
        return failed("dmarc", said, remedy)
    said = f"_dmarc.{where} says p={level}; mails are aligned by {' and '.join(by)}"
    if "DKIM" not in by:
        remedy = 'Sign mails: "notifier dkim new" makes keys; unless your mail server signs them.'
        return warning("dmarc", f"{said}, which forwarding breaks", remedy)
    return ok("dmarc", said)


def tags(record: str) -> dict[str, str]:
    """Return `a=1; b=2` by name, in small letters but for the values."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def aligned(domain: str, sender: str, where: str, *, is_strict: bool) -> bool:
    """Return whether a domain counts as the sender's.

    Args:
        where: The domain whose policy it is: what is below one is of one organisation.
    """
    if is_strict or domain == sender:
        return domain == sender
    return all(one == where or one.endswith(f".{where}") for one in (domain, sender)) or (
        domain.endswith(f".{sender}") or sender.endswith(f".{domain}")
    )


async def ask_mx(setup: Setup) -> list[Finding]:
    """Whether mails to our own domains can arrive: answers, and what comes back."""
    domains = list(dict.fromkeys((setup.return_domain, setup.sender_domain)))
    return [await _mx(setup, domain) for domain in domains]


async def _mx(setup: Setup, domain: str) -> Finding:
    if nothing := no_domain(setup, "mx", domain):
        return nothing
    try:
        hosts = [one.split()[-1].rstrip(".") for one in await setup.resolver.ask(domain, "MX")]
        reached = [host for host in hosts or [domain] if await _has_address(setup, host)]
    except errors.DnsError as error:
        return unasked("mx", error)
    if reached:
        return ok("mx", f"{domain} takes mails at {', '.join(sorted(reached))}")
    said = f"{domain} has an MX record that leads nowhere" if hosts else f"{domain} takes no mails"
    remedy = f"Publish an MX record at {domain}: many refuse mails from where none can be sent to."
    return failed("mx", said, remedy)


async def _has_address(setup: Setup, host: str) -> bool:
    kinds: Sequence[str] = ("A", "AAAA")
    return bool(host) and any([await setup.resolver.ask(host, kind) for kind in kinds])  # type: ignore[arg-type]


async def ask_reverse(setup: Setup) -> list[Finding]:
    """Whether the address from which mails leave has a name that leads back to it."""
    if nothing := no_domain(setup, "reverse", setup.sender_domain):
        return [nothing]
    if not setup.is_own_server:
        said = f"mails leave by {setup.settings.smtp.host}, whose addresses are its own business"
        return [skipped("reverse", said)]
    own = [one for one in setup.outgoing if one.is_global]
    if not own:
        return [skipped("reverse", "this machine has no address of the Internet: it is not known "
                        "from which one mails leave")]  # fmt: skip
    return [await _reverse(setup, address) for address in own]


async def _reverse(setup: Setup, address: Address) -> Finding:
    remedy = f"Ask whoever gave you {address} for a PTR record, and give that name its address."
    try:
        names = [
            one.rstrip(".") for one in await setup.resolver.ask(address.reverse_pointer, "PTR")
        ]
        kind = "AAAA" if address.version == 6 else "A"
        back = [n for n in names if str(address) in await setup.resolver.ask(n, kind)]  # type: ignore[arg-type]
    except errors.DnsError as error:
        return unasked("reverse", error)
    if back:
        return ok("reverse", f"{address} is {back[0]}, which leads back to it")
    said = f"{address} is {names[0]}, which leads elsewhere" if names else f"{address} has no name"
    return failed("reverse", said, remedy)
