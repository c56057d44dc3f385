"""The settings of one source, checked: [[source]] tables."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from notifier.config_values import HttpUrl, OneLine, Section

_KEYS_OF_KINDS = {
    "categories": ("arxiv", "biorxiv", "medrxiv"),
    "query": ("pubmed",),
    "api_key": ("pubmed",),
    "api_key_file": ("pubmed",),
    "days": ("arxiv", "huggingface", "biorxiv", "medrxiv", "pubmed"),
    "holidays": ("arxiv",),
    "quiet_days": ("feed", "pubmed", "biorxiv", "medrxiv"),
}
_ARXIV_CATEGORY = re.compile(r"[A-Za-z-]+(\.[A-Za-z-]+)?")


class SourceSettings(Section):
    """[[source]]"""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
    kind: Literal[
        "arxiv", "huggingface", "biorxiv", "medrxiv", "pubmed", "feed", "listing", "arxiv-authors"
    ]
    categories: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = ()
    urls: tuple[HttpUrl, ...] = ()
    query: OneLine = ""
    api_key: SecretStr = SecretStr("")
    api_key_file: Path | None = None
    days: Annotated[int, Field(ge=1, le=60)] | None = None
    quiet_days: Annotated[int, Field(ge=1, le=3650)] = 30
    holidays: tuple[date, ...] | None = None
    every_minutes: Annotated[int, Field(ge=5)] = 120
    enabled: bool = True

    @model_validator(mode="after")
    def _has_no_key_of_another_kind(self) -> SourceSettings:
        for key, kinds in _KEYS_OF_KINDS.items():
            if key in self.model_fields_set and self.kind not in kinds:
                raise ValueError(
                    f'source "{self.name}": {key} means nothing for kind "{self.kind}", only for '
                    f"{', '.join(kinds)} - take it away"
                )
        return self

    @model_validator(mode="after")
    def _has_an_address(self) -> SourceSettings:
        if self.kind == "feed" and not self.urls:
            raise ValueError(f'source "{self.name}" has no urls - write urls = ["https://..."]')
        if self.kind == "arxiv" and not (self.urls or self.categories):
            raise ValueError(f'source "{self.name}" has no categories - as in ["cs.CL", "stat.ML"]')
        if self.kind == "pubmed" and not (self.urls or self.query.strip()):
            raise ValueError(f'source "{self.name}" has no query - as in "asthma AND 2026[dp]"')
        if self.kind == "listing" and self.enabled:
            raise ValueError(
                f'source "{self.name}": saved listings are read by "notifier ingest --file", not '
                "fetched - take the [[source]] away"
            )
        return self

    @model_validator(mode="after")
    def _has_categories_of_arxiv(self) -> SourceSettings:
        wrong = [c for c in self.categories if not _ARXIV_CATEGORY.fullmatch(c)]
        if self.kind == "arxiv" and wrong:
            raise ValueError(f'"{wrong[0]}" is no arXiv category - write one like cs.CL or hep-th')
        return self
