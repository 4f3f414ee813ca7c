"""The line played through: who starts when, what each waits for, and how pace and history make an estimate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from maquette.db.history import Expected
from maquette.db.rows import Row
from maquette.queue.forecast import Forecast, forecast, time_left

EARLIER = {
    "short": [{"id": uuid4(), "size": 1.0, "seconds": 10.0, "peak_memory_mb": None}] * 3,
    "long": [{"id": uuid4(), "size": 1.0, "seconds": 100.0, "peak_memory_mb": None}] * 3,
}
ONE = [{"queues": ["cpu"], "concurrency": 1}]
TWO = [{"queues": ["cpu"], "concurrency": 2}]


def a_run(**values: Any) -> Row:
    return {
        "id": uuid4(),
        "project_id": uuid4(),
        "step": "generate",
        "status": "queued",
        "progress_percentage": 0.0,
        "attempt": 0,
        "continues_id": None,
        "queue": "cpu",
        "workload": "short",
        "size": 1.0,
        "turn": 1,
        "not_before": None,
        "elapsed_s": None,
        "back_off_s": 0.0,
        **values,
    }


def at_work(**values: Any) -> Row:
    return a_run(**{"status": "running", "attempt": 1, "elapsed_s": 0.0, **values})


def play(*line: Row, workers: list[Row] = ONE) -> Forecast:
    waiting = [row for row in line if row["status"] == "queued"]
    places = {row["id"]: place for place, row in enumerate(waiting, 1)}
    return forecast([{**row, "position": places.get(row["id"], 0)} for row in line], workers, EARLIER)


def starts(seen: Forecast) -> list[float | None]:
    return [seen.outlooks[row["id"]].starts_in_s for row in seen.line if row["status"] == "queued"]


class TestStarts:
    def test_each_waits_for_all_before_it(self) -> None:
        half_done = at_work(workload="long", elapsed_s=50.0, progress_percentage=50.0)
        assert starts(play(half_done, a_run(), a_run(workload="long"), a_run())) == [50, 60, 160]

    def test_two_slots_are_taken_as_they_become_free(self) -> None:
        line = [at_work(workload="long"), at_work(), a_run(workload="long"), a_run(), a_run()]
        assert starts(play(*line, workers=TWO)) == [10, 100, 110]

    def test_nothing_before_it(self) -> None:
        assert starts(play(a_run())) == [0]

    def test_a_projects_runs_follow_each_other_while_others_pass(self) -> None:
        project = uuid4()
        line = [at_work(workload="long", project_id=project), a_run(project_id=project), a_run(), a_run()]
        assert starts(play(*line, workers=TWO)) == [100, 0, 10]

    def test_others_pass_a_run_that_waits_for_its_next_attempt(self) -> None:
        late = a_run(back_off_s=30.0, attempt=1, not_before=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        seen = play(late, a_run(), a_run(), a_run(), a_run())
        assert starts(seen) == [30, 0, 10, 20, 40]
        assert seen.outlooks[late["id"]].waits_for == "another_attempt"
        assert "03:04:05 UTC" in seen.outlooks[late["id"]].waits_note

    def test_only_workers_with_a_gpu_take_what_needs_one(self) -> None:
        workers = [
            {"queues": ["cpu", "gpu"], "concurrency": 1},
            {"queues": ["cpu"], "concurrency": 1},
        ]
        line = [at_work(queue="gpu", workload="long"), a_run(queue="gpu"), a_run(), a_run()]
        assert starts(play(*line, workers=workers)) == [100, 0, 10]

    def test_what_runs_on_a_cpu_leaves_the_gpu_to_others(self) -> None:
        workers = [
            {"queues": ["cpu", "gpu"], "concurrency": 1},
            {"queues": ["cpu"], "concurrency": 1},
        ]
        assert starts(play(at_work(workload="long"), a_run(queue="gpu"), workers=workers)) == [0]

    def test_what_follows_the_unknown_is_unknown(self) -> None:
        known, after = a_run(), a_run()
        seen = play(known, a_run(workload="never seen"), after)
        assert starts(seen) == [0, 10, None]
        assert seen.outlooks[after["id"]].left.note == "no history yet of what is before it"
        assert seen.outlooks[after["id"]].left.p50_s is None

    def test_one_slot_is_assumed_where_no_worker_lives_and_that_is_said(self) -> None:
        run = a_run()
        seen = play(run, a_run(queue="gpu"), workers=[])
        assert starts(seen) == [0, 10] and seen.slots == 0
        told = seen.outlooks[run["id"]]
        assert (told.waits_for, told.waits_note) == (
            "worker",
            "No worker lives at the moment; it begins when one comes.",
        )

    def test_which_worker_is_lacking(self) -> None:
        (export,) = play(a_run(queue="cpu"), workers=[{"queues": ["gpu"], "concurrency": 1}]).outlooks.values()
        assert (
            export.waits_note
            == "No worker that takes steps without a GPU lives at the moment; it begins when one comes."
        )
        (training,) = play(a_run(queue="gpu")).outlooks.values()
        assert training.waits_note == "No worker with a GPU lives at the moment; it begins when one comes."

    def test_one_that_was_put_off_is_not_said_to_have_been_attempted(self) -> None:
        soon = {"back_off_s": 5.0, "not_before": datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)}
        (again,) = play(a_run(attempt=1, **soon)).outlooks.values()
        (put_off,) = play(a_run(**soon)).outlooks.values()
        assert again.waits_note == "Another attempt begins at 12:00:05 UTC."
        assert put_off.waits_note.startswith("It may begin at 12:00:05 UTC: at its turn")

    def test_nobody_takes_what_needs_a_gpu(self) -> None:
        run = a_run(queue="gpu")
        seen = play(run, a_run())
        assert starts(seen) == [None, 0] and seen.outlooks[run["id"]].waits_for == "worker"
        assert "with a GPU" in seen.outlooks[run["id"]].waits_note

    def test_a_project_waits_for_the_next_attempt_of_its_first_run(self) -> None:
        project = uuid4()
        late = a_run(project_id=project, back_off_s=30.0, attempt=1, not_before=datetime.now(UTC))
        assert starts(play(late, a_run(project_id=project), a_run())) == [30, 40, 0]

    def test_a_thousand_of_one_project_and_one_of_another(self) -> None:
        project = uuid4()
        line = [a_run(project_id=project) for _ in range(1000)]
        assert starts(play(*line, a_run(), workers=TWO))[-3:] == [9980, 9990, 0]


class TestWaits:
    def test_for_the_run_of_its_own_project(self) -> None:
        project = uuid4()
        run = a_run(project_id=project, step="refine")
        told = play(at_work(project_id=project, step="generate"), a_run(), run).outlooks[run["id"]]
        assert (told.waits_for, told.position) == ("project", 2) and "generate is at work" in told.waits_note

    def test_for_its_turn(self) -> None:
        project, first, last = uuid4(), a_run(), a_run()
        last["project_id"] = project
        seen = play(at_work(), first, a_run(project_id=project), last)
        assert seen.outlooks[first["id"]].waits_note.startswith("It is next")
        told = seen.outlooks[last["id"]]
        assert told.waits_for == "turn"
        assert told.waits_note == "2 runs are ahead of it in line, 1 of this project, and 1 at work."


class TestTimeLeft:
    EXPECTED = Expected(100.0, 200.0, None, 5, "by 5 earlier runs of the same kind and size")

    def left(self, expected: Expected = EXPECTED, **values: Any) -> tuple[float | None, float | None, str]:
        one = time_left(at_work(**values), expected)
        return one.p50_s, one.p90_s, one.note

    def test_history_alone_at_first(self) -> None:
        assert self.left() == (100, 200, "by 5 earlier runs of the same kind and size")

    def test_a_run_on_its_usual_pace_keeps_to_history(self) -> None:
        p50, _, note = self.left(elapsed_s=30.0, progress_percentage=30.0)
        assert p50 == pytest.approx(70)
        assert note == "by this run's own pace and 5 earlier runs of the same kind and size"

    def test_its_own_pace_takes_over(self) -> None:
        """Three times as slow as usual: 300 s in all."""
        early, _, _ = self.left(elapsed_s=30.0, progress_percentage=10.0)
        late, late_p90, _ = self.left(elapsed_s=270.0, progress_percentage=90.0)
        assert early is not None and late is not None and late_p90 is not None
        assert 100 < early < 110
        assert 27 < late < 30 and late_p90 - late < 2

    def test_own_pace_alone_where_there_is_no_history(self) -> None:
        assert self.left(Expected(), elapsed_s=30.0, progress_percentage=25.0) == (
            90,
            None,
            "by this run's own pace so far",
        )
        assert self.left(Expected(), elapsed_s=5.0, progress_percentage=1.0) == (None, None, "no history yet")

    def test_a_second_attempt_has_no_pace(self) -> None:
        p50, p90, note = self.left(attempt=2, elapsed_s=5000.0, progress_percentage=40.0)
        assert (p50, p90) == (60, 120) and "goes on from what was finished before" in note
        assert self.left(Expected(), attempt=2, elapsed_s=50.0, progress_percentage=40.0)[2] == "no history yet"
        p50, _, _ = self.left(continues_id=UUID(int=1), elapsed_s=1.0, progress_percentage=80.0)
        assert p50 == pytest.approx(20)

    def test_a_waiting_run_counts_from_its_start(self) -> None:
        one = a_run()
        left = forecast([{**one, "position": 1}], ONE, EARLIER).outlooks[one["id"]].left
        assert (left.p50_s, left.p90_s, left.note) == (10, 10, "by 3 earlier runs of the same kind and size")
