"""Settings: read from notifier.toml and the environment, checked, frozen, or refused.

Every key of the file can also come from the environment, which wins:
`smtp.password` is `NOTIFIER_SMTP__PASSWORD`. A `*_file` twin reads a secret from a file.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from notifier import config_bounce, config_database, config_health, errors
from notifier.config_bounce import Bounce
from notifier.config_channels import Channels
from notifier.config_database import Database
from notifier.config_delivery import Delivery, ProviderSettings
from notifier.config_engine import Engine
from notifier.config_errors import explain
from notifier.config_health import Health
from notifier.config_keep import Keep
from notifier.config_sources import SourceSettings
from notifier.config_values import (
    AsciiUrl,
    BareAddress,
    HostName,
    LanguageCode,
    ListenAt,
    Mailbox,
    Network,
    OneLine,
    Rules,
    Section,
    Zone,
    file_of,
    secret,
)

FILE_NAME = "notifier.toml"
ENVIRONMENT = "NOTIFIER_"


class Site(Section):
    """[site]"""

    public_url: AsciiUrl = "http://localhost:8080"
    name: OneLine = "Paper notifier"
    contact: OneLine = ""
    postal_address: OneLine = ""
    templates_dir: Path | None = None
    listen: ListenAt = "127.0.0.1:8080"
    open_signup: bool = True
    trusted_proxies: tuple[Network, ...] = ()
    archive_days: Annotated[int, Field(ge=1, le=3650)] = 90
    sample_rules: Rules = "trending"


class Mail(Section):
    """[mail]"""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    sender: Annotated[Mailbox, Field(alias="from")] = "Paper notifier <notifier@localhost>"
    reply_to: Mailbox = ""
    bounce_address: BareAddress = ""
    transport: Literal["smtp", "files", "sink"] = "smtp"
    directory: Path = Path("outbox")
    connections: Annotated[int, Field(ge=1, le=16)] = 2


class Smtp(Section):
    """[smtp]"""

    host: OneLine = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    security: Literal["tls", "starttls", "none"] = "none"
    ca_file: Path | None = None
    user: OneLine = ""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    send_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 240.0
    timeout_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 600.0
    mails_per_connection: Annotated[int, Field(ge=1, le=10_000)] = 100
    connection_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 300.0
    idle_seconds: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = 30.0

    @property
    def whole_seconds(self) -> float:
        """How long one mail may take in all."""
        return self.send_seconds + self.timeout_seconds

    @model_validator(mode="after")
    def _one_password(self) -> Smtp:
        if self.password_file and self.password.get_secret_value():
            raise ValueError("password and password_file are both set - leave one out")
        return self

    @model_validator(mode="after")
    def _no_login_in_the_clear(self) -> Smtp:
        if self.user and self.security == "none" and self.host not in ("localhost", "127.0.0.1"):
            raise ValueError(
                'a login without TLS would show the password - set security = "tls" or "starttls"'
            )
        return self


class Dkim(Section):
    """[dkim]"""

    domain: HostName = ""
    selector: HostName = ""
    private_key_file: Path | None = None
    selector_ed25519: HostName = ""
    private_key_ed25519_file: Path | None = None

    @model_validator(mode="after")
    def _keys_have_selectors(self) -> Dkim:
        for selector, file in (
            ("selector", "private_key_file"),
            ("selector_ed25519", "private_key_ed25519_file"),
        ):
            given = [name for name in (selector, file) if getattr(self, name)]
            if len(given) == 1:
                (lacking,) = {selector, file} - set(given)
                raise ValueError(f"{given[0]} needs {lacking} beside it")
        if self.private_key_ed25519_file and not self.private_key_file:
            raise ValueError(
                "not everybody verifies Ed25519 - also set selector and private_key_file (RSA)"
            )
        if self.selector and self.selector == self.selector_ed25519:
            raise ValueError("each key needs a selector of its own")
        return self


class Digest(Section):
    """[digest]"""

    zone: Zone = "UTC"
    time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "07:00"
    days: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], Field(min_length=1)
    ] = ("mon", "tue", "wed", "thu", "fri")
    language: LanguageCode = "en"
    max_papers: Annotated[int, Field(ge=1, le=25)] = 12
    abstract_characters: Annotated[int, Field(ge=0, le=5000)] = 700
    lookback_days: Annotated[int, Field(ge=1, le=30)] = 14
    first_days: Annotated[int, Field(ge=0, le=30)] = 7
    sample: bool = True
    wait_minutes: Annotated[int, Field(ge=0, le=720)] = 60
    spread_minutes: Annotated[int, Field(ge=0, le=60)] = 60


class Matching(Section):
    """[matching]"""

    keep: Annotated[int, Field(ge=1, le=10_000)] = 500


class Ranking(Section):
    """[ranking]"""

    trend_weight: Annotated[float, Field(ge=0, le=5)] = 0.3
    half_life_days: Annotated[float, Field(gt=0, le=365)] = 7.0
    learning_share: Annotated[float, Field(ge=0, le=0.5)] = 0.25


class Http(Section):
    """[http]"""

    timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    max_megabytes: Annotated[int, Field(ge=1, le=1000)] = 50
    pause_seconds: Annotated[float, Field(ge=0)] = 3.0


class Daemon(Section):
    """[daemon]"""

    tick_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    stop_seconds: Annotated[int, Field(ge=1, le=600)] = 10


class Log(Section):
    """[log]"""

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """All settings; frozen."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENVIRONMENT, env_nested_delimiter="__"
    )

    site: Site = Site()
    mail: Mail = Mail()
    smtp: Smtp = Smtp()
    dkim: Dkim = Dkim()
    bounce: Bounce = Bounce()
    database: Database = Database()
    digest: Digest = Digest()
    matching: Matching = Matching()
    ranking: Ranking = Ranking()
    delivery: Delivery = Delivery()
    channels: Channels = Channels()
    keep: Keep = Keep()
    http: Http = Http()
    daemon: Daemon = Daemon()
    engine: Engine = Engine()
    health: Health = Health()
    log: Log = Log()
    source: tuple[SourceSettings, ...] = ()
    provider: tuple[ProviderSettings, ...] = ()

    @model_validator(mode="after")
    def _lease_outlives_a_mail(self) -> Settings:
        if self.delivery.lease_minutes * 60 < self.smtp.whole_seconds + 60:
            raise ValueError(
                "delivery.lease_minutes must be a minute longer than smtp.send_seconds and "
                "smtp.timeout_seconds together, or another worker sends a mail that is still on "
                "the wire"
            )
        return self

    @model_validator(mode="after")
    def _listener_has_a_domain(self) -> Settings:
        if self.bounce.listen and not self.mail.bounce_address:
            raise ValueError(
                "bounce.listen needs mail.bounce_address: mails to its domain are taken there"
            )
        return self

    @model_validator(mode="after")
    def _engine_has_a_server(self) -> Settings:
        self.engine.check(self.database.url)
        return self

    @model_validator(mode="after")
    def _source_names_differ(self) -> Settings:
        names = [source.name for source in self.source]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two sources are named "{name}" - rename one')
        return self

    @model_validator(mode="after")
    def _provider_domains_differ(self) -> Settings:
        seen: dict[str, str] = {}
        for provider in self.provider:
            for one in {provider.name, *provider.all_domains}:
                if one in seen:
                    raise ValueError(
                        f'"{one}" stands in two [[provider]] tables, "{seen[one]}" and '
                        f'"{provider.name}" - leave it in one'
                    )
                seen[one] = provider.name
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment lies over what the file says; there are no other places."""
        return (env_settings, init_settings)


def find_file(named: Path | None) -> Path | None:
    """Return the configuration file to read.

    The one named, else `$NOTIFIER_CONFIG`, else the first of ./notifier.toml, the user's
    configuration folder, /etc/notifier and the system's configuration folder that exists, else
    None.

    Raises:
        ConfigError: a file was named that does not exist.
    """
    named = named or (
        Path(os.environ["NOTIFIER_CONFIG"]) if "NOTIFIER_CONFIG" in os.environ else None
    )
    if named is not None:
        if not named.is_file():
            raise errors.ConfigError(f'{named}: no such file - "notifier init" writes one')
        return named
    import platformdirs

    places = (
        Path.cwd(),
        platformdirs.user_config_path("notifier"),
        Path("/etc/notifier"),
        platformdirs.site_config_path("notifier"),
    )
    return next((place / FILE_NAME for place in places if (place / FILE_NAME).is_file()), None)


def load(path: Path | None) -> Settings:
    """Return the settings of `path` (None: defaults) with the environment laid over.

    Relative paths in them count from the file's folder; without a file the database is in the
    user's data folder.

    Raises:
        ConfigError: one line for each mistake: file, line, key, cure.
    """
    try:
        settings = Settings(**_read_toml(path) if path else {})
    except ValidationError as error:
        raise errors.ConfigError(explain(error, path, Settings)) from None
    except SettingsError as error:
        raise errors.ConfigError(
            f"environment: {error} - write lists and tables as JSON, like "
            """NOTIFIER_DIGEST__DAYS='["mon", "fri"]'"""
        ) from None
    return _resolved(settings, path.parent.absolute() if path else None)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise errors.ConfigError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise errors.ConfigError(f"{path}: cannot be read: {error}") from None


def _resolved(settings: Settings, folder: Path | None) -> Settings:
    """Paths made absolute, the password read from its file."""
    if folder is None:
        import platformdirs

        folder = platformdirs.user_data_path("notifier")
    smtp = settings.smtp.model_copy(
        update={
            "password": secret(
                settings.smtp.password, settings.smtp.password_file, folder, "smtp.password_file"
            ),
            "ca_file": folder / settings.smtp.ca_file if settings.smtp.ca_file else None,
        }
    )
    sources = tuple(
        source.model_copy(
            update={"api_key": secret(source.api_key, source.api_key_file, folder, "api_key_file")}
        )
        for source in settings.source
    )
    mail = settings.mail.model_copy(update={"directory": folder / settings.mail.directory})
    keys = ("private_key_file", "private_key_ed25519_file")
    paths = {name: path for name in keys if (path := getattr(settings.dkim, name))}
    dkim = settings.dkim.model_copy(
        update={name: file_of(path, folder) for name, path in paths.items()}
    )
    log = folder / settings.delivery.postfix_log
    delivery = settings.delivery.model_copy(update={"postfix_log": log})
    own = settings.site.templates_dir
    site = settings.site.model_copy(update={"templates_dir": folder / own if own else None})
    return settings.model_copy(
        update={
            "site": site,
            "smtp": smtp,
            "dkim": dkim,
            "bounce": config_bounce.resolved(settings.bounce, folder),
            "health": config_health.resolved(settings.health, folder),
            "mail": mail,
            "database": config_database.resolved(settings.database, folder),
            "source": sources,
            "delivery": delivery,
        }
    )
