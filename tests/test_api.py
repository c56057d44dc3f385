"""The API's resources: what is asked for is what is there, what is changed is what was asked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import delete

from notifier.digests.reading import body
from notifier.storage import store_subscribers
from notifier.storage import tables as t
from notifier.web.guarding import BODY_BYTES

from .api import API, a_key, bearer, fail, follow
from .builders import an_entry
from .pages import ADA, RULES, Place, place
from .test_promises import dump

__all__ = ["place"]

PROBLEM = "application/problem+json"
BO = "bo@example.org"
WISH = {"address": BO, "zone": "Asia/Tokyo", "time": "08:30", "days": ["sun", "mon"]}


class Api:
    """Asks the API of a place with a key."""

    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self._http, self._key = http, key

    async def __call__(self, method: str, path: str, status: int = 200, **sent: Any) -> Any:
        """Return what is answered, of which the status is checked, and the kind of content."""
        headers = bearer(self._key) | sent.pop("headers", {})
        answer = await self._http.request(method, API + path, headers=headers, **sent)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert answer.headers["Content-Type"] == PROBLEM
            assert answer.json()["status"] == status
        return answer.json() if answer.content else None


# Subscribers.


@pytest.mark.anyio
async def test_a_subscriber_lives_from_request_to_removal(place: Place) -> None:
    async with place.client() as http:
        api = Api(http, a_key(place, "read", "write"))
        bo = await api("POST", "/subscribers", 201, json=WISH | {"language": "de"})
        assert (bo["state"], bo["time"], bo["days"]) == ("pending", "08:30", ["mon", "sun"])
        assert (bo["language"], bo["next_due_at"]) == ("de", None)
        at = f"/subscribers/{bo['id']}"
        assert await api("POST", "/subscribers/find", json={"address": "BO@Example.org"}) == bo
        confirmed = await api("POST", f"{at}/confirm", json={"because": "asked at the seminar"})
        assert confirmed["state"] == "active"
        assert confirmed["consent"] == "asked at the seminar (told by the API)"
        until = place.now + timedelta(days=10)
        paused = await api("POST", f"{at}/pause", json={"until": until.isoformat()})
        assert paused["paused_until"] == until.isoformat().replace("+00:00", "Z")
        assert (await api("POST", f"{at}/resume"))["paused_until"] is None
        listed = await api("GET", "/subscribers?state=active")
        assert [one["address"] for one in listed["items"]] == [ADA, BO]
        assert await api("DELETE", at, 204) is None
        await api("GET", at, 404)
        await api("POST", "/subscribers/find", 404, json={"address": BO})


@pytest.mark.anyio
async def test_the_api_says_whether_mails_are_text_only_and_changes_it(place: Place) -> None:
    async with place.client() as http:
        api = Api(http, a_key(place, "read", "write"))
        bo = await api("POST", "/subscribers", 201, json=WISH | {"text_only": True})
        assert bo["text_only"] is True
        at = f"/subscribers/{bo['id']}"
        assert (await api("PATCH", at, json={"time": "09:00"}))["text_only"] is True
        assert (await api("PATCH", at, json={"text_only": False}))["text_only"] is False


@pytest.mark.anyio
async def test_what_is_not_named_in_a_change_stays(place: Place) -> None:
    async with place.client() as http:
        api = Api(http, a_key(place))
        before = await api("GET", "/subscribers/1")
        assert await api("PATCH", "/subscribers/1", json={}) == before
        assert await api("PATCH", "/subscribers/1", json=dict.fromkeys(["time", "days"])) == before
        changed = await api("PATCH", "/subscribers/1", json={"time": "18:15", "learning": False})
        assert changed == before | {
            "time": "18:15", "learning": False, "next_due_at": "2026-11-18T17:15:00Z",
        }  # fmt: skip


@pytest.mark.anyio
async def test_an_address_that_is_there_is_not_added_and_stays_as_it_is(place: Place) -> None:
    async with place.client() as http:
        api = Api(http, a_key(place))
        await api("GET", "/stats")  # notes the use of the key
        before = dump(place.app.database)
        said = await api("POST", "/subscribers", 409, json=WISH | {"address": "Ada@example.org"})
        assert "/subscribers/find" in said["detail"]
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_suppressed_subscriber_says_why_and_is_resumed(place: Place) -> None:
    with place.app.database.writing() as conn:
        store_subscribers.suppress(conn, ADA, "hard bounce", "550 5.1.1", place.now)
    async with place.client() as http:
        api = Api(http, a_key(place))
        assert (await api("GET", "/subscribers/1"))["suppressed"] == "hard bounce"
        assert (await api("GET", "/stats"))["suppressed"] == 1
        assert (await api("POST", "/subscribers/1/resume"))["suppressed"] is None


@pytest.mark.anyio
async def test_one_who_left_is_neither_paused_nor_resumed(place: Place) -> None:
    place.app.subscriptions.leave(1, now=place.now)
    async with place.client() as http:
        api = Api(http, a_key(place))
        tomorrow = (place.now + timedelta(days=1)).isoformat()
        said = await api("POST", "/subscribers/1/pause", 409, json={"until": tomorrow})
        assert said["detail"] == "subscriber 1 is left: confirm them first"
        await api("POST", "/subscribers/1/resume", 409)


# Profiles and rules.


@pytest.mark.anyio
async def test_a_profile_is_made_overwritten_switched_off_and_deleted(place: Place) -> None:
    async with place.client() as http:
        api = Api(http, a_key(place))
        at = "/subscribers/1/profiles/cs%2FML%20%C3%BC"
        made = await api("PUT", at, 201, json={"rules": "LLM agents\ntitel: x"})
        assert (made["name"], made["enabled"]) == ("cs/ML ü", True)
        (wrong,) = made["problems"]
        assert (wrong["line"], wrong["column"]) == (2, 1)
        assert 'did you mean "title:"' in wrong["message"]
        off = await api("PUT", at, json={"rules": "RAG", "enabled": False})
        assert (off["rules"], off["enabled"], off["problems"]) == ("RAG", False, [])
        assert (await api("PUT", at, json={"rules": "RAG ^2"}))["enabled"] is False
        both = await api("GET", "/subscribers/1/profiles")
        assert [one["name"] for one in both["items"]] == ["<b>ml</b>", "cs/ML ü"]
        assert both["items"][0]["rules"] == RULES
        assert await api("DELETE", at, 204) is None
        await api("GET", at, 404)
        await api("DELETE", at, 404)


@pytest.mark.anyio
async def test_rules_that_ask_for_nothing_make_no_profile(place: Place) -> None:
    async with place.client() as http:
        api = Api(http, a_key(place))
        await api("GET", "/stats")  # notes the use of the key
        before = dump(place.app.database)
        for rules in ("", "# nothing", "-survey", "titel: x"):
            said = await api("PUT", "/subscribers/1/profiles/x", 422, json={"rules": rules})
            assert "at least one that works" in said["detail"]
        assert "line 1, column 1" in said["errors"][0]["detail"]
        assert said["errors"][0]["pointer"] == "#/rules"
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_rules_are_tested_as_by_the_command(place: Place) -> None:
    place.send()
    async with place.client() as http:
        api = Api(http, a_key(place, "papers"))
        rules = "RAG ^2\nnowhere\ntitel: x"
        tested = await api("POST", "/rules/test", json={"rules": rules, "limit": 2})
        assert (tested["papers"], tested["scanned"], len(tested["items"])) == (6, 6, 2)
        assert [(one["line"], one["papers"]) for one in tested["by_rule"]] == [(1, 6), (2, 0)]
        assert [one["line"] for one in tested["problems"]] == [3]
        assert any("no hit" in one["message"] for one in tested["warnings"])
        best = tested["items"][0]
        assert best["hits"][0] | {"ranges": []} == {
            "line": 1, "rule": "RAG ^2", "field": "title", "words": ["RAG"], "ranges": [],
        }  # fmt: skip
        found = await api("POST", "/papers/search", json={"rules": rules, "limit": 2})
        assert found["items"] == tested["items"]
        nothing = await api("POST", "/papers/search", json={"rules": "quantom"})
        assert (nothing["papers"], nothing["items"]) == (0, [])
        later = {"rules": "RAG", "since": "2026-11-21T00:00:00+01:00"}
        assert (await api("POST", "/papers/search", json=later))["scanned"] == 0
        await api("POST", "/papers/search", 422, json={"rules": "-survey"})


# Papers.


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name",
    ["arxiv:2611.00001", "2611.00001v2", "https://arxiv.org/abs/2611.00001",
     "10.48550/arXiv.2611.00001"],
)  # fmt: skip
async def test_a_paper_is_shown_by_any_of_its_names(place: Place, name: str) -> None:
    place.send()
    async with place.client() as http:
        api = Api(http, a_key(place, "papers"))
        paper = await api("GET", f"/papers/{name}")
        assert (paper["id"], paper["signals"]) == ("arxiv:2611.00001", {"upvotes": 7.0})
        await api("GET", "/papers/arxiv:2611.99999", 404)


@pytest.mark.anyio
async def test_what_is_talked_about_is_listed_for_now_and_for_a_day(place: Place) -> None:
    place.send()
    async with place.client() as http:
        api = Api(http, a_key(place, "papers"))
        now = await api("GET", "/papers/trending?by=week&field=cs.LG")
        assert [one["paper"]["id"] for one in now["items"]] == ["arxiv:2611.00001"]
        day = await api("GET", "/papers/trending?date=2026-11-20")
        assert (day["period"], day["papers"]) == ("2026-11-20", 1)
        assert (await api("GET", "/papers/trending?field=math.AG"))["items"] == []
        for wrong in ("2027-01-01", "1900-01-01", "soon", "5"):
            said = await api("GET", f"/papers/trending?date={wrong}", 422)
            assert said["errors"][0]["parameter"] == "date"


# Digests and deliveries.


@pytest.mark.anyio
async def test_a_digest_is_shown_with_its_papers_and_its_mail(place: Place) -> None:
    key = place.send()
    mail = place.mail(key)
    async with place.client() as http:
        api, secret = Api(http, a_key(place, "read")), a_key(place, "read")
        digest = await api("GET", f"/digests/{key}")
        assert [one["place"] for one in digest["places"]] == [1, 2, 3]
        assert (digest["subscriber"], digest["state"], digest["more"]) == (1, "sent", 3)
        for part, subtype in (("html", "html"), ("text", "plain")):
            answer = await http.get(f"{API}/digests/{key}/{part}", headers=bearer(secret))
            assert answer.content == body(mail, subtype)
            assert answer.headers["Content-Type"] == f"text/{subtype}; charset=utf-8"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        listed = await api("GET", "/digests?subscriber=1")
        assert [one["key"] for one in listed["items"]] == [key]
        assert (await api("GET", "/digests?subscriber=2"))["items"] == []
        await api("GET", f"/digests/{'0' * 32}", 404)
        await api("GET", f"/digests/{'0' * 32}/html", 404)


@pytest.mark.anyio
async def test_a_refused_mail_is_shown_in_the_servers_words_and_sent_again(place: Place) -> None:
    place.send()
    key = fail(place)
    async with place.client() as http:
        api = Api(http, a_key(place))
        found = await api("GET", "/deliveries?state=failed&state=held")
        assert [one["key"] for one in found["items"]] == [key]
        told = await api("GET", f"/deliveries/{key}")
        assert (told["code"], told["enhanced"], told["reply"]) == (550, "5.1.1", "no such user")
        assert [one["outcome"] for one in told["tried"]] == ["failed"]
        again = await api("POST", f"/deliveries/{key}/retry")
        assert (again["state"], again["tried"][-1]["outcome"]) == ("pending", "retried")
        (waiting,) = (await api("GET", "/stats"))["outbox"]
        assert (waiting["state"], waiting["mails"]) == ("pending", 1)
        gone = await api("POST", f"/deliveries/{key}/drop")
        assert gone["state"] == "dropped"
        said = await api("POST", f"/deliveries/{key}/retry", 409)
        assert "this mail is dropped" in said["detail"]
        await api("POST", f"/deliveries/{'0' * 32}/drop", 404)


@pytest.mark.anyio
async def test_a_refused_mail_that_was_deleted_is_not_sent_again(place: Place) -> None:
    place.send()
    key = fail(place)
    with place.app.database.writing() as conn:
        conn.execute(delete(t.message))
    async with place.client() as http:
        api = Api(http, a_key(place))
        said = await api("POST", f"/deliveries/{key}/retry", 409)
        assert "was deleted after 90 days" in said["detail"]
        assert (await api("GET", f"/deliveries/{key}"))["state"] == "failed"


@pytest.mark.anyio
async def test_statistics_count_and_name_nobody(tmp_path: Path) -> None:
    place = Place(tmp_path)
    follow(place, "arxiv")
    place.send()
    fail(place)
    async with place.client() as http:
        stats = await Api(http, a_key(place, "papers"))("GET", "/stats")
    assert stats["subscribers"] == {"active": 1}
    assert stats["papers"] == 7
    assert stats["recent_mails"] == {"failed": 1}
    assert stats["needs_care"] is True
    assert [one["name"] for one in stats["sources"]] == ["arxiv"]
    assert "@" not in str(stats)
    place.app.close()


@pytest.mark.anyio
async def test_a_head_is_answered_like_a_get_without_the_body(place: Place) -> None:
    async with place.client() as http:
        key = a_key(place)
        answer = await http.head(f"{API}/subscribers/1", headers=bearer(key))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.anyio
async def test_reading_changes_nothing(place: Place) -> None:
    key = place.send()
    fail(place)
    secret = a_key(place)
    place.take(an_entry(91, "Another"))
    async with place.client() as http:
        api = Api(http, secret)
        await api("GET", "/stats")  # notes the use of the key
        before = dump(place.app.database)
        for path in ("/subscribers", "/subscribers/1", "/subscribers/1/profiles", "/papers",
                     "/papers/trending", "/papers/arxiv:2611.00001", "/digests", "/deliveries",
                     f"/digests/{key}", f"/deliveries/{key}", "/stats"):  # fmt: skip
            await api("GET", path)
        await api("POST", "/papers/search", json={"rules": "RAG"})
        await api("POST", "/rules/test", json={"rules": "RAG"})
        await api("POST", "/subscribers/find", json={"address": ADA})
        assert dump(place.app.database) == before


# The guard of pages is not the API's, and the other way round.


@pytest.mark.anyio
async def test_the_api_takes_more_than_a_page_and_pages_no_more_than_before(place: Place) -> None:
    rules = "LLM agents\n" + "#" * (2 * BODY_BYTES)
    async with place.client() as http:
        api = Api(http, a_key(place))
        await api("PUT", "/subscribers/1/profiles/x", 201, json={"rules": rules})
        for path in ("/", "/api", "/api/v2/stats", "/api/v1x"):
            assert (await http.put(path, content=b"{}")).status_code == 405, path
            assert (await http.post(path, content=b"x" * (BODY_BYTES + 1))).status_code == 413
