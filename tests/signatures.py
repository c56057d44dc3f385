"""Test-only DKIM keys, and two verifiers that are not ours: dkimpy and Debian's OpenDKIM."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from notifier.delivery import dkim
from notifier.delivery.dkim import Key

from .builders import NOON
from .conftest import need

DOMAIN = "papers.example.org"
RSA, ED25519 = "test-rsa", "test-ed25519"
# The primes of a key that signs nothing but tests.
_TEST_ONLY_P = int(
    "e050fd4a4456b821c4437250280abac24280e0214f8fe8bb3b3e59ef080e5a283a89c8cc0cf11d0495f5c44322c16c55"
    "2c5e1bcc0901d8dc29a8f2835795d51444d21313f408e1710c5031085e6d91fa1cf21ee5fe5c050fcb18bb853a6c85d9"
    "6859f6ed4833feb0f8284f3d0f7ffaeef35c7f830a193592fa702884992e86ef",
    16,
)
_TEST_ONLY_Q = int(
    "b52337cb2f5b0582b07e109c686a679666bf325ac25e358af4d34709784c0da412b32cbe5cea1fd331c4639aa9f42292"
    "683849aa0b467f26ed46f0627e9ac9746ccc8e9bf219ccd7de27105e660b472aa40da308e1029b855e7ddb002a0f2761"
    "a8bf5c562172d84db617228f329f1c00aecd2867f49722a09c3a9a8fa6083de9",
    16,
)
_MALFORMED = "dkim=permerror (bad message/signature format)"
_RESULT = re.compile(r"dkim=(\w+)[^;]* header\.s=([\w-]+)")


def _test_only_rsa() -> rsa.RSAPrivateKey:
    p, q, e = _TEST_ONLY_P, _TEST_ONLY_Q, 65537
    d = rsa.rsa_recover_private_exponent(e, p, q)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(e, p * q),
    )  # fmt: skip
    return numbers.private_key()


KEYS = (
    Key(RSA, _test_only_rsa()),
    Key(ED25519, Ed25519PrivateKey.from_private_bytes(b"a key for tests, and nothing else.."[:32])),
)
RECORDS = {dkim.record_name(key.selector, DOMAIN): dkim.record(key.private) for key in KEYS}


def signed(mail: bytes, keys: Sequence[Key] = KEYS, at: datetime = NOON) -> bytes:
    """The mail as it is signed."""
    return dkim.sign(mail, keys, domain=DOMAIN, at=at)


def by_dkimpy(mail: bytes, records: dict[str, str] = RECORDS) -> dict[str, bool]:
    """What dkimpy says of each signature, by selector."""

    def answer(name: bytes, timeout: int = 5) -> bytes | None:
        found = records.get(name.decode().removesuffix("."))
        return found.encode() if found else None

    out = {}
    for index in range(mail.count(b"DKIM-Signature:")):
        verifier = dkimpy.DKIM(mail, timeout=1)
        try:
            holds = verifier.verify(idx=index, dnsfunc=answer)
        except dkimpy.DKIMException:
            holds = False
        out[verifier.signature_fields[b"s"].decode()] = holds
    return out


def by_opendkim(
    mails: Sequence[bytes],
    folder: Path,
    records: dict[str, str] = RECORDS,
) -> list[dict[str, bool]]:
    """What OpenDKIM says of each signature of each mail, by selector; its DNS is a file.

    Where it calls the whole mail malformed (of two Subjects, say), no signature holds.
    """
    need(shutil.which("opendkim"), "OpenDKIM (apt-get install opendkim)")
    folder.mkdir(exist_ok=True)
    dns, config = folder / "dns", folder / "opendkim.conf"
    dns.write_text("".join(f"{name} {text}\n" for name, text in records.items()))
    config.write_text(f"Mode v\nTestDNSData file:{dns}\nOn-Default accept\n")
    files = [folder / f"{number}.eml" for number in range(len(mails))]
    for path, mail in zip(files, mails, strict=True):
        path.write_bytes(mail)
    done = subprocess.run(
        ["opendkim", "-x", config, "-v", "-v", "-t", ",".join(map(str, files))],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    blocks = done.stdout.split("### INSHEADER")[1:]
    assert len(blocks) == len(mails), done.stdout
    out = []
    for mail, block in zip(mails, blocks, strict=True):
        if _MALFORMED in block:
            out.append({s.decode(): False for s in re.findall(rb" s=([\w-]+);", mail)})
        else:
            out.append({s: result == "pass" for result, s in _RESULT.findall(block)})
    return out
