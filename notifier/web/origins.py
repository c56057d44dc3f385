"""Whose names this site answers to, and whose forms it takes. Pure.

Browsers say where a form comes from: `Sec-Fetch-Site` (W3C Fetch Metadata) where the connection is
safe, `Origin` (RFC 6454, 7) everywhere. What sends neither is no browser, and nobody can make it
send what its user does not want. There is no cookie and no login here, so no token in the form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from notifier.config_values import is_loopback

_OWN_SITES = ("same-origin", "none")  # "none": the user's own doing, as a bookmark
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
ONE_CLICK, _YES = "List-Unsubscribe", "One-Click"
# Of its body and of its Content-Type, since reading many parts takes long; real ones hold 200.
_ONE_CLICK_BYTES = 2_000
# What a browser sends as Host: a name or an address, and a port (RFC 3986, 3.2.2).
_HOST = re.compile(r"[\w.-]+(:\d*)?|\[[0-9A-Fa-f:.]+\](:\d*)?")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a site, by `site.public_url` and `site.listen`."""

    public_url: str
    listen: str

    def answers(self, host: str) -> bool:
        """Whether the site answers to what stands in a request's Host header.

        To its public name at any port, to the address it listens at, and to addresses of this
        machine where it can be reached by them. So no other site can give its own name to this
        machine's address and read pages as its own (DNS rebinding).
        """
        name = _name(host) if _HOST.fullmatch(host) else ""
        if not name:
            return False
        bound = _name(self.listen)
        if name in (_name(urlsplit(self.public_url).netloc), bound):
            return True
        is_everywhere = _is_unspecified(bound)
        return (is_loopback(name) and (is_loopback(bound) or is_everywhere)) or (
            is_everywhere and _is_address(name)
        )

    def is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Whether a form was sent by a page of another site.

        Our own pages send `Origin: null`, since they tell no referrer (Fetch, 3.2): where it
        stands alone it says nothing.

        Args:
            headers: Of the request, by lower-case name.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            return site not in _OWN_SITES
        if origin in (None, "null"):
            return False
        own = (self.public_url, f"http://{headers.get('host', '')}")
        return origin not in map(_origin, own)


def is_one_click(content_type: str, body: bytes) -> bool:
    """Whether a form is a mail program's one-click, in either encoding (RFC 8058, 3.2)."""
    if max(len(content_type), len(body)) > _ONE_CLICK_BYTES:
        return False
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        try:
            fields = parse_qs(body.decode("ascii", "replace"), max_num_fields=10)
        except ValueError:
            return False
        return fields.get(ONE_CLICK) == [_YES]
    if kind != "multipart/form-data" or not content_type.isprintable():
        return False
    head = b"Content-Type: " + content_type.encode("ascii", "replace") + b"\r\n\r\n"
    message = message_from_bytes(head + body)
    return any(
        part.get_param("name", header="content-disposition") == ONE_CLICK
        and str(part.get_payload()).strip() == _YES
        for part in message.walk()
    )


def _name(host: str) -> str:
    """`host` of `host:port`, in lower case and without brackets; "" for what is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _origin(url: str) -> str:
    """Scheme, host and port as browsers write them; "" for what is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])}"


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_unspecified(name: str) -> bool:
    return _is_address(name) and ip_address(name).is_unspecified
