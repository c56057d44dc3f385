"""What no log may hold: addresses, links and names that let their holder act, secrets.

The code does not log them; this stands behind it, for what others say: a server's reply that
repeats the recipient, an exception's text, a library's own line. What is cut out leaves its kind.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from structlog.typing import EventDict, WrappedLogger

# The first letters tell which digest it is, to us and to "digest show"; the whole opens its page.
_KEY = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{8})[0-9a-f]{24}(?![0-9A-Za-z])")
_TOKEN = re.compile(r"\d+(?:-\d+)*\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")
_ADDRESS = re.compile(r"""[^\s<>"'()\[\],:;@/\\]+(?:@|%40)[\w-]+(?:\.[\w-]+)*""", re.IGNORECASE)
# Drawn by chance, as keys and hooks are: long, and capitals, small letters and digits mixed.
_DRAWN = re.compile(
    r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])"
    r"[A-Za-z0-9_-]{20,}"
)
_HARMLESS = (bool, int, float, type(None))
_LEAST_SECRET = 4  # shorter ones would black out words


class Discreet:
    """A structlog processor; stands between the one that writes exceptions out and the renderer."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """
        Args:
            secrets: Of the configuration; cut out wherever they stand.
        """
        self._secrets = sorted({s for s in secrets if len(s) >= _LEAST_SECRET}, key=len)[::-1]

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        """Return the event without what no log may hold."""
        return {key: self._told(value) for key, value in event.items()}

    def _told(self, value: Any) -> Any:
        if isinstance(value, _HARMLESS):
            return value
        if isinstance(value, Mapping):
            return {str(key): self._told(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._told(one) for one in value]
        return self.without(str(value))

    def without(self, text: str) -> str:
        """Return a text without what no log may hold."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        text = _TOKEN.sub("[token]", _LOGIN.sub("[login]@", text))
        text = _KEY.sub(r"\1…", _ADDRESS.sub(_address, text))
        return _DRAWN.sub("[secret]", text)


def _address(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("[login]") else "[address]"
