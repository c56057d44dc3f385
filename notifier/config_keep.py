"""For how long what is of no use any more is kept, checked: [keep], in days by kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from notifier.config_values import Section

# A digest looks back 30 days at most: what is kept longer reaches nobody a second time.
_Days = Annotated[int, Field(ge=60, le=36_500)]
_FewDays = Annotated[int, Field(ge=8, le=36_500)]


class Keep(Section):
    """[keep]"""

    papers_days: _Days = 400
    digests_days: _Days = 400
    attempts_days: Annotated[int, Field(ge=7, le=36_500)] = 90
    bounces_days: _Days = 180
    signals_days: _Days = 400
    words_days: _Days = 90
    letters_days: _FewDays = 30
    signups_days: _FewDays = 30
