"""What a call would do, told without doing it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from tests.api.test_queue import cancel, remember

from maquette.settings import Settings

DRY = {"dry_run": "true"}


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["error"]["code"]
    return code


def rehearse(api: httpx.Client, step: str, project_id: str, *, said: Any = None, **options: Any) -> dict[str, Any]:
    answer = api.post(f"/{step}/{project_id}", params={**DRY, **options.pop("params", {})}, json=said or {}, **options)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["dry_run"] is True and told["step"] == step
    return told


def everything(worker: Any) -> list[Any]:
    """What a call could have written."""
    return [
        worker.sql(query)
        for query in (
            "select count(*) from runs",
            "select count(*) from events",
            "select count(*) from artifacts",
            "select count(*) from jobs.procrastinate_jobs",
            "select count(*) from maquette.idempotency_keys",
            "select md5(string_agg(p::text, ',' order by id)) from projects p",
        )
    ]


def test_nothing_is_written(api: httpx.Client, worker: Any, generated: str) -> None:
    before = everything(worker)
    for step in ("generate", "refine", "export"):
        for params in ({}, {"fresh": "true"}, {"wait": 5}):
            rehearse(api, step, generated, params=params, headers={"Idempotency-Key": f"dry-{uuid.uuid4()}"})
    assert everything(worker) == before


def test_new_work(api: httpx.Client, worker: Any, generated: str) -> None:
    worker.add_photos(generated, 1, verdict="rejected")
    told = rehearse(api, "refine", generated, said={"steps_per_iteration": 6001})
    assert told["would_run"] is True and told["reuses"] is None and told["problems"] == []
    assert told["stages"] == ["loading", "rounds"]
    assert told["parameters"]["from_version"] == 0 and told["parameters"]["num_iterations"] == 3
    assert told["present"] == {"photos": 4, "usable_photos": 3, "versions": [0]}
    assert told["queue"]["name"] == "cpu" and told["queue"]["position"] >= 1
    assert told["queue"]["eta_s"] is None and told["queue"]["eta_note"] == "no history yet"
    assert told["expected"] == {
        "seconds_p50": None,
        "seconds_p90": None,
        "bytes": None,
        "peak_memory_mb": None,
        "samples": 0,
        "note": "no history yet",
    }


def test_it_says_what_the_call_then_does(api: httpx.Client, generated: str) -> None:
    said = {"steps_per_iteration": 6002}
    told = rehearse(api, "refine", generated, said=said)
    made = api.post(f"/refine/{generated}", json=said).json()
    assert made["queue_position"] == told["queue"]["position"] and made["starts_in_s"] == told["queue"]["starts_in_s"]
    assert api.get(f"/runs/{made['run_id']}").json()["parameters"] == told["parameters"]
    again = rehearse(api, "refine", generated, said=said)
    assert again["would_run"] is False and again["queue"] is None
    assert again["reuses"]["run_id"] == made["run_id"] and again["reuses"]["because"] == "identical_work"
    assert again["reuses"]["status"] == "queued" and "in line" in again["reuses"]["note"]
    cancel(api, made["run_id"])


def test_expected_time_bytes_and_memory(api: httpx.Client, worker: Any, generated: str) -> None:
    (run,) = api.get(f"/projects/{generated}/runs").json()["items"]
    said = {"steps_per_iteration": 6003}
    made = api.post(f"/refine/{generated}", json=said).json()["run_id"]
    remember(worker, made, 100, 110, 120, 130)
    worker.sql(
        "update artifacts set run_id = s.id from (select id from runs where project_id = %s and step = 'refine'"
        " and status = 'completed' limit 1) s where artifacts.run_id = %s",
        generated,
        run["id"],
    )
    (stored,) = worker.sql("select sum(bytes)::bigint as bytes from artifacts where project_id = %s", generated)
    cancel(api, made)
    told = rehearse(api, "refine", generated, said={**said, "seed": 1})["expected"]
    assert (told["seconds_p50"], told["samples"], told["peak_memory_mb"]) == (115, 4, 640)
    assert told["seconds_p90"] == pytest.approx(127)
    assert told["bytes"] == stored["bytes"] > 0


def test_what_is_done_is_reused(api: httpx.Client, generated: str) -> None:
    (run,) = api.get(f"/projects/{generated}/runs").json()["items"]
    told = rehearse(api, "generate", generated)
    assert told["would_run"] is False and told["queue"] is None
    assert told["reuses"]["run_id"] == run["id"] and told["reuses"]["status"] == "completed"
    assert rehearse(api, "generate", generated, params={"fresh": "true"})["would_run"] is True


def test_what_was_begun_is_continued(api: httpx.Client, worker: Any, generated: str) -> None:
    said = {"steps_per_iteration": 6004}
    begun = api.post(f"/refine/{generated}", json=said).json()["run_id"]
    worker.fail(begun, {"code": "step_crashed", "message": "m", "suggestion": "s"})
    told = rehearse(api, "refine", generated, said=said)
    assert told["would_run"] is True and told["queue"] is not None
    assert told["reuses"]["run_id"] == begun and told["reuses"]["because"] == "unfinished_work"
    assert told["reuses"]["status"] == "failed"
    assert rehearse(api, "refine", generated, said=said, params={"fresh": "true"})["reuses"] is None


def test_a_key_that_was_used(api: httpx.Client, generated: str) -> None:
    headers = {"Idempotency-Key": f"dry-{uuid.uuid4()}"}
    said = {"steps_per_iteration": 6005}
    made = api.post(f"/refine/{generated}", json=said, headers=headers).json()["run_id"]
    cancel(api, made)
    told = rehearse(api, "refine", generated, said=said, headers=headers)
    assert told["reuses"]["run_id"] == made and told["reuses"]["because"] == "idempotency_key"
    other = api.post(f"/refine/{generated}", params=DRY, json={"seed": 4}, headers=headers)
    assert other.status_code == 409 and code_of(other) == "idempotency_key_reused"


def test_errors_are_those_of_the_call(api: httpx.Client, generated: str) -> None:
    empty = api.post("/projects", json={"name": "Empty"}).json()["id"]
    asks: list[tuple[str, str, dict[str, Any]]] = [
        ("generate", empty, {}),
        ("generate", generated, {"preset": "best"}),
        ("generate", str(uuid.uuid4()), {}),
        ("refine", empty, {}),
        ("refine", generated, {"from_version": 9}),
        ("refine", generated, {"views_to_refine": [99]}),
        ("export", generated, {"format": "doc"}),
    ]
    for step, project, said in asks:
        real = api.post(f"/{step}/{project}", json=said)
        dry = api.post(f"/{step}/{project}", json=said, params=DRY)
        assert real.status_code >= 400 and (dry.status_code, dry.json()) == (real.status_code, real.json())


def test_limits_are_told_and_not_raised(
    settings: Settings,
    serve_again: Callable[[Settings], AbstractContextManager[str]],
    api: httpx.Client,
    generated: str,
) -> None:
    waiting = api.post(f"/refine/{generated}", json={"steps_per_iteration": 6006}).json()["run_id"]
    with (
        serve_again(settings.model_copy(update={"max_runs_per_owner": 1})) as url,
        httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=60) as full,
    ):
        told = rehearse(full, "export", generated)
        assert told["would_run"] is False and [problem["code"] for problem in told["problems"]] == ["too_many_runs"]
        assert told["queue"]["position"] >= 1
        assert code_of(full.post(f"/export/{generated}")) == "too_many_runs"
        # What answers the call anyway needs no room.
        assert rehearse(full, "generate", generated)["problems"] == []
    cancel(api, waiting)
