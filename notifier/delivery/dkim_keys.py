"""DKIM's private keys as files: made once, read by everybody who sends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from notifier.delivery.dkim import Key, PrivateKey
from notifier.errors import ConfigError, UsageError

# RFC 8301, 3.2: at least 1024, better 2048; what is longer than 4096 need not be verified.
LEAST_BITS = 2048
MOST_BITS = 4096
ED25519_SUFFIX = "-ed25519"
_EXPONENT = 65537
_NAMES = {"rsa": "RSA", "ed25519": "Ed25519"}


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Where a key is configured: its setting, its file, what it must be, and its selector."""

    setting: str
    path: Path
    kind: Literal["rsa", "ed25519"]
    selector: str


def read(file: KeyFile) -> Key:
    """Return the key.

    Raises:
        ConfigError: not readable, no private key in PEM without a password, of another kind, or
            RSA of less than `LEAST_BITS` or more than `MOST_BITS`.
    """
    where = f"{file.setting}: {file.path}"
    try:
        private = load_pem_private_key(file.path.read_bytes(), None)
    except OSError as error:
        raise ConfigError(
            f'{where} cannot be read: {error.strerror} - "notifier dkim new" makes keys'
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"{where} is no private key in PEM without a password") from None
    if not isinstance(private, RSAPrivateKey if file.kind == "rsa" else Ed25519PrivateKey):
        raise ConfigError(f"{where} is no {_NAMES[file.kind]} key")
    if isinstance(private, RSAPrivateKey) and not LEAST_BITS <= private.key_size <= MOST_BITS:
        raise ConfigError(
            f"{where} has {private.key_size} bits - DKIM takes {LEAST_BITS} to {MOST_BITS}"
        )
    return Key(file.selector, private)


def exposed(path: Path) -> str | None:
    """Return a warning where others than its owner and group may read a file, or others than its
    owner may change it, else None. A service reads by its group what only root may change."""
    mode = path.stat().st_mode & 0o777
    if os.name == "nt" or not mode & 0o037:
        return None
    return f"{path} has mode {mode:04o}: others can reach the key - chmod 640"


def make(folder: Path, selector: str, *, bits: int = LEAST_BITS) -> list[tuple[Path, Key]]:
    """Make an RSA and an Ed25519 key and write each into a file of its own, mode 0600.

    Returns:
        The files with their keys, RSA first.
    Raises:
        UsageError: one of the files is there already; then nothing is written.
    """
    made: Sequence[Key] = (
        Key(selector, generate_private_key(_EXPONENT, bits)),
        Key(selector + ED25519_SUFFIX, Ed25519PrivateKey.generate()),
    )
    files = [(folder / f"dkim-{key.selector}.pem", key) for key in made]
    for path, _ in files:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} is there already and stays - take another --selector")
    folder.mkdir(parents=True, exist_ok=True)
    for path, key in files:
        _write(path, key.private)
    return files


def _write(path: Path, private: PrivateKey) -> None:
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
