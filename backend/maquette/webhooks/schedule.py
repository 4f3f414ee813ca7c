"""When a call that failed is tried again: soon at first, then ever more seldom, for a day."""

from __future__ import annotations

from datetime import timedelta

WAITS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 36_000)
"""Seconds before each further attempt; together 23.9 hours after the first."""


def wait_after(attempts: int, chance: float) -> timedelta | None:
    """How long to wait after so many attempts; None: given up.

    ``chance`` in [0, 1) spreads calls that failed together over a tenth of the wait, so that a server that comes back
    is not met by all of them at once.
    """
    if attempts > len(WAITS_S):
        return None
    return timedelta(seconds=WAITS_S[attempts - 1] * (1 - chance / 10))
