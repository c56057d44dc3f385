"""How many mails a second one core signs with DKIM, ours beside dkimpy.

    python benchmarks/signing.py [--seconds 1] [--repeats 3] [--json FILE]

All sign the same mail, a digest of some 50 KB. dkimpy signs the same headers, over-signed the same,
in the same canonical forms; each of its signatures and of ours is verified before anything is
measured. Contenders take turns, `--repeats` times, and the best turn counts. `calibration` is a
fixed loop, so that runs on different or noisy machines can be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dkim as dkimpy
import measuring
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from notifier.delivery.dkim import ALWAYS, WHERE_PRESENT, Key, record, record_name, sign
from notifier.digests.gaps import quoted
from notifier.digests.message import Mail, build

DOMAIN = "papers.example.org"
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
LEAVE = f"https://{DOMAIN}/u/1.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
PAPER = (
    "We study how language models plan, and what they remember of a plan. " * 8
    + f"https://{DOMAIN}/p/arxiv:2611.00001\n\n"
)
Signer = Callable[[bytes], bytes]


def a_mail(papers: int = 38) -> bytes:
    """Return a mail of the size of a full digest."""
    html = f'<p style="margin:0 0 8px;color:#222222">{PAPER}</p>\n' * papers
    mail = Mail(
        "0" * 32, f"Papers <papers@{DOMAIN}>", "ada@example.org", "Agents: plans + 11 more",
        quoted(PAPER * papers), quoted(html), NOW,
        f"digest.{DOMAIN}", "Papers", LEAVE, f"people@{DOMAIN}",
    )  # fmt: skip
    return build(mail)


def ours(*keys: Key) -> Signer:
    """Return our signing with these keys."""
    return lambda mail: sign(mail, keys, domain=DOMAIN, at=NOW)


def theirs(key: Key) -> Signer:
    """Return dkimpy's signing of the same headers with one key."""
    if key.kind == "rsa":
        form = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        private = key.private.private_bytes(*form)
    else:
        raw = key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        private = b64encode(raw)
    over = [name.encode() for name in (*ALWAYS, *WHERE_PRESENT)]

    def signed(mail: bytes) -> bytes:
        signer = dkimpy.DKIM(mail)
        names = [name for name, _ in signer.headers if name.lower() in over]
        header = signer.sign(
            key.selector.encode(), DOMAIN.encode(), private,
            signature_algorithm=f"{key.kind}-sha256".encode(), canonicalize=(b"relaxed", b"simple"),
            include_headers=[*names, *over],
        )  # fmt: skip
        return bytes(header) + mail

    return signed


def check(signers: Mapping[str, Signer], keys: tuple[Key, ...], mail: bytes) -> None:
    """Raise ValueError unless every signature of every contender holds."""
    records = {f"{record_name(k.selector, DOMAIN)}.": record(k.private).encode() for k in keys}
    for name, signer in signers.items():
        made = signer(mail)
        for index in range(made.count(b"DKIM-Signature:")):
            verifier = dkimpy.DKIM(made)
            if not verifier.verify(index, lambda at, timeout=5: records.get(at.decode())):
                raise ValueError(f"a signature of {name} does not hold")


def a_second(signer: Signer, mail: bytes, seconds: float) -> float:
    """Return how many mails are signed a second, over at least so long."""
    begun, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < seconds or not count:
        signer(mail)
        count += 1
    return count / spent


def measure(mail: bytes, *, seconds: float, repeats: int) -> dict[str, Any]:
    """Return mails a second of each contender, each as a multiple of dkimpy's RSA, and the loop."""
    rsa = Key("rsa", generate_private_key(65537, 2048))
    ed25519 = Key("ed25519", Ed25519PrivateKey.generate())
    signers = {
        "ours, RSA-2048": ours(rsa),
        "ours, Ed25519": ours(ed25519),
        "ours, both": ours(rsa, ed25519),
        "dkimpy, RSA-2048": theirs(rsa),
        "dkimpy, Ed25519": theirs(ed25519),
    }
    check(signers, (rsa, ed25519), mail)
    measuring.one_core()
    rates = dict.fromkeys(signers, 0.0)
    for _ in range(repeats):
        for name, signer in signers.items():
            rates[name] = max(rates[name], a_second(signer, mail, seconds))
    base = rates["dkimpy, RSA-2048"]
    ratios = {name: rate / base for name, rate in rates.items()}
    return {"calibration": measuring.calibration(), "a_second": rates, "ratio": ratios}


def table(figures: Mapping[str, Any], size: int) -> str:
    """Return the figures as text."""
    rows = [f"a mail of {size:,} bytes; calibration {figures['calibration']:.3f} s",
            f"{'':20}{'a second':>10}{'ms':>9}{'x dkimpy RSA':>14}"]  # fmt: skip
    for name, rate in figures["a_second"].items():
        ratio = figures["ratio"][name]
        rows.append(f"{name:20}{rate:>10,.0f}{1000 / rate:>9.2f}{ratio:>14.1f}")
    return "\n".join(rows)


def main() -> None:
    """Measure, print a table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn (1)")
    parser.add_argument("--repeats", type=int, default=3, help="turns; the best counts (3)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    mail = a_mail()
    figures = measure(mail, seconds=asked.seconds, repeats=asked.repeats)
    sys.stdout.write(table(figures, len(mail)) + "\n")
    if asked.json:
        machine = measuring.machine("cryptography", "dkimpy", "pynacl")
        told = {"bytes": len(mail), "figures": figures, "machine": machine}
        asked.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
