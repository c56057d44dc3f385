"""SpamAssassin finds nothing in how a digest is built."""

from __future__ import annotations

import re
import shutil
import subprocess
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from .commands import Notifier, notifier
from .conftest import need
from .test_message import GOLDEN

__all__ = ["notifier"]

# What fires all the same, and why it says nothing against the mail.
ALLOWED = {
    "NO_RECEIVED": "a mail that has not been sent has no Received header",
    "NO_RELAYS": "the same",
    "HTML_MESSAGE": "worth nothing: it tells that there is an HTML part",
    "MAILING_LIST_MULTI": "in our favour: the headers of a list are there",
}
ALLOWED_IN = {
    "hostile.eml": {"LONGWORDS": "its titles and abstracts have a word of 3,000 letters"},
    "demo": {"WEIRD_PORT": "the demo's pages are at a port of this machine"},
}


@pytest.fixture(autouse=True)
def spamassassin() -> None:
    need(shutil.which("spamassassin"), "SpamAssassin (apt-get install spamassassin)")


def fired(*mails: Path) -> list[set[str]]:
    """The names of the rules that each mail meets, without asking the network or what was learnt.

    All of them are asked at once: to begin takes longer than to judge some mails.
    """
    command = ("spamassassin", "-t", "-L", "-x", "--cf=use_bayes 0", *mails)
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    _, *judged = re.split(rb"^(?=X-Spam-Checker-Version: )", done.stdout, flags=re.MULTILINE)
    assert len(judged) == len(mails)
    return [_names(one) for one in judged]


def _names(judged: bytes) -> set[str]:
    status = str(message_from_bytes(judged, policy=policy.default)["X-Spam-Status"])
    names = "".join(status.split()).partition("tests=")[2].partition("autolearn=")[0]
    return set(names.split(","))


def test_no_rule_fires_because_of_how_a_mail_is_built() -> None:
    mails = sorted(GOLDEN.glob("*.eml"))
    assert mails
    known = [{*ALLOWED, *ALLOWED_IN.get(path.name, {})} for path in mails]
    found = zip(mails, fired(*mails), known, strict=True)
    assert {path.name: more for path, rules, few in found if (more := rules - few)} == {}


def test_no_rule_fires_on_what_the_demo_sends(notifier: Notifier) -> None:
    folder = notifier.folder / "mails"
    assert notifier("demo", "--once", "--no-browser", "--keep", folder).code == 0
    mails = sorted(folder.glob("*.eml"))
    assert mails
    assert set().union(*fired(*mails)) <= {*ALLOWED, *ALLOWED_IN["demo"]}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"Date: ", b"X-Date: ", "MISSING_DATE"),
        (b"Message-ID: ", b"X-Message-ID: ", "MISSING_MID"),
        (b"Subject: Agents: LLM agents that plan", b"Subject: ", "HTML_TITLE_SUBJ_DIFF"),
        (b"Content-Type: text/plain", b"Content-Type: text/html", "MIME_HTML_ONLY"),
    ],
)
def test_a_rule_fires_on_a_mail_that_is_built_badly(
    tmp_path: Path, old: bytes, new: bytes, rule: str
) -> None:
    raw = (GOLDEN / "one_paper.eml").read_bytes()
    assert old in raw
    (tmp_path / "bad.eml").write_bytes(raw.replace(old, new))
    assert rule in fired(tmp_path / "bad.eml")[0]
