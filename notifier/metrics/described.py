"""Every metric there is: its name, kind, labels and meaning. Pure.

Source: https://prometheus.io/docs/practices/naming/ (base units, `_total`, one word in front).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["gauge", "counter", "histogram"]
Place: TypeAlias = Literal["database", "process"]
"""database: the same whichever process is asked. process: of the one that answers."""

PREFIX = "notifier_"
_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_MIDDLE = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
_LONG = (0.1, 0.5, 2.0, 10.0, 30.0, 120.0, 600.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `name` is that of its samples. `buckets`: upper ends, of histograms."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    place: Place = "database"
    buckets: tuple[float, ...] = ()


def _of(name: str, kind: Kind, help_: str, *labels: str) -> Metric:
    return Metric(PREFIX + name, kind, help_, labels)


def _here(
    name: str, kind: Kind, help_: str, *labels: str, buckets: tuple[float, ...] = ()
) -> Metric:
    return Metric(PREFIX + name, kind, help_, labels, "process", buckets)


_ALL = (
    _here("build_info", "gauge", "Which program answers; always 1.",
          "version", "python", "database", "schema"),
    _of("database_size_bytes", "gauge", "Size of the database, of SQLite with its journal."),
    _of("source_state", "gauge", "1 for the state that a source is in (docs/sources.md).",
        "source", "state"),
    _of("source_failures", "gauge", "Failures of a source since its last success.", "source"),
    _of("source_last_success_timestamp_seconds", "gauge",
        "When a source was last read to the end; 0 before the first time.", "source"),
    _of("papers_stored", "gauge", "Papers stored; counted every five minutes."),
    _of("papers_new_total", "counter", "Papers that came, since this process counts."),
    _of("subscribers", "gauge", "Subscribers by state; counted every five minutes.", "state"),
    _of("suppressed_addresses", "gauge",
        "Addresses that must not be mailed; counted every five minutes."),
    _of("digest_overdue_seconds", "gauge",
        "How long the subscriber who waits longest has been due for a digest; 0 where nobody is."),
    _of("digests_planned", "gauge", "Digests that are due and not written yet."),
    _of("digests_total", "counter",
        "Digests made, and those for which nothing matched, since this process counts.", "outcome"),
    _of("digest_last_made_timestamp_seconds", "gauge", "When a digest was last made; 0 if never."),
    _of("outbox_mails", "gauge", "Mails that are to be sent: pending, claimed or held.", "state"),
    _of("outbox_oldest_seconds", "gauge",
        "How long ago the oldest mail that is to be sent was made; 0 where there is none.",
        "state"),
    _of("deliveries", "gauge", "Deliveries that are kept, by state; counted every five minutes.",
        "state"),
    _of("delivery_attempts_total", "counter",
        "Attempts to send, by what became of them and by destination, since this process counts: "
        "sent, pending (tried again later), failed (refused for good), held (in doubt), released "
        "(the mail was not to blame).", "outcome", "destination"),
    _of("delivery_last_sent_timestamp_seconds", "gauge",
        "When a digest was last taken by the mail server; 0 where none was of late."),
    _of("letters_waiting", "gauge", "Letters (confirmations, links, alerts) that are to be sent."),
    _of("bounces_total", "counter", "Mails that came back, by kind, since this process counts.",
        "kind"),
    _of("mail_server_asked", "gauge",
        "1 while the mail server is asked, 0 while it is left alone after failures."),
    _of("destinations_stopped", "gauge", "Destinations that are slow or paused.", "state"),
    _of("alerts", "gauge", "What needs somebody at present, by kind (docs/health.md).", "kind"),
    _of("processes", "gauge",
        "Processes on this database: the scheduler, those that stand by, run, or fell silent.",
        "state"),
    _here("engine_tasks_waiting", "gauge",
          "Tasks of the engine that nobody has begun: of all processes, or of this one where it "
          "does its own work.", "engine"),
    _here("scheduler_is_leader", "gauge", "1 where this process plans, 0 where it stands by."),
    _here("tick_age_seconds", "gauge", "How long ago this process last looked for work."),
    _here("matches_total", "counter", "Matches of profiles with papers that were kept."),
    _here("digest_failures_total", "counter",
          "Digests that could not be made; they are tried again after a quarter of an hour."),
    _here("source_entries_total", "counter",
          "Entries that a source showed: new, updated, merged with another's, or rejected.",
          "source", "outcome"),
    _here("job_failures_total", "counter", "Jobs that ended with an error.", "job"),
    _here("job_last_success_timestamp_seconds", "gauge", "When a job last ended well.",
          "job"),
    _here("ingest_seconds", "histogram", "How long it took to read a source.", "source",
          buckets=_LONG),
    _here("match_seconds", "histogram", "How long it took to match what was new.", buckets=_LONG),
    _here("plan_seconds", "histogram", "How long it took to plan the digests that were due.",
          buckets=_LONG),
    _here("compose_seconds", "histogram", "How long it took to write digests that were planned.",
          buckets=_LONG),
    _here("deliver_seconds", "histogram", "How long a run of sending took.", buckets=_LONG),
    _here("mail_seconds", "histogram",
          "How long the mail server took for one mail, refused ones too.", "outcome",
          buckets=_MIDDLE),
    _here("page_seconds", "histogram", "How long a page took, by route, never by address.",
          "route", "method", "status", buckets=_SHORT),
    _here("scrape_seconds", "gauge", "How long the numbers took to gather the last time."),
)  # fmt: skip
METRICS: Mapping[str, Metric] = MappingProxyType({one.name: one for one in _ALL})


def reference() -> str:
    """Return the table of all metrics, Markdown."""
    lines = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    for one in _ALL:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        here = " Of the process that answers." if one.place == "process" else ""
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.help}{here} |")
    return "\n".join(lines) + "\n"
