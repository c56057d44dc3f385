"""What a system manager copies: systemd's units, the image, its compose file."""

from __future__ import annotations

import os
import platform
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier import config
from notifier.vitals import ROLES

from .conftest import need

ROOT = Path(__file__).resolve().parents[1]
UNITS = ROOT / "config" / "systemd"
SERVICES = ("notifier.service", "notifier-tick.service")
WORKER = "notifier-worker@.service"
COMPOSE = ("compose-small.yaml", "compose.yaml")
IMAGES = ("Dockerfile", "relay.Dockerfile")
ANALYZE = shutil.which("systemd-analyze")
TOOLS = Path(sys.executable).parent
# How exposed a service may be at most, of 10.
EXPOSURE = 2.5


def ran(*command: object) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=60, check=False
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    return told


def directives(text: str) -> dict[str, list[str]]:
    """What a unit says, by name."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", text):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("name", [*SERVICES, WORKER])
def test_a_service_is_hardly_exposed(name: str) -> None:
    need(ANALYZE, "systemd-analyze (Debian: systemd)")
    told = ran(ANALYZE, "security", "--offline=true", "--no-pager", UNITS / name)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert found, told
    assert float(found[1]) < EXPOSURE, told


def test_systemd_reads_the_units_without_a_complaint(tmp_path: Path) -> None:
    need(ANALYZE, "systemd-analyze (Debian: systemd)")
    for unit in UNITS.iterdir():  # the program must be there
        text = unit.read_text().replace("/opt/notifier/bin/notifier", sys.executable)
        (tmp_path / unit.name).write_text(text)
    assert ran(ANALYZE, "verify", *sorted(tmp_path.iterdir())) == ""


def test_daemon_and_pass_are_locked_in_alike() -> None:
    daemon, once = (directives((UNITS / name).read_text()) for name in SERVICES)
    differ = {name for name in daemon.keys() | once.keys() if daemon.get(name) != once.get(name)}
    assert differ == {
        "Description", "Type", "NotifyAccess", "ExecStart", "ExecReload", "Restart", "RestartSec",
        "RestartPreventExitStatus", "WatchdogSec", "RuntimeDirectory", "WantedBy",
        "SuccessExitStatus",
    }  # fmt: skip


def test_a_worker_is_the_daemon_but_for_its_role() -> None:
    daemon, worker = (directives((UNITS / name).read_text()) for name in (SERVICES[0], WORKER))
    differ = {
        name for name in daemon.keys() | worker.keys() if daemon.get(name) != worker.get(name)
    }
    assert differ == {"Description", "ExecStart", "RuntimeDirectory"}
    assert worker["ExecStart"] == ["/opt/notifier/bin/notifier run --only worker"]
    assert worker["Restart"] == ["always"], "the engine's worker may end with 0"


def test_the_wait_for_a_mail_on_the_wire_fits_into_the_stop() -> None:
    most = config.Settings().smtp.whole_seconds
    (stop,) = directives((UNITS / "notifier.service").read_text())["TimeoutStopSec"]
    assert most < int(stop)
    for name in COMPOSE:
        grace = re.search(r"stop_grace_period: (\d+)m", (ROOT / "config" / name).read_text())
        assert grace
        assert most < int(grace[1]) * 60


@pytest.mark.parametrize("name", IMAGES)
def test_the_images_are_built_with_care(name: str) -> None:
    assert ran(TOOLS / "hadolint", "--no-color", ROOT / "config" / name) == ""


def test_the_image_is_nobodys_root_and_made_by_the_uv_of_this_project() -> None:
    text = (ROOT / "config" / "Dockerfile").read_text()
    last = text.rpartition("FROM ")[2]
    assert re.search(r"(?m)^USER (?!0$|root)\w+$", last)
    version = re.search(r"(?m)^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text())
    assert version
    assert f"uv=={version[1]}\n" in text


def test_every_setting_of_the_image_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    named = settings_in("Dockerfile", "compose-small.yaml")
    assert len(named) > 3
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    found = config.load(None)
    assert found.site.listen == "0.0.0.0:8080"
    assert found.database.url == "sqlite:////var/lib/notifier/notifier.db"


def settings_in(*names: str) -> dict[str, str]:
    """The settings that files of a system manager give, the last word of each."""
    text = "".join((ROOT / "config" / name).read_text() for name in names)
    return dict(re.findall(r"(NOTIFIER_\w+__\w+)(?:=|: )(\S+)", text))


def test_many_containers_are_one_service_on_a_database_and_a_relay_beside_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("tiger\n")
    for name, value in settings_in("Dockerfile", "compose.yaml").items():
        here = value.replace("/run/secrets/database_password", str(tmp_path / "password"))
        monkeypatch.setenv(name, here)
    found = config.load(None)
    assert found.database.url == "postgresql://notifier:tiger@database/notifier"
    assert (found.engine.kind, found.smtp.host) == ("procrastinate", "relay")
    text = (ROOT / "config" / "compose.yaml").read_text()
    asked = re.search(r"http://(127\.0\.0\.1:\d+)/readyz", (ROOT / "config/Dockerfile").read_text())
    assert asked
    assert found.health.listen == asked[1], "whoever serves no pages is asked where it listens"
    roles = re.findall(r"command: \[run, --only, (\w+)\]", text)
    assert sorted(roles) == sorted(ROLES)


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Postfix as the relay's image has it, once started; returns what a setting is."""
    debians = Path("/etc/postfix/master.cf")
    need(shutil.which("postconf") and debians.exists(), "postfix (Debian: postfix)")
    shutil.copy(debians, tmp_path)
    (tmp_path / "main.cf").touch()
    (tmp_path / "postfix").write_text("#!/bin/sh\n")
    (tmp_path / "postfix").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))
    image = (ROOT / "config" / "relay.Dockerfile").read_text()
    made = re.search(r"(?m)^RUN (postconf (?:.*\\\n)*.*)$", image)
    assert made
    assert ran("sh", "-ec", made[1]) == ""
    return lambda name: ran("postconf", "-xh", name).strip()


