"""The settings of sending, checked: [delivery] and the [[provider]] tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from notifier.config_values import Section
from notifier.delivery.destinations import PROVIDERS
from notifier.delivery.limits import Limit

_SECONDS = {"per_second": 1, "per_minute": 60, "per_hour": 3600, "per_day": 86_400}
_NAME = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
_DOMAIN = r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$|^[a-z0-9-]+(\.[a-z0-9-]+)*\.\*$"

Most = Annotated[int, Field(ge=1, le=10_000_000)]


class Rates(Section):
    """How many mails may be sent in a time; what is not given is not limited."""

    per_second: Most | None = None
    per_minute: Most | None = None
    per_hour: Most | None = None
    per_day: Most | None = None

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits that are set."""
        given = ((seconds, getattr(self, name)) for name, seconds in _SECONDS.items())
        return tuple(Limit(seconds, most) for seconds, most in given if most)


class Delivery(Rates):
    """[delivery]"""

    daily_hours: Annotated[int, Field(ge=1, le=240)] = 20
    weekly_hours: Annotated[int, Field(ge=1, le=240)] = 96
    lease_minutes: Annotated[int, Field(ge=11, le=240)] = 15
    in_doubt: Literal["resend", "hold", "reconcile"] = "resend"
    postfix_log: Path = Path("/var/log/mail.log")
    postfix_queue_command: Annotated[tuple[str, ...], Field(min_length=1)] = ("postqueue", "-j")


class ProviderSettings(Rates):
    """[[provider]]"""

    name: Annotated[str, Field(pattern=_NAME)]
    domains: tuple[Annotated[str, Field(pattern=_DOMAIN)], ...] = ()
    connections: Annotated[int, Field(ge=1, le=16)] | None = None

    @property
    def all_domains(self) -> tuple[str, ...]:
        """Its domains; a name that is one belongs to it."""
        return (*self.domains, self.name) if "." in self.name else self.domains

    @model_validator(mode="after")
    def _has_domains(self) -> ProviderSettings:
        if not self.all_domains and self.name not in PROVIDERS:
            raise ValueError(
                f'provider "{self.name}" has no domains - write domains = ["uni-x.example"], or '
                f"a name of the built-in table: {', '.join(sorted(PROVIDERS))}"
            )
        return self
