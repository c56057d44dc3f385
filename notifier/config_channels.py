"""The settings of other channels than mail, checked: [channels]."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from notifier.config_values import Section

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?(:\d{1,5})?", re.I)
_IP = re.compile(r"[0-9a-f:.]+(/\d{1,3})?|\[[0-9a-f:.]+\]:\d{1,5}", re.I)


def _host(written: str) -> str:
    if not (_HOST.fullmatch(written) or _IP.fullmatch(written)):
        raise ValueError(
            f'"{written}" is no host - write ntfy.example.org, ntfy.lan:8080, 10.0.0.5 or '
            "10.0.0.0/24"
        )
    return written


class Channels(Section):
    """[channels]"""

    allowed: tuple[Literal["slack", "discord", "telegram", "ntfy", "webhook"], ...] = ()
    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    papers: Annotated[int, Field(ge=1, le=25)] = 8
    timeout_seconds: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] = 20.0
