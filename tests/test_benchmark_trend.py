"""What the benchmark of trends measures, and that trends are not below raw upvotes."""

from __future__ import annotations

import numpy as np
import pytest
import ranking_trend


def test_rank_correlation_is_one_for_the_same_order_and_less_one_for_the_reverse() -> None:
    values = np.array([3.0, 1.0, 2.0, 2.0])
    assert ranking_trend.correlation(values, values * 10) == pytest.approx(1)
    assert ranking_trend.correlation(values, -values) == pytest.approx(-1)


def test_the_best_five_of_a_day_of_three_are_all_of_them() -> None:
    assert ranking_trend.overlap(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == 1


@pytest.mark.skipif(not ranking_trend.DATA.is_dir(), reason=f"no captures in {ranking_trend.DATA}")
def test_trend_tells_what_is_read_in_the_end_no_worse_than_raw_upvotes() -> None:
    days = ranking_trend.days()
    raw = ranking_trend.measured(ranking_trend.by_upvotes, days)
    trend = ranking_trend.measured(ranking_trend.by_trend(), days)
    for name, target in ranking_trend.TARGETS.items():
        assert trend[name] >= max(raw[name], target)