def test_the_relay_is_in_no_jail_and_hands_mails_on_as_itself(
    relay: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAYHOST", "[smtp.example.org]:25")
    assert ran("sh", ROOT / "config" / "relay.sh") == ""
    assert set(re.findall(r"chroot = (\S+)", ran("postconf", "-F"))) == {"n"}
    assert relay("myorigin") == relay("myhostname") == platform.node()
    assert relay("relayhost") == "[smtp.example.org]:25"
    assert (relay("smtp_sasl_auth_enable"), relay("smtp_tls_security_level")) == ("no", "may")


def test_the_relay_logs_in_with_a_password_that_is_in_no_command_line_and_in_no_clear(
    relay: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("tiger, tiger\n")
    monkeypatch.setenv("RELAYHOST", "[smtp.example.org]:587")
    monkeypatch.setenv("RELAY_USER", "papers@example.org")
    monkeypatch.setenv("RELAY_PASSWORD_FILE", str(tmp_path / "password"))
    assert ran("sh", ROOT / "config" / "relay.sh") == ""
    maps = relay("smtp_sasl_password_maps")
    found = ran("postmap", "-q", "[smtp.example.org]:587", maps)
    assert found == "papers@example.org:tiger, tiger\n"
    assert stat.S_IMODE((tmp_path / "login").stat().st_mode) == 0o600
    assert (relay("smtp_sasl_auth_enable"), relay("smtp_tls_security_level")) == ("yes", "encrypt")
    assert relay("smtp_sasl_security_options") == "noplaintext, noanonymous"
    assert relay("smtp_sasl_tls_security_options") == "noanonymous"


@pytest.mark.parametrize("name", COMPOSE)
def test_a_compose_file_is_one_and_writes_nowhere_but_its_volumes(name: str) -> None:
    path = ROOT / "config" / name
    ran(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)
    text = path.read_text()
    for line in ("read_only: true", "- ALL", "- no-new-privileges:true"):
        assert line in text


def test_a_secret_comes_from_what_systemd_hands_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = tmp_path / "credentials"
    handed.mkdir()
    (handed / "smtp.password").write_text("tiger\n")
    (handed / "dkim.pem").write_text("key")
    (tmp_path / "imap.password").write_text("lion\n")
    (tmp_path / "notifier.toml").write_text(
        "[smtp]\npassword_file = 'smtp.password'\n"
        "[dkim]\nselector = 's'\nprivate_key_file = 'dkim.pem'\n"
        "[bounce]\nimap_host = 'a'\nimap_user = 'me'\nimap_password_file = 'imap.password'\n"
    )
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    found = config.load(tmp_path / "notifier.toml")
    assert found.smtp.password.get_secret_value() == "tiger"
    assert found.bounce.imap_password.get_secret_value() == "lion", (
        "not handed out: beside the file"
    )
    assert found.dkim.private_key_file == handed / "dkim.pem"
