"""Answers that a client need not be sent again (RFC 9110, 13)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import Response


def answered(
    request: Request,
    content: bytes,
    media_type: str,
    *,
    modified_at: datetime,
    headers: Mapping[str, str],
) -> Response:
    """Return the content with its validators, or 304 where the client has it.

    Args:
        modified_at: When anything in it last changed (UTC).
        headers: Of both answers.
    """
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    modified = modified_at.astimezone(UTC).replace(microsecond=0)
    both = {**headers, "ETag": tag, "Last-Modified": format_datetime(modified, usegmt=True)}
    if is_known(request.headers, tag, modified):
        return Response(status_code=304, headers=both)
    return Response(content, media_type=media_type, headers=both)


def is_known(headers: Mapping[str, str], tag: str, modified: datetime) -> bool:
    """Return whether a client has what is asked for: by its tags, else by its date.

    Args:
        headers: Of the request, by lower-case name.
        tag: The strong entity tag of what there is.
        modified: To the second, UTC.
    """
    if (tags := headers.get("if-none-match")) is not None:
        known = [one.strip().removeprefix("W/") for one in tags.split(",")]
        return tag in known or tags.strip() == "*"
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
    except (ValueError, OverflowError):
        return False
    if since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    return modified <= since
