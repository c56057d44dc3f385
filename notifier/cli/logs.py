"""Logs go to stderr, for people or for machines; those of libraries, from warnings on, as ours do.

Each line names the run it belongs to, and holds no address, token or secret (`discreet`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from typing import Literal

import structlog

from notifier.cli.discreet import Discreet


def configure(
    format_: Literal["console", "json"], level: str, secrets: Collection[str] = ()
) -> None:
    """Set up structlog: `level` and above, one line an event.

    Args:
        secrets: Of the configuration; no line will hold them.
    """
    render: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if format_ == "console":
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Frames without their locals: those hold addresses and tokens.
            structlog.processors.format_exc_info,
            Discreet(secrets),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if not isinstance(one, _Ours)] + [
        _Ours(logging.WARNING)
    ]


class _Ours(logging.Handler):
    """Takes what libraries log into our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it as one of ours."""
        cause = {"exc_info": record.exc_info} if record.exc_info else {}
        structlog.get_logger().log(
            record.levelno, record.getMessage(), library=record.name, **cause
        )
