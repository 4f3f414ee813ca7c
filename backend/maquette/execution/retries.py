"""Which causes are worth another attempt, how often, and after how long.

What depends on the machine or the moment may go better next time; what depends on the input or on a limit goes the
same way again, and the user should hear of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """``waits_s``: one entry an attempt more, the seconds before it; ``counted``: False tries for ever."""

    waits_s: tuple[float, ...]
    counted: bool = True


RULES: dict[str, Rule] = {
    # The worker's machine or process went away. The step may have caused that, so not for ever.
    "worker_lost": Rule((0.0, 10.0, 60.0)),
    # Somebody updates or restarts a worker: no fault of the run.
    "worker_stopped": Rule((0.0,), counted=False),
    # Killed from outside, most often by the kernel for want of memory: wait until the others are done.
    "step_killed": Rule((5.0, 60.0)),
    # Native code crashed: rarely the same way twice, since threads meet in another order.
    "step_crashed": Rule((2.0, 15.0)),
    "sfm_crashed": Rule((2.0, 15.0)),
    "step_hung": Rule((5.0,)),
    "disk_full": Rule((30.0, 120.0)),
    "storage_unreachable": Rule((30.0, 120.0, 300.0)),
    "database_unreachable": Rule((5.0, 60.0, 300.0)),
}
"""By error code. Any other code ends the run at its first attempt."""


def wait_before_retry(code: str, failures: Mapping[str, int], *, factor: float = 1.0) -> float | None:
    """Seconds to wait before another attempt, or None where there is to be none.

    ``failures``: how often each code has ended an attempt of the run before; ``factor`` scales the waits.
    """
    rule, before = RULES.get(code), failures.get(code, 0)
    if rule is None or (rule.counted and before >= len(rule.waits_s)):
        return None
    return rule.waits_s[min(before, len(rule.waits_s) - 1)] * factor
