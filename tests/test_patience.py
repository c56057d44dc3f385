"""Work that fails since the database cannot be used waits longer and longer; that is said once."""

from __future__ import annotations

from itertools import accumulate, pairwise, repeat

from notifier.patience import LONGEST_SECONDS, Patience


def test_the_first_failure_of_all_is_said_and_no_other() -> None:
    patience = Patience()
    assert patience.failed("pass", 0.0)
    assert not patience.failed("letters", 1.0)
    assert not patience.failed("pass", 60.0)


def test_pauses_double_until_five_minutes() -> None:
    patience, now, tried = Patience(), 0.0, list[float]()
    for now in accumulate(repeat(1.0, 1500)):
        if not patience.has_to_wait("pass", now):
            tried.append(now)
            patience.failed("pass", now)
    pauses = [after - before for before, after in pairwise(tried)]
    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, LONGEST_SECONDS, *pauses[7:]]
    assert set(pauses[7:]) == {LONGEST_SECONDS}


def test_that_it_is_over_is_said_when_all_went_well_and_pauses_begin_anew() -> None:
    patience = Patience()
    for name in ("pass", "letters"):
        patience.failed(name, 0.0)
    patience.failed("pass", 5.0)
    assert not patience.went_well("channels", 6.0), "which had not failed"
    assert not patience.went_well("pass", 6.0)
    assert patience.went_well("letters", 6.0)
    assert not patience.went_well("letters", 6.0)
    assert patience.failed("pass", 100.0)
    assert not patience.has_to_wait("pass", 105.0)


def test_what_is_never_tried_again_is_forgotten_so_the_next_outage_is_said_and_its_end() -> None:
    patience = Patience()
    patience.failed("pass", 0.0)  # then another process takes over the pass
    long_after = 5.0 + LONGEST_SECONDS
    assert not patience.failed("letters", long_after - 1)
    assert patience.went_well("letters", long_after)
    assert patience.failed("letters", long_after), "the next outage"
    assert patience.went_well("letters", long_after + 5)


def test_what_is_forgotten_by_name_holds_nothing_up() -> None:
    patience = Patience()
    patience.failed("pass", 0.0)
    assert patience.forget("pass")
    assert not patience.has_to_wait("pass", 1.0)
    assert patience.failed("letters", 1.0)
