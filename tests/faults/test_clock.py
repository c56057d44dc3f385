"""A clock that is set back by an hour, and by a day: digests come late, never twice, and whole."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from notifier.storage import tables as t
from tests.sink import listening

from .instance import SIX, Instance, address, papers

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.anyio
@pytest.mark.parametrize("back", [HOUR, DAY], ids=["an hour", "a day"])
@pytest.mark.parametrize("is_sent", [False, True], ids=["before it is sent", "after"])
async def test_a_clock_that_is_set_back_doubles_and_loses_nothing(
    tmp_path: Path, back: timedelta, is_sent: bool
) -> None:
    async with listening() as sink:
        instance = Instance(tmp_path, readers=4, port=sink.port, at=lambda n: (6 + n % 2, 0))
        instance.take(1)
        instance.now = SIX + HOUR
        instance.app.compose()
        if is_sent:
            await instance.app.deliver()
        instance.now -= back
        instance.take(2)
        await instance.pass_to(SIX + 2 * DAY + 3 * HOUR, 3 * HOUR)
        for number in range(4):
            got = papers(sink, address(number))
            assert got == [[1], [2]], "each paper once, the second with the next digest"
        with instance.app.database.reading() as conn:
            periods = Counter(conn.scalars(select(t.digest.c.period)))
        assert max(periods.values()) <= 4, "one for each reader"
        assert {"2026-11-20", "2026-11-21", "2026-11-22"} <= periods.keys()
        assert (instance.status["cares"], instance.broken) == ((), [])
        instance.app.close()
