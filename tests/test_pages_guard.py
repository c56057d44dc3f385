"""What no page takes: other sites' forms, other names, large bodies, odd methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from notifier.web.guarding import BODY_BYTES
from notifier.web.origins import Names, is_one_click

from .pages import ADA, Place, place
from .test_pages import FORMS
from .test_promises import dump

__all__ = ["place"]

PUBLIC = "https://papers.example.org"
BEHIND = Names(PUBLIC, "127.0.0.1:8080")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FOREIGN: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": ""},
    {"Origin": "https://evil.example"}, {"Origin": "http://papers.example.org"},
    {"Origin": "https://papers.example.org.evil.example"},
    {"Origin": "https://papers.example.org:444"}, {"Origin": "https://x.papers.example.org"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC},
)  # fmt: skip
OURS: tuple[dict[str, str], ...] = (
    {}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": PUBLIC},
    {"Origin": "null"}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
)  # fmt: skip


# Forms of other sites.


@pytest.mark.anyio
@pytest.mark.parametrize("headers", FOREIGN, ids=json.dumps)
async def test_a_form_of_another_site_changes_nothing(
    place: Place, headers: dict[str, str]
) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        before = dump(place.app.database)
        for name, form in FORMS.items():
            answer = await http.post(paths[name], data=form, headers=headers)
            assert answer.status_code == 403, name
            assert "Sent from another site" in answer.text
        assert dump(place.app.database) == before
        for name in paths:  # links of other sites may lead here
            assert (await http.get(paths[name], headers=headers)).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("headers", OURS, ids=json.dumps)
async def test_a_form_of_ours_is_taken(place: Place, headers: dict[str, str]) -> None:
    link = place.paths(place.send())["vote"]
    async with place.client() as http:
        assert (await http.post(link, data=FORMS["vote"], headers=headers)).status_code == 200
    assert place.said() == "saved"


@pytest.mark.anyio
async def test_a_form_opened_without_a_proxy_is_of_this_site(place: Place) -> None:
    link = place.paths(place.send())["vote"]
    async with place.client() as http:
        origin = str(http.base_url).rstrip("/")
        answer = await http.post(link, data=FORMS["vote"], headers={"Origin": origin})
        assert answer.status_code == 200
        other = {"Origin": origin.replace("http", "https")}
        assert (await http.post(link, data=FORMS["vote"], headers=other)).status_code == 403


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["urlencoded", "multipart"])
async def test_one_click_is_taken_from_anywhere(place: Place, how: str) -> None:
    link = place.paths(place.send())["unsubscribe"]
    files = {name: (None, said) for name, said in ONE_CLICK.items()}
    sent: dict[str, Any] = {"data": ONE_CLICK} if how == "urlencoded" else {"files": files}
    headers = {"Origin": "https://mail.example.com", "Sec-Fetch-Site": "cross-site"}
    async with place.client() as http:
        answer = await http.post(link, headers=headers, **sent)
    assert answer.status_code == 200
    assert place.app.subscriptions.get(ADA).state == "left"


@pytest.mark.anyio
async def test_one_click_opens_no_other_form(place: Place) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        before = dump(place.app.database)
        for name in set(FORMS) - {"unsubscribe"}:
            form = FORMS[name] | ONE_CLICK
            answer = await http.post(paths[name], data=form, headers=FOREIGN[0])
            assert answer.status_code == 403, name
        assert dump(place.app.database) == before


URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n%s\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("kind", "body", "is_it"),
    [
        (URLENCODED, b"List-Unsubscribe=One-Click", True),
        (URLENCODED + "; charset=utf-8", b"List-Unsubscribe=One-Click", True),
        (MULTIPART, PART % b"One-Click", True),
        (URLENCODED, b"", False),
        (URLENCODED, b"List-Unsubscribe=yes", False),
        (URLENCODED, b"x=List-Unsubscribe%3DOne-Click", False),
        (URLENCODED, b"&".join(b"a=%d" % n for n in range(50)), False),
        (MULTIPART, PART % b"yes", False),
        (MULTIPART, b"List-Unsubscribe=One-Click", False),
        (MULTIPART + "\r\nX: y", PART % b"One-Click", False),
        ("multipart/form-data", PART % b"One-Click", False),
        ("text/plain", b"List-Unsubscribe=One-Click", False),
        ("", b"List-Unsubscribe=One-Click", False),
    ],
)
def test_one_click_is_what_the_rfc_says_and_nothing_else(
    kind: str, body: bytes, is_it: bool
) -> None:
    assert is_one_click(kind, body) is is_it


# Names.


@pytest.mark.anyio
@pytest.mark.parametrize(
    "host", ["evil.example", "", "x.papers.example.org", "[::1", "127.0.0.2.x"]
)
async def test_a_site_does_not_answer_to_a_name_that_is_not_its_own(
    place: Place, host: str
) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        before = dump(place.app.database)
        for name in paths:
            assert (await http.get(paths[name], headers={"Host": host})).status_code == 421, name
        answer = await http.post(paths["vote"], data=FORMS["vote"], headers={"Host": host})
        assert answer.status_code == 421
        assert "site.public_url" in answer.text
        assert (await http.get("/healthz", headers={"Host": host})).status_code == 200
        assert dump(place.app.database) == before


@pytest.mark.parametrize(
    ("listen", "host", "is_own"),
    [
        ("127.0.0.1:8080", "papers.example.org", True),
        ("127.0.0.1:8080", "PAPERS.example.org:443", True),
        ("127.0.0.1:8080", "papers.example.org.", True),
        ("127.0.0.1:8080", "localhost:8080", True),
        ("127.0.0.1:8080", "[::1]:8080", True),
        ("127.0.0.1:8080", "10.0.0.7", False),
        ("10.0.0.7:8080", "10.0.0.7:8080", True),
        ("10.0.0.7:8080", "localhost:8080", False),
        ("0.0.0.0:8080", "10.0.0.7:8080", True),
        ("[::]:8080", "[2001:db8::1]:8080", True),
        ("0.0.0.0:8080", "localhost", True),
        ("0.0.0.0:8080", "evil.example", False),
        ("0.0.0.0:8080", "me@papers.example.org", False),
        ("0.0.0.0:8080", "papers.example.org@evil.example", False),
        ("127.0.0.1:8080", "papers.example.org:x", False),
    ],
)
def test_which_names_are_a_sites_own(listen: str, host: str, is_own: bool) -> None:
    assert Names(PUBLIC, listen).answers(host) is is_own


def test_a_default_port_is_the_same_origin() -> None:
    names = Names("https://papers.example.org:443/papers", "127.0.0.1:8080")
    assert not names.is_foreign({"origin": PUBLIC})
    assert names.is_foreign({"origin": f"{PUBLIC}:8443"})


# Bodies and methods.


async def pieces(count: int) -> Any:
    for _ in range(count):
        yield b"x" * 1000


@pytest.mark.anyio
async def test_a_large_body_is_refused_whether_its_length_is_told_or_not(place: Place) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        before = dump(place.app.database)
        for name in FORMS:
            told = {"Content-Type": URLENCODED}
            whole = await http.post(paths[name], content=b"x" * (BODY_BYTES + 1), headers=told)
            parts = await http.post(paths[name], content=pieces(21), headers=told)
            assert (whole.status_code, parts.status_code) == (413, 413), name
        assert dump(place.app.database) == before


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_are_answered_with_those_there_are(place: Place, method: str) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        before = dump(place.app.database)
        for link in (*paths.values(), "/style.css", "/nowhere"):
            answer = await http.request(method, link)
            assert answer.status_code == 405, link
            assert answer.headers["Allow"] == "GET, HEAD, POST"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_page_without_a_form_takes_none(place: Place) -> None:
    paths = place.paths(place.send())
    async with place.client() as http:
        for name in ("digest", "all", "paper"):
            answer = await http.post(paths[name])
            assert answer.status_code == 405, name
            assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}
            assert "This page cannot do that" in answer.text


# Headers.


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("url", "promised"),
    [(PUBLIC, "max-age=31536000"), ("http://papers.example.org", None)],
)
async def test_tls_is_promised_by_every_answer_of_a_site_that_has_it(
    tmp_path: Path, url: str, promised: str | None
) -> None:
    place = Place(tmp_path, public_url=url)
    paths = place.paths(place.send())
    async with place.client() as http:
        for link in (*paths.values(), "/nowhere", "/style.css", "/healthz"):
            answer = await http.get(link)
            assert answer.headers.get("Strict-Transport-Security") == promised, link
            assert "server" not in answer.headers
    place.app.close()
