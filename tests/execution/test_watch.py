"""What the watch decides; no real time passes here. Processes that it really ends are in test_deaths."""

from __future__ import annotations

import os

from maquette.execution.watch import Watch
from maquette.family import Family
from maquette.silence import Silence


def watch(*, memory_mb: int = 0) -> Watch:
    return Watch(Family(), Silence(2, 10), memory_mb)


def verdict(one: Watch) -> tuple[str, dict[str, object]] | None:
    return None if one.verdict is None else (one.verdict.code, one.verdict.details)


def test_silence_beyond_its_limit_is_the_steps_end() -> None:
    one = watch()
    one.look(1.5, 0)
    assert verdict(one) is None
    one.look(1.0, 0)
    assert verdict(one) == ("step_hung", {"silent_s": 2})


def test_the_clocks_stand_still_while_the_step_waits_for_us() -> None:
    one = watch()
    with one.patience():
        one.look(100, 0)
        assert one.verdict is None
    one.look(1.5, 0)
    assert one.verdict is None, "what went by meanwhile does not count afterwards either"


def test_memory_is_bounded_also_while_the_step_waits_for_us() -> None:
    one = watch(memory_mb=1)
    one.family.begin(os.getpid())  # of this very process, which takes more than 1 MB; looking ends nothing
    with one.patience():
        one.look(1, 0)
    assert one.verdict is not None and one.verdict.code == "out_of_memory"
    assert one.verdict.details["limit_mb"] == 1 and one.verdict.details["used_mb"] > 1
