"""A key as it is written: `ntf_`, eight letters that may be told, and 32 random bytes. Pure.

The prefix lets people and scanners of leaked secrets see what it is.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

PREFIX = "ntf_"
SECRET_BYTES = 32
ID_LETTERS = 8
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 of them; l and o look like digits
_WRITTEN = re.compile(rf"{PREFIX}([{_LETTERS}]{{{ID_LETTERS}}})_([A-Za-z0-9_-]{{43}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Written:
    """The two parts of a key: its public id, and the SHA-256 of its secret.

    A hash that is fast to make is enough: 256 random bits are not guessed.
    """

    id: str
    digest: bytes


def write(random: bytes) -> str:
    """Return a key made of random bytes: `ID_LETTERS` for its id, `SECRET_BYTES` for its secret."""
    id_ = "".join(_LETTERS[byte % len(_LETTERS)] for byte in random[:ID_LETTERS])
    secret = urlsafe_b64encode(random[ID_LETTERS:]).decode("ascii").rstrip("=")
    return f"{PREFIX}{id_}_{secret}"


def read(typed: str) -> Written | None:
    """Return the parts of what may be a key; None for what has not its form."""
    found = _WRITTEN.fullmatch(typed)
    return Written(found[1], sha256(found[2].encode("ascii")).digest()) if found else None
