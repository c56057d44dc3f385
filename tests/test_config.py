"""The configuration: every key documented, every mistake named with its line and cure."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from notifier import config
from notifier.cli.config import example
from notifier.config import Settings
from notifier.delivery.limits import Limit
from notifier.errors import ConfigError

from .commands import Notifier, notifier

__all__ = ["notifier"]


def written(folder: Path, text: str) -> Path:
    path = folder / "notifier.toml"
    path.write_text(text)
    return path


def documented() -> dict[str, Any]:
    """The example with every commented default switched on."""
    lines = example().splitlines()
    until = next(n for n, line in enumerate(lines) if line.startswith("# Sources:"))
    keys = [re.sub(r"^# (?=[a-z_0-9]+ = )", "", line) for line in lines[:until]]
    return tomllib.loads("\n".join(keys))


def test_the_example_documents_every_key_with_its_default() -> None:
    found = documented()
    defaults = Settings()
    sections = [name for name in Settings.model_fields if name not in ("source", "provider")]
    assert list(found) == sections
    for name in sections:
        section: BaseModel = getattr(defaults, name)
        fields = type(section).model_fields
        keys = {field.alias or key: getattr(section, key) for key, field in fields.items()}
        assert set(found[name]) == set(keys), name
        for key, default in keys.items():
            if default is not None:
                assert _plain(default) == found[name][key], f"{name}.{key}"


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return (
        list(value)
        if isinstance(value, tuple)
        else str(value)
        if isinstance(value, Path)
        else value
    )


def test_every_key_of_the_example_has_a_comment_above_it() -> None:
    lines = example().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"# [a-z_0-9]+ = ", line):
            above = lines[number - 1]
            assert above.startswith("# "), line


@pytest.mark.parametrize(
    ("begins", "ends", "model"),
    [
        ("# Sources:", "[[source]]", config.SourceSettings),
        ("# Mail providers:", "# [[provider]]", config.ProviderSettings),
    ],
)
def test_every_key_of_a_table_that_may_come_often_is_explained(
    begins: str, ends: str, model: type[BaseModel]
) -> None:
    text = example().partition(begins)[2].partition(f"\n{ends}")[0]
    explained = set(re.findall(r"^#   ([a-z_]+) ", text, re.M))
    assert explained == set(model.model_fields)


def test_the_example_as_it_stands_can_be_used(tmp_path: Path) -> None:
    settings = config.load(written(tmp_path, example()))
    assert [source.name for source in settings.source] == ["arxiv", "huggingface", "arxiv-authors"]


IMAP = "[bounce]\nimap_host = 'm.example.org'\nimap_user = 'me'\nimap_password = 'x'\n"
MISTAKES = [
    ("[smtp]\nusr = 'x'\n", 'line 2: unknown key "smtp.usr" - did you mean "smtp.user"?'),
    ("[smtpp]\nhost = 'x'\n", 'line 1: unknown key "smtpp" - did you mean "smtp"?'),
    ("[mail]\n\nfromm = 'x'\n", 'line 3: unknown key "mail.fromm" - did you mean "mail.from"?'),
    ("[smtp]\nport = 'many'\n", "line 2: smtp.port: Input should be a valid integer"),
    ("[smtp]\nport = 70000\n", "line 2: smtp.port: Input should be less than or equal to 65535"),
    (
        "[smtp]\nsecurity = 'ssl'\n",
        "line 2: smtp.security: Input should be 'tls', 'starttls' or 'none'",
    ),
    ("[digest]\nzone = 'Berlin'\n", 'line 2: digest.zone: "Berlin" is no IANA time zone'),
    ("[digest]\ntime = '7 am'\n", "line 2: digest.time:"),
    ("[digest]\ndays = []\n", "line 2: digest.days:"),
    ("[site]\npublic_url = 'papers.example.org'\n", "line 2: site.public_url:"),
    ("[[source]]\nname = 'a'\nkind = 'feed'\n", 'source "a" has no urls'),
    ("[[source]]\nname = 'a'\nkind = 'arxiv'\n", 'source "a" has no categories'),
    ("[[source]]\nname = 'a'\nkind = 'pubmed'\nquery = ' '\n", 'source "a" has no query'),
    ("[[source]]\nname = 'a'\nkind = 'listing'\n", "saved listings are read by"),
    (
        "[[source]]\nname = 'a'\nkind = 'feed'\nurls = ['http://a.example']\nquery = 'ferns'\n",
        'query means nothing for kind "feed"',
    ),
    (
        "[[source]]\nname = 'a'\nkind = 'huggingface'\n\n[[source]]\nname = 'b'\nkindd = 'feed'\n",
        'line 7: unknown key "source.kindd" - did you mean "source.kind"?',
    ),
    (
        "[[source]]\nname='a'\nkind='huggingface'\n[[source]]\nname='a'\nkind='huggingface'\n",
        'two sources are named "a"',
    ),
    ('[mail]\nfrom = "A\\nBcc: x"\n', "line 2: mail.from: holds a line break"),
    (
        "[smtp]\nhost = 'mail.example.org'\nuser = 'me'\n",
        "a login without TLS would show the password",
    ),
    ("[mail]\nfrom = 'nonsense'\n", 'line 2: mail.from: "nonsense" is no mailbox'),
    ("[site]\npublic_url = 'https://münchen.de/ä'\n", "line 2: site.public_url:"),
    ("[site]\nlisten = '127.0.0.1:99999'\n", "a port lies between 0 and 65535"),
    ("[smtp]\ntimeout_seconds = 601\n", "delivery.lease_minutes must be a minute longer"),
    ("[smtp]\nsend_seconds = 241\n", "delivery.lease_minutes must be a minute longer"),
    ("[smtp]\nmails_per_connection = 0\n", "line 2: smtp.mails_per_connection:"),
    ("[smtp]\ntimeout_seconds = inf\n", "line 2: smtp.timeout_seconds:"),
    ("[[provider]]\nname = 'campus'\n", 'provider "campus" has no domains - write domains = '),
    ("[[provider]]\nname = 'google'\nper_minut = 1\n", 'did you mean "provider.per_minute"?'),
    ("[[provider]]\nname = 'x.org'\ndomains = ['a@x.org']\n", "line 3: provider.domains:"),
    ("[[provider]]\nname = 'x.org'\ndomains = ['*.x.*']\n", "line 3: provider.domains:"),
    ("[[provider]]\nname = 'Google'\n", "line 2: provider.name:"),
    ("[[provider]]\nname = 'google'\nper_hour = 0\n", "line 3: provider.per_hour:"),
    (
        "[[provider]]\nname='a'\ndomains=['x.org']\n[[provider]]\nname='x.org'\n",
        '"x.org" stands in two [[provider]] tables, "a" and "x.org" - leave it in one',
    ),
    ("[delivery]\nper_second = 0\n", "line 2: delivery.per_second:"),
    ("[health]\nping_url = 'hc-ping.com/x'\n", "line 2: health.ping_url: it is no address - write"),
    ("[health]\nping_url_file = 'nowhere'\n", "health.ping_url_file: nowhere cannot be read"),
    ("[health]\nping_url = 'http://a/b'\nping_url_file = 'x'\n", "are both set - leave one out"),
    ("[health]\nalert_to = ['Ops <o@x.org>']\n", 'health.alert_to: "Ops <o@x.org>" is no address'),
    ("[health]\nalert_to = 'o@x.org'\n", "health.alert_to: Input should be a valid tuple"),
    ("[health]\nmetrics = 'all'\n", "line 2: health.metrics: Input should be 'local', 'key' or"),
    ("[smtp\n", "Expected ']'"),
    ("[smtp]\npassword_file = 'nowhere'\n", "smtp.password_file: nowhere cannot be read"),
    (
        "[bounce]\nlisten = '0.0.0.0:2424'\n",
        'line 2: bounce.listen: "0.0.0.0:2424" could be reached',
    ),
    ("[bounce]\nlisten = 'mail.example.org:24'\n", 'write "127.0.0.1:24" or "unix:/path'),
    ("[bounce]\nlisten = '2424'\n", 'line 2: bounce.listen: "2424" is no place to listen'),
    ("[bounce]\nlisten = 'localhost:99999'\n", "is no place to listen"),
    ("[bounce]\nlisten = 'unix:'\n", "is no place to listen"),
    ("[bounce]\nlisten = '[::1]:2424'\n", "bounce.listen needs mail.bounce_address"),
    ("[bounce]\nimap_user = 'me'\n", "line 1: bounce: imap_user needs imap_host beside it"),
    ("[bounce]\nimap_host = 'm.example.org'\nimap_user = 'me'\n", "and imap_password_file beside"),
    (f"{IMAP}imap_security = 'none'\n", "without TLS the password could be read"),
    (f"{IMAP}imap_folder = 'Inbox'\nimap_done_folder = 'INBOX'\n", "must be another one"),
    (f"{IMAP}imap_password_file = 'nowhere'\n", "imap_password_file: nowhere cannot be read"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=lambda v: v[:30])
def test_a_mistake_is_named_with_its_place_and_cure(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(written(tmp_path, text))
    assert message in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(written(tmp_path, "[smtp]\nprot = 25\nusr = 'x'\n"))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.sqlite("the URL is another")
def test_a_database_url_that_is_none_is_named(notifier: Notifier) -> None:
    notifier.config.write_text("[database]\nurl = 'notifier.db'\n")
    result = notifier("status")
    assert result.code == 2
    assert "database.url is no database URL" in result.err


@pytest.mark.sqlite("the URL is another")
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://me:hunter2@host/x", 'database.url: "mysql" is not supported'),
        (
            "sqlite:////proc/nowhere/x.db",
            "database /proc/nowhere/x.db: no folder for it at /proc/nowhere",
        ),
        ("sqlite:////dev/null/x.db", "database /dev/null/x.db: no folder for it at /dev/null"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_in_one_line(
    notifier: Notifier, url: str, message: str
) -> None:
    notifier.config.write_text(f"[database]\nurl = '{url}'\n")
    result = notifier("status")
    assert result.code in (1, 2)
    assert message in result.err
    assert "hunter2" not in result.err
    assert len(result.err.splitlines()) == 1


def test_the_environment_lies_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "[smtp]\nhost = 'one'\nport = 26\n")
    monkeypatch.setenv("NOTIFIER_SMTP__HOST", "two")
    settings = config.load(path)
    assert (settings.smtp.host, settings.smtp.port) == ("two", 26)


def test_a_list_in_the_environment_that_is_no_json_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOTIFIER_DIGEST__DAYS", "mon,tue")
    with pytest.raises(ConfigError, match="write lists and tables as JSON"):
        config.load(None)


def test_a_mistake_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SMTP__PORT", "many")
    with pytest.raises(ConfigError, match=r"environment: smtp\.port"):
        config.load(None)


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    mail = "[mail]\ndirectory = 'out'\nbounce_address = 'b@papers.example.org'\n"
    settings = config.load(written(tmp_path, f"{mail}[bounce]\nlisten = 'unix:lmtp.sock'\n"))
    assert settings.mail.directory == tmp_path / "out"
    assert settings.bounce.listen == f"unix:{tmp_path}/lmtp.sock"
    assert settings.database.url == f"sqlite:///{tmp_path}/notifier.db"


def test_a_password_comes_from_its_file_and_is_shown_nowhere(notifier: Notifier) -> None:
    (notifier.folder / "secret").write_text("hunter2\n")
    notifier.config.write_text(
        "[smtp]\npassword_file = 'secret'\n"
        "[bounce]\nimap_host = 'a'\nimap_user = 'me'\nimap_password_file = 'secret'\n"
        "[database]\nurl = 'postgresql+psycopg://me:hunter2@db.example.org/n'\n"
        "[[source]]\nname = 'a'\nkind = 'feed'\nurls = ['https://me:hunter2@example.org/f']\n"
    )
    settings = config.load(notifier.config)
    assert settings.smtp.password.get_secret_value() == "hunter2"
    assert settings.bounce.imap_password.get_secret_value() == "hunter2"
    for format_ in ("table", "json"):
        shown = notifier("config", "show", "--format", format_)
        assert shown.code == 0
        assert "hunter2" not in shown.out + shown.err


def test_without_a_file_the_defaults_are_in_use_and_said_so(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert f"{notifier.config}: ok" in notifier("config", "check").err
    notifier.config.unlink()
    result = notifier("config", "check")
    assert result.code == 2
    assert '"notifier init" writes one' in result.err


def test_a_provider_by_its_domain_and_limits_are_read(tmp_path: Path) -> None:
    text = (
        "[delivery]\nper_second = 14\nper_day = 200\npostfix_log = 'log'\n"
        "[[provider]]\nname = 'uni-x.example'\nper_hour = 3\n"
    )
    settings = config.load(written(tmp_path, text))
    (provider,) = settings.provider
    assert provider.all_domains == ("uni-x.example",)
    assert provider.limits == (Limit(3600, 3),)
    assert settings.delivery.limits == (Limit(1, 14), Limit(86_400, 200))
    assert settings.delivery.postfix_log == tmp_path / "log"


def test_the_pings_address_comes_from_a_file_and_is_shown_to_nobody(
    tmp_path: Path, notifier: Notifier
) -> None:
    (tmp_path / "ping.url").write_text("https://hc-ping.com/a-secret\n")
    notifier.config.write_text("[health]\nping_url_file = 'ping.url'\n")
    settings = config.load(notifier.config)
    assert settings.health.ping_url.get_secret_value() == "https://hc-ping.com/a-secret"
    shown = notifier("config", "show")
    assert "a-secret" not in shown.out + repr(settings)
    assert 'health.ping_url = "**********"' in shown.out
    (tmp_path / "ping.url").write_text("a-secret\n")
    with pytest.raises(ConfigError, match=r"ping_url_file: ping\.url: it is no address") as error:
        config.load(notifier.config)
    assert "a-secret" not in str(error.value)
