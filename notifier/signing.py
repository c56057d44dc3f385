"""How mails are signed, from the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING

from notifier.config import Settings

if TYPE_CHECKING:
    from notifier.delivery.dkim import Key
    from notifier.delivery.dkim_keys import KeyFile

Sign = Callable[[bytes, datetime], bytes]


def domain(settings: Settings) -> str:
    """Return the signing domain: the one configured, else the sender's."""
    sender = parseaddr(settings.mail.sender)[1].rpartition("@")[2].lower()
    return settings.dkim.domain.lower() or sender or "localhost"


def key_files(settings: Settings) -> Iterator[KeyFile]:
    """Yield the configured keys, RSA first: not everybody verifies Ed25519."""
    from notifier.delivery.dkim_keys import KeyFile

    dkim = settings.dkim
    if dkim.private_key_file:
        yield KeyFile("dkim.private_key_file", dkim.private_key_file, "rsa", dkim.selector)
    if path := dkim.private_key_ed25519_file:
        yield KeyFile("dkim.private_key_ed25519_file", path, "ed25519", dkim.selector_ed25519)


def keys(settings: Settings, warn: Callable[[str], object]) -> list[Key]:
    """Return the configured keys, none where mails are not signed.

    Args:
        warn: Told of a file that others can reach.
    Raises:
        ConfigError: a key that cannot be used.
    """
    if not settings.dkim.private_key_file:
        return []
    from notifier.delivery import dkim_keys  # cryptography, only where mails are signed

    out = []
    for file in key_files(settings):
        out.append(dkim_keys.read(file))
        if warning := dkim_keys.exposed(file.path):
            warn(f"{file.setting}: {warning}")
    return out


def make_signer(settings: Settings, warn: Callable[[str], object]) -> Sign:
    """Return what signs a mail as of a moment; without keys it stays as it is. See `keys`."""
    found = keys(settings, warn)
    if not found:
        return lambda mail, at: mail
    from notifier.delivery import dkim

    own = domain(settings)
    return lambda mail, at: dkim.sign(mail, found, domain=own, at=at)
