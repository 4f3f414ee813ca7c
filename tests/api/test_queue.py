"""The truth about the line, over HTTP: places, what is waited for, and times by what earlier runs took."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

ROUNDS = iter(range(5000, 6000))


@pytest.fixture
def steps() -> int:
    """Rounds of a length that no other test asks for, so that each test has a history of its own."""
    return next(ROUNDS)


def refine(api: httpx.Client, project_id: str, steps: int, **said: Any) -> dict[str, Any]:
    answer = api.post(f"/refine/{project_id}", json={"steps_per_iteration": steps, **said})
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def remember(worker: Any, run_id: str, *seconds: float, **values: Any) -> None:
    """As if runs like this one had been completed before."""
    columns = {"attempt": 1, **values}
    for took in seconds:
        worker.sql(
            "insert into runs (project_id, step, status, workload, size, attempt, timings, started_at, finished_at)"
            " select project_id, step, 'completed', workload, size, %s, '{\"peak_memory_mb\": 640}',"
            " now() - make_interval(secs => %s), now() from runs where id = %s",
            columns["attempt"],
            took,
            run_id,
        )


def cancel(api: httpx.Client, *run_ids: str) -> None:
    for run_id in run_ids:
        api.post(f"/runs/{run_id}/cancel", json={"confirm": True}).raise_for_status()


def test_runs_are_named_and_sized_by_what_they_do(api: httpx.Client, worker: Any, generated: str) -> None:
    worker.add_photos(generated, 2)
    said = {"num_iterations": 4, "enhancement": "none", "steps_per_iteration": 8}
    asks = [
        ("generate", {"iterations": 700}, "generate/balanced/700it", 5),
        # Three views were made by its generate.
        ("refine", said, "refine/none/8it", 12),
        ("export", {"optimize": True}, "export/ply/optimized", 0.1),
    ]
    for step, body, workload, size in asks:
        run_id = api.post(f"/{step}/{generated}", json=body).json()["run_id"]
        (row,) = worker.sql("select workload, size from runs where id = %s", run_id)
        assert row["workload"] == workload and row["size"] == pytest.approx(size)
        cancel(api, run_id)


class TestTimes:
    def test_none_are_made_up(self, api: httpx.Client, worker: Any, generated: str, steps: int) -> None:
        run_id = refine(api, generated, steps)["run_id"]
        for read in (api.get(f"/runs/{run_id}").json(), api.get(f"/status/{generated}").json()["current_run"]):
            assert (read["eta_s"], read["eta_p90_s"], read["eta_note"]) == (None, None, "no history yet")
        # Four of the second attempt, which tell nothing of a whole run.
        remember(worker, run_id, 10, 10, 10, 10, attempt=2)
        assert api.get(f"/runs/{run_id}").json()["eta_s"] is None
        cancel(api, run_id)
        ended = api.get(f"/runs/{run_id}").json()
        assert (ended["queue_position"], ended["eta_s"], ended["waits_for"], ended["eta_note"]) == (
            None,
            None,
            None,
            "",
        )

    def test_of_a_run_at_work(self, api: httpx.Client, worker: Any, generated: str, steps: int) -> None:
        run_id = refine(api, generated, steps)["run_id"]
        remember(worker, run_id, *range(100, 210, 10))
        worker.start(run_id)
        reads = [
            lambda: api.get(f"/runs/{run_id}").json(),
            lambda: api.get(f"/status/{generated}").json()["current_run"],
            lambda: next(run for run in api.get("/queue").json()["running"] if run["run_id"] == run_id),
            lambda: refine(api, generated, steps),
        ]
        for read in reads:
            told = read()
            assert 150 <= told["eta_s"] < 160 and 190 <= told["eta_p90_s"] < 200
            assert told["eta_note"] == "by 11 earlier runs of the same kind and size"
            assert told["starts_in_s"] is None and told["waits_for"] is None
        # Twice as slow as ever: 300 s in all by its own pace.
        worker.sql("update runs set started_at = now() - interval '270 seconds' where id = %s", run_id)
        worker.beat(run_id, 90.0)
        late = reads[1]()
        assert 26 < late["eta_s"] < 32 and late["eta_note"].startswith("by this run's own pace and 11 earlier runs")
        worker.finish_cancelled(run_id)

    def test_of_runs_in_line(self, api: httpx.Client, worker: Any, generated: str, steps: int) -> None:
        first = refine(api, generated, steps, seed=1)["run_id"]
        remember(worker, first, 40, 50, 60)
        second = refine(api, generated, steps, seed=2)["run_id"]
        worker.start(first)
        read = api.get(f"/runs/{second}").json()
        assert read["waits_for"] == "project" and "refine is at work" in read["waits_note"]
        # Other tests leave runs of unknown length in line.
        if read["starts_in_s"] is not None:
            assert read["starts_in_s"] > 45 and read["eta_s"] > 95
        assert read["queue_position"] >= 1
        worker.finish_cancelled(first)
        waiting = api.get("/queue").json()["waiting"]
        places = [run["position"] for run in waiting]
        assert places == sorted(places) and second in [run["run_id"] for run in waiting]
        cancel(api, second)


class TestLine:
    def test_goes_by_turns_and_counts_other_owners(
        self, api: httpx.Client, worker: Any, generated: str, steps: int
    ) -> None:
        mine = [refine(api, generated, steps, seed=seed)["run_id"] for seed in range(3)]
        stranger = uuid.uuid4()
        worker.sql("insert into auth.users (id) values (%s)", stranger)
        (project,) = worker.sql("insert into projects (name, owner_id) values ('Theirs', %s) returning id", stranger)
        (first,) = worker.sql("select turn from runs where id = %s", mine[0])
        (theirs,) = worker.sql(
            "insert into runs (project_id, step, turn, workload, size) values (%s, 'generate', %s, 'generate/x', 3)"
            " returning id",
            project["id"],
            first["turn"],
        )
        try:
            before = api.get("/queue").json()
            assert str(theirs["id"]) not in str(before)
            places = {run["run_id"]: run["position"] for run in before["waiting"]}
            # Theirs came last, but with the turn of my first.
            assert [places[run] - places[mine[0]] for run in mine] == [0, 2, 3]
            assert [api.get(f"/runs/{run}").json()["queue_position"] for run in mine] == [places[run] for run in mine]
            assert api.get(f"/status/{generated}").json()["current_run"]["queue_position"] == places[mine[0]]
            assert before["line"]["waiting"] >= len(before["waiting"]) + 1
        finally:
            worker.sql("delete from projects where id = %s", project["id"])
        cancel(api, *mine)

    def test_a_run_says_when_its_next_attempt_begins(
        self, api: httpx.Client, worker: Any, generated: str, steps: int
    ) -> None:
        run_id = refine(api, generated, steps)["run_id"]
        worker.sql("update runs set not_before = now() + interval '10 minutes' where id = %s", run_id)
        for read in (api.get(f"/runs/{run_id}").json(), api.get(f"/status/{generated}").json()["current_run"]):
            assert read["waits_for"] == "another_attempt"
            assert read["starts_in_s"] is None or 590 < read["starts_in_s"] <= 600
        cancel(api, run_id)

    def test_workers_that_live_are_counted(self, api: httpx.Client, worker: Any, generated: str, steps: int) -> None:
        run_id = refine(api, generated, steps)["run_id"]
        worker.sql("delete from workers")
        assert api.get(f"/runs/{run_id}").json()["waits_for"] == "worker"
        ids = [uuid.uuid4(), uuid.uuid4()]
        for worker_id, silent_s in zip(ids, (0, 60), strict=True):
            worker.sql(
                "insert into workers (id, host, process_id, queues, concurrency, code_version, heartbeat_at)"
                " values (%s, 'here', 1, '{cpu}', 3, '0', now() - make_interval(secs => %s))",
                worker_id,
                silent_s,
            )
        try:
            assert api.get("/queue").json()["line"]["slots"] == 3
            assert api.get(f"/runs/{run_id}").json()["waits_for"] == "turn"
        finally:
            worker.sql("delete from workers where id = any(%s)", ids)
        cancel(api, run_id)
