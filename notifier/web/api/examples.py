"""Examples for the description, as somebody meets them."""

from __future__ import annotations

from typing import Any

_KEY = "54f28edd0a1b4c5d8e9f00112233aabb"

SUBSCRIBER: dict[str, Any] = {
    "id": 17,
    "address": "ada@example.org",
    "state": "active",
    "zone": "Europe/Berlin",
    "time": "07:30",
    "days": ["mon", "thu"],
    "cadence": "daily",
    "max_papers": 12,
    "replacements": False,
    "learning": True,
    "language": "en",
    "tell_nothing": False,
    "text_only": False,
    "summary": False,
    "news_of_sent": ["withdrawn", "published"],
    "news_of_saved": ["withdrawn", "published", "version", "code", "attention"],
    "created_at": "2026-11-18T12:00:00Z",
    "confirmed_at": "2026-11-18T12:04:00Z",
    "consent": "signed the list at the seminar (told by the API)",
    "next_due_at": "2026-11-23T06:30:00Z",
    "paused_until": None,
    "suppressed": None,
}
PROFILE: dict[str, Any] = {
    "name": "agents",
    "rules": "LLM agents\ntitel: RAG",
    "enabled": True,
    "changed_at": "2026-11-18T12:10:00Z",
    "problems": [
        {
            "line": 2,
            "column": 1,
            "message": 'unknown field "titel:" - did you mean "title:"?',
        }
    ],
    "warnings": [],
}
PAPER: dict[str, Any] = {
    "id": "arxiv:2611.00001",
    "version": 1,
    "aliases": ["arxiv:2611.00001", "doi:10.48550/arxiv.2611.00001"],
    "title": "RAGs that forget",
    "abstract": "An LLM agent that remembers less answers better.",
    "authors": ["Ada Lovelace"],
    "categories": ["cs.CL"],
    "organization": None,
    "journal": None,
    "comment": None,
    "submitted_by": None,
    "published_at": "2026-11-20T05:00:00Z",
    "first_seen_at": "2026-11-20T05:31:00Z",
    "withdrawn_at": None,
    "sources": ["arxiv", "huggingface"],
    "signals": {"upvotes": 38.0},
    "urls": {"abs": "https://arxiv.org/abs/2611.00001"},
}
DIGEST: dict[str, Any] = {
    "key": _KEY,
    "subscriber": 17,
    "period": "2026-11-20",
    "subject": "agents: RAGs that forget",
    "papers": 1,
    "more": 0,
    "composed_at": "2026-11-20T06:30:00Z",
    "state": "failed",
}
WHOLE_DIGEST: dict[str, Any] = DIGEST | {
    "places": [
        {
            "place": 1,
            "profile": "agents",
            "paper": "arxiv:2611.00001",
            "title": "RAGs that forget",
        }
    ]
}
DELIVERY: dict[str, Any] = {
    "key": _KEY,
    "subscriber": 17,
    "period": "2026-11-20",
    "state": "failed",
    "attempts": 1,
    "not_before": "2026-11-20T06:30:00Z",
    "expires_at": "2026-11-21T02:30:00Z",
    "finished_at": "2026-11-20T06:30:04Z",
    "stage": "rcpt",
    "code": 550,
    "enhanced": "5.1.1",
    "reply": "no such user",
}
WHOLE_DELIVERY: dict[str, Any] = DELIVERY | {
    "tried": [
        {
            "number": 1,
            "at": "2026-11-20T06:30:04Z",
            "outcome": "failed",
            "stage": "rcpt",
            "code": 550,
            "enhanced": "5.1.1",
            "reply": "no such user",
        }
    ]
}
