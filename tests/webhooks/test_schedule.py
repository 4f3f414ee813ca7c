"""Calls are tried for a day, ever more seldom."""

from __future__ import annotations

from maquette.webhooks.schedule import WAITS_S, wait_after


def test_a_day_passes_and_then_it_is_given_up() -> None:
    waits = [wait_after(attempts, 0) for attempts in range(1, len(WAITS_S) + 2)]
    assert waits[-1] is None
    seconds = [wait.total_seconds() for wait in waits if wait is not None]
    assert 23 * 3600 < sum(seconds) <= 24 * 3600 and seconds == sorted(seconds) and seconds[0] <= 10
    assert wait_after(12, 0.99) is None


def test_chance_spreads_a_wait_over_a_tenth() -> None:
    assert wait_after(3, 0.999).total_seconds() >= 0.9 * WAITS_S[2]  # type: ignore[union-attr]
    assert wait_after(3, 0.5) != wait_after(3, 0)
