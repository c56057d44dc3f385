"""[engine]: how work is handed to those who do it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from notifier.config_values import Section


class Engine(Section):
    """[engine]"""

    kind: Literal["inline", "procrastinate"] = "inline"
    tasks: Annotated[int, Field(ge=1, le=16)] = 2
    shard: Annotated[int, Field(ge=20, le=5000)] = 300
    match_parts: Annotated[int, Field(ge=1, le=64)] = 1
    lease_seconds: Annotated[int, Field(ge=10, le=3600)] = 120

    def check(self, url: str) -> None:
        """Say so where there is no place for the queue.

        Raises:
            ValueError: the database of `url` is not PostgreSQL's.
        """
        if self.kind == "procrastinate" and not url.startswith("postgres"):
            raise ValueError(
                'engine.kind = "procrastinate" keeps its queue in PostgreSQL - write database.url '
                'like "postgresql://notifier@localhost/notifier", or engine.kind = "inline"'
            )
