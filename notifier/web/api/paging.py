"""Long lists, a page at a time.

A cursor says behind which row a page begins, not how many rows to pass over: rows that come and go
between two pages neither hide others nor show them twice. It is signed, and good for its list only.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from notifier.web.api.asking import Instance
from notifier.web.api.problems import Fault, Refused

MOST, USUAL = 200, 50
_SIGNATURE_BYTES = 16
_ROW_BYTES = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cursors:
    """Seals rows with a secret of the instance."""

    secret: bytes

    def seal(self, row: int, of: str) -> str:
        """Return the cursor that goes on behind a row of a list."""
        raw = row.to_bytes(_ROW_BYTES, "big")
        return urlsafe_b64encode(raw + self._signature(raw, of)).decode("ascii")

    def open(self, cursor: str, of: str) -> int | None:
        """Return the row of a cursor; None for one that was made for no such list."""
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii"))
        except ValueError:
            return None
        row, signature = raw[:_ROW_BYTES], raw[_ROW_BYTES:]
        is_ours = hmac.compare_digest(signature, self._signature(row, of))
        return int.from_bytes(row, "big") if is_ours else None

    def _signature(self, raw: bytes, of: str) -> bytes:
        text = f"cursor:{of}:".encode("utf-8", "replace") + raw
        return hmac.digest(self.secret, text, "sha256")[:_SIGNATURE_BYTES]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page is asked for: `limit` rows behind `row`; None: the first."""

    limit: int
    row: int | None
    of: str
    url: str
    cursors: Cursors

    @property
    def reading(self) -> int:
        """How many rows to read: one more tells that there is a next page."""
        return self.limit + 1

    def cut(
        self, rows: Sequence[T], row_of: Callable[[T], int], response: Response
    ) -> tuple[Sequence[T], str | None]:
        """Return the rows of the page and the next cursor; `Link` leads there, too (RFC 8288)."""
        if len(rows) <= self.limit:
            return rows, None
        page = rows[: self.limit]
        following = self.cursors.seal(row_of(page[-1]), self.of)
        joint = "&" if "?" in self.url else "?"
        response.headers["Link"] = f'<{self.url}{joint}cursor={quote(following)}>; rel="next"'
        return page, following


def _asked(
    request: Request,
    instance: Instance,
    limit: Annotated[
        int, Query(ge=1, le=MOST, description="At most so many.", examples=[USUAL])
    ] = USUAL,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next` of the page before; none: the first.")
    ] = None,
) -> Asked:
    path = request.url.path
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("cursor", "limit")
    )
    of, cursors = f"{path}?{urlencode(filters)}", Cursors(instance.secret)
    row = cursors.open(cursor, of) if cursor else None
    if cursor is not None and row is None:
        fault = Fault(detail="take it as it stood in `next`", parameter="cursor")
        raise Refused(422, "this cursor is not of this list", [fault])
    below = urlsplit(instance.settings.site.public_url).path.rstrip("/")
    url = f"{below}{quote(path)}?{urlencode([*filters, ('limit', limit)])}"
    return Asked(limit, row, of, url, cursors)


PageAsked = Annotated[Asked, Depends(_asked)]
