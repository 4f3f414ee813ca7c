"""What is tried again, how often and after how long."""

import pytest

from maquette.execution.retries import RULES, wait_before_retry


@pytest.mark.parametrize("code", [code for code, rule in RULES.items() if rule.counted])
def test_a_cause_that_may_pass_is_tried_again_later_and_later_and_then_no_more(code: str) -> None:
    waits = []
    while (wait_s := wait_before_retry(code, {code: len(waits)})) is not None:
        waits.append(wait_s)
        assert len(waits) < 10, "for ever"
    assert waits and waits == sorted(waits)


@pytest.mark.parametrize("code", ["out_of_memory", "internal_error", "too_few_photos", "step_timed_out", "anything"])
def test_what_would_go_the_same_way_again_ends_the_run(code: str) -> None:
    assert wait_before_retry(code, {}) is None


def test_causes_are_counted_apart() -> None:
    assert wait_before_retry("step_crashed", {"worker_lost": 3, "storage_unreachable": 3}) is not None
    assert wait_before_retry("worker_lost", {"worker_lost": 3}) is None


def test_restarting_a_worker_never_uses_a_run_up() -> None:
    assert wait_before_retry("worker_stopped", {"worker_stopped": 1000}) == 0


def test_waits_can_be_scaled() -> None:
    whole = wait_before_retry("disk_full", {})
    assert whole is not None and whole > 0
    assert wait_before_retry("disk_full", {}, factor=0.5) == whole / 2
