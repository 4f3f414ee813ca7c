"""Repeated calls, identical work, waiting, the queue, cancelling and trying again."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from maquette.execution import makers
from maquette.settings import Settings


def error_code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


class TestIdempotencyKey:
    def test_same_key_same_body_is_one_run(self, api: httpx.Client, worker: Any, project_id: str) -> None:
        worker.add_photos(project_id)
        headers = {"Idempotency-Key": "k1"}
        first = api.post(f"/generate/{project_id}", json={"seed": 1}, headers=headers)
        again = api.post(f"/generate/{project_id}", json={"seed": 1}, headers=headers)
        assert first.status_code == again.status_code == 202
        assert first.json()["run_id"] == again.json()["run_id"]
        assert [first.json()["reused"], again.json()["reused"]] == [False, True]
        assert [first.json()["reused_because"], again.json()["reused_because"]] == [None, "idempotency_key"]
        other = api.post(f"/generate/{project_id}", json={"seed": 2}, headers=headers)
        assert other.status_code == 409 and error_code(other) == "idempotency_key_reused"
        assert other.json()["error"]["details"]["differing"] == ["seed"]
        assert len(api.get(f"/projects/{project_id}/runs").json()["items"]) == 1

    def test_calls_at_the_same_moment_are_one_run(self, api: httpx.Client, worker: Any, project_id: str) -> None:
        worker.add_photos(project_id)
        with ThreadPoolExecutor(6) as together:
            answers = list(
                together.map(
                    lambda _: api.post(f"/generate/{project_id}", headers={"Idempotency-Key": "together"}), range(6)
                )
            )
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["run_id"] for answer in answers}) == 1

    def test_a_default_version_stays_the_one_it_was(self, api: httpx.Client, worker: Any, generated: str) -> None:
        headers = {"Idempotency-Key": "r"}
        first = api.post(f"/refine/{generated}", headers=headers).json()
        worker.refine(first["run_id"])
        again = api.post(f"/refine/{generated}", headers=headers)
        assert again.status_code == 200 and again.json()["run_id"] == first["run_id"]
        other = api.post(f"/refine/{generated}", json={"from_version": 1}, headers=headers)
        assert error_code(other) == "idempotency_key_reused"

    def test_a_key_is_forgotten_after_a_day(self, api: httpx.Client, worker: Any, project_id: str) -> None:
        worker.add_photos(project_id)
        headers = {"Idempotency-Key": "old"}
        first = api.post(f"/generate/{project_id}", headers=headers).json()["run_id"]
        other = {"json": {"seed": 2}, "headers": headers}
        age = "update maquette.idempotency_keys set created_at = now() - %s::interval where made = %s"
        worker.sql(age, "23 hours", first)
        assert error_code(api.post(f"/generate/{project_id}", **other)) == "idempotency_key_reused"
        worker.sql(age, "25 hours", first)
        second = api.post(f"/generate/{project_id}", **other).json()["run_id"]
        assert second != first
        assert api.post(f"/generate/{project_id}", **other).json()["run_id"] == second

    def test_an_upload_is_taken_in_once(self, api: httpx.Client, photos: list[Any], photo: Any) -> None:
        headers = {"Idempotency-Key": f"photos-{uuid.uuid4()}"}
        first = api.post("/upload", files=photos, headers=headers).json()
        again = api.post("/upload", files=photos, headers=headers)
        assert [first["reused"], again.json()["reused"]] == [False, True]
        assert again.status_code == 200 and again.json()["run_id"] == first["run_id"]
        named = api.post("/upload", files=photos, headers=headers, data={"project_id": first["project_id"]})
        assert named.json()["run_id"] == first["run_id"]
        assert len(api.get(f"/projects/{first['project_id']}/images").json()["items"]) == 3
        other = [("file", ("other.jpg", photo(9), "image/jpeg"))]
        assert error_code(api.post("/upload", files=other, headers=headers)) == "idempotency_key_reused"

    def test_other_photos_of_the_same_names_are_no_repetition(
        self, api: httpx.Client, photos: list[Any], photo: Any
    ) -> None:
        """Cameras begin at IMG_0 again and again: by name alone, new photos would be thrown away as a repetition."""
        headers = {"Idempotency-Key": f"photos-{uuid.uuid4()}"}
        api.post("/upload", files=photos, headers=headers).raise_for_status()
        others = [(field, (name, photo(20 + n), mime)) for n, (field, (name, _, mime)) in enumerate(photos)]
        for refused, differing in (
            ({"files": others}, ["files"]),
            ({"files": photos, "data": {"original_resolution": "true"}}, ["original_resolution"]),
        ):
            answer = api.post("/upload", headers=headers, **refused)
            assert answer.status_code == 409 and error_code(answer) == "idempotency_key_reused"
            assert answer.json()["error"]["details"]["differing"] == differing

    def test_uploads_at_the_same_moment_are_one(self, api: httpx.Client, photos: list[Any]) -> None:
        headers = {"Idempotency-Key": f"photos-{uuid.uuid4()}"}
        with ThreadPoolExecutor(3) as together:
            answers = list(together.map(lambda _: api.post("/upload", files=photos, headers=headers), range(3)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["run_id"] for answer in answers}) == 1
        assert sorted(answer.json()["reused"] for answer in answers) == [False, True, True]

    def test_a_key_holds_where_identical_work_answered(self, api: httpx.Client, worker: Any, generated: str) -> None:
        """The promoted version moves on between two calls with the same key."""
        worker.refine(api.post(f"/refine/{generated}", json={"seed": 3}).json()["run_id"])
        headers = {"Idempotency-Key": "later"}
        first = api.post(f"/refine/{generated}", json={"seed": 3, "from_version": 0}, headers=headers).json()
        assert first["reused_because"] == "identical_work"
        again = api.post(f"/refine/{generated}", json={"seed": 3, "from_version": 0}, headers=headers).json()
        assert again["reused_because"] == "idempotency_key" and again["run_id"] == first["run_id"]

    def test_two_keys_hold_where_one_run_answered_both(self, api: httpx.Client, worker: Any, project_id: str) -> None:
        worker.add_photos(project_id)
        keys = [{"Idempotency-Key": key} for key in ("one", "two")]
        first, second = (api.post(f"/generate/{project_id}", headers=key).json() for key in keys)
        assert [first["reused_because"], second["reused_because"]] == [None, "identical_work"]
        assert second["run_id"] == first["run_id"]
        api.post(f"/runs/{first['run_id']}/cancel", json={"confirm": True}).raise_for_status()
        for key in keys:
            other = api.post(f"/generate/{project_id}", json={"seed": 2}, headers=key)
            assert error_code(other) == "idempotency_key_reused"
            # Identical work that was cancelled is done anew, but this is the same call.
            api.post(f"/generate/{project_id}", headers=key)
        assert len(api.get(f"/projects/{project_id}/runs").json()["items"]) == 1

    def test_a_run_is_tried_again_once(self, api: httpx.Client, worker: Any, project_id: str) -> None:
        worker.add_photos(project_id)
        run_id = api.post(f"/generate/{project_id}").json()["run_id"]
        api.post(f"/runs/{run_id}/cancel", json={"confirm": True}).raise_for_status()
        answers = [
            api.post(f"/runs/{run_id}/retry", headers={"Idempotency-Key": key}).json() for key in ("k", "k", "other")
        ]
        assert [answer["reused_because"] for answer in answers] == [None, "idempotency_key", "identical_work"]
        assert {answer["run_id"] for answer in answers} == {answers[0]["run_id"]} != {run_id}

    def test_a_run_whose_photos_have_changed_since_is_tried_again_once(
        self, api: httpx.Client, worker: Any, project_id: str
    ) -> None:
        worker.add_photos(project_id)
        run_id = api.post(f"/generate/{project_id}").json()["run_id"]
        worker.fail(run_id, {"code": "step_crashed", "message": "m", "suggestion": "s"})
        worker.add_photos(project_id)
        first, second = (api.post(f"/runs/{run_id}/retry").json() for _ in range(2))
        old, new = (api.get(f"/runs/{run}").json() for run in (run_id, first["run_id"]))
        assert old["input_hash"] != new["input_hash"], "the photos did not change"
        assert second["run_id"] == first["run_id"] and second["reused_because"] == "identical_work"

    def test_a_share_link_is_made_once(self, api: httpx.Client, generated: str) -> None:
        headers = {"Idempotency-Key": "link"}
        first, again = (api.post(f"/projects/{generated}/shares", headers=headers) for _ in range(2))
        assert [first.status_code, again.status_code] == [201, 200]
        assert first.json()["share_key"] == again.json()["share_key"]
        other = api.post(f"/projects/{generated}/shares", json={"allow_download": True}, headers=headers)
        assert error_code(other) == "idempotency_key_reused"

    def test_a_project_is_created_once(self, api: httpx.Client) -> None:
        def create(name: str) -> httpx.Response:
            return api.post("/projects", json={"name": name}, headers=headers)

        headers = {"Idempotency-Key": f"project-{uuid.uuid4()}"}
        with ThreadPoolExecutor(4) as together:
            answers = list(together.map(create, ["Fountain"] * 4))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        assert len({answer.json()["id"] for answer in answers}) == 1
        other = create("Well")
        assert error_code(other) == "idempotency_key_reused"
        assert other.json()["error"]["details"]["differing"] == ["name"]
        # What was deleted is created anew.
        api.delete(f"/projects/{answers[0].json()['id']}").raise_for_status()
        assert create("Well").status_code == 201

    @pytest.mark.parametrize("key", ["", "with space", "x" * 201])
    def test_keys_that_are_none(self, api: httpx.Client, generated: str, key: str) -> None:
        answer = api.post(f"/generate/{generated}", headers={"Idempotency-Key": key})
        assert answer.status_code == 422 and error_code(answer) == "invalid_parameters"


class TestIdenticalWork:
    def test_is_reused_and_says_so(self, api: httpx.Client, generated: str) -> None:
        (run,) = api.get(f"/projects/{generated}/runs").json()["items"]
        again = api.post(f"/generate/{generated}")
        assert again.status_code == 200
        assert again.json()["reused"] is True and again.json()["run_id"] == run["id"]
        assert again.json()["reused_because"] == "identical_work"
        assert again.json()["model_url"] and again.json()["psnr"] == 25.0
        assert api.post(f"/generate/{generated}", json={"seed": 9}).status_code == 202
        assert api.post(f"/generate/{generated}", params={"fresh": "true"}).status_code == 202

    def test_that_waits_or_runs_is_not_queued_twice(self, api: httpx.Client, worker: Any, generated: str) -> None:
        first = api.post(f"/generate/{generated}", json={"seed": 5}).json()
        assert first["reused"] is False
        second = api.post(f"/generate/{generated}", json={"seed": 5})
        assert second.status_code == 202 and second.json()["run_id"] == first["run_id"]
        assert second.json()["reused_because"] == "identical_work"
        worker.start(first["run_id"])
        assert api.post(f"/generate/{generated}", json={"seed": 5}).json()["run_id"] == first["run_id"]
        api.post(f"/runs/{first['run_id']}/cancel", json={"confirm": True})
        third = api.post(f"/generate/{generated}", json={"seed": 5}).json()
        assert third["run_id"] != first["run_id"] and third["reused"] is False
        worker.finish_cancelled(first["run_id"])

    def test_other_versions_of_what_makes_it_are_other_work(
        self, api: httpx.Client, generated: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (run,) = api.get(f"/projects/{generated}/runs").json()["items"]
        assert {"maquette", "pycolmap", "numba"} <= set(run["model_versions"])
        assert api.post(f"/generate/{generated}").json()["run_id"] == run["id"]
        installed = makers.version
        monkeypatch.setattr(makers, "version", lambda name: "0.0.1" if name == "pycolmap" else installed(name))
        makers.makers.cache_clear()
        try:
            anew = api.post(f"/generate/{generated}").json()
        finally:
            makers.makers.cache_clear()
        assert anew["reused"] is False and anew["run_id"] != run["id"]

    def test_more_photos_are_other_work(self, api: httpx.Client, worker: Any, generated: str) -> None:
        worker.add_photos(generated, 1)
        assert api.post(f"/generate/{generated}").status_code == 202

    def test_other_weights_are_other_work_where_they_may_enhance(
        self, api: httpx.Client, generated: str, settings: Settings
    ) -> None:
        asks = [{"seed": 5}, {"seed": 5, "enhancement": "none"}]
        first = [api.post(f"/refine/{generated}", json=ask).json()["run_id"] for ask in asks]
        assert [api.post(f"/refine/{generated}", json=ask).json()["run_id"] for ask in asks] == first
        folder = settings.models_folder / "sdxl"
        folder.mkdir(parents=True)
        try:
            (folder / "model_index.json").write_text("{}")
            anew, without = (api.post(f"/refine/{generated}", json=ask).json() for ask in asks)
        finally:
            shutil.rmtree(folder)
        assert anew["reused"] is False and anew["run_id"] != first[0]
        assert without["run_id"] == first[1]

    def test_refine_goes_on_from_what_it_made(self, api: httpx.Client, worker: Any, generated: str) -> None:
        first = api.post(f"/refine/{generated}").json()["run_id"]
        worker.refine(first)
        second = api.post(f"/refine/{generated}")
        assert second.status_code == 202
        same = api.post(f"/refine/{generated}", json={"from_version": 0})
        assert same.status_code == 200 and same.json()["run_id"] == first
        assert api.get(f"/runs/{second.json()['run_id']}").json()["parameters"]["from_version"] == 2


class TestWaiting:
    def test_the_call_is_held_until_the_run_ends(self, api: httpx.Client, worker: Any, generated: str) -> None:
        held: list[httpx.Response] = []
        caller = threading.Thread(
            target=lambda: held.append(
                api.post(f"/refine/{generated}", params={"wait": 30}, json={"num_iterations": 2})
            )
        )
        caller.start()
        worker.refine(_queued(api, generated))
        caller.join(timeout=20)
        assert held[0].status_code == 200, held[0].text
        body = held[0].json()
        assert body["status"] == "completed" and body["iterations_completed"] == 2 and body["final_version"] == 2

    def test_a_failed_run_answers_with_its_own_error(self, api: httpx.Client, worker: Any, generated: str) -> None:
        held: list[httpx.Response] = []
        caller = threading.Thread(
            target=lambda: held.append(api.post(f"/generate/{generated}", params={"wait": 30, "fresh": True}))
        )
        caller.start()
        error = {"code": "too_few_placed", "message": "m.", "details": {"placed": 1}, "suggestion": "s", "status": 422}
        run_id = _queued(api, generated)
        worker.fail(run_id, error)
        caller.join(timeout=20)
        assert held[0].status_code == 422
        told = held[0].json()["error"]
        assert told["code"] == "too_few_placed" and told["details"] == {"placed": 1, "run_id": run_id}
        status = api.get(f"/status/{generated}").json()
        assert status["last_error"]["code"] == "too_few_placed"
        assert status["pipeline_progress"]["generate"] == "failed"
        assert api.get(f"/runs/{run_id}").json()["status"] == "failed"

    def test_time_runs_out(self, api: httpx.Client, generated: str) -> None:
        began = time.monotonic()
        answer = api.post(f"/refine/{generated}", params={"wait": 0.6})
        assert answer.status_code == 202 and 0.5 < time.monotonic() - began < 5

    def test_many_held_calls_leave_room_for_others(self, api: httpx.Client, generated: str) -> None:
        """More than the pool has connections."""
        with ThreadPoolExecutor(16) as together:
            held = [
                together.submit(api.post, f"/generate/{generated}", params={"wait": 3, "fresh": True})
                for _ in range(16)
            ]
            time.sleep(1.5)
            began = time.monotonic()
            assert api.get("/projects").status_code == 200
            assert time.monotonic() - began < 1.5
            assert {call.result().status_code for call in held} == {202}


class TestQueue:
    def test_positions_and_progress(self, api: httpx.Client, worker: Any, generated: str) -> None:
        # Rounds that no other test asks for, so that nothing is known of their length.
        first, second = (
            api.post(f"/refine/{generated}", json={"seed": seed, "steps_per_iteration": 4711}).json() for seed in (1, 2)
        )
        assert second["queue_position"] == first["queue_position"] + 1
        worker.start(first["run_id"])
        worker.beat(first["run_id"], 1.0)
        early = api.get(f"/status/{generated}").json()["current_run"]
        assert early["eta_s"] is None and early["eta_note"] == "no history yet"
        worker.sql("update runs set started_at = now() - interval '30 seconds' where id = %s", first["run_id"])
        worker.beat(first["run_id"], 25.0)
        status = api.get(f"/status/{generated}").json()
        assert status["current_run"]["run_id"] == first["run_id"]
        assert status["current_run"]["queue_position"] == 0 and status["waiting_runs"] == 1
        assert status["current_run"]["stage"] == "training" and 80 < status["current_run"]["eta_s"] < 110
        assert status["pipeline_progress"]["refine"] == "queued"
        queue = api.get("/queue").json()
        assert [run["run_id"] for run in queue["running"]] == [first["run_id"]]
        assert second["run_id"] in [run["run_id"] for run in queue["waiting"]]
        worker.finish_cancelled(first["run_id"])

    def test_a_run_and_its_job_are_queued_together(self, api: httpx.Client, worker: Any, generated: str) -> None:
        run_id = api.post(f"/refine/{generated}").json()["run_id"]
        (job,) = worker.sql(
            "select j.* from jobs.procrastinate_jobs j join runs r on r.job_id = j.id where r.id = %s", run_id
        )
        assert job["args"] == {"run_id": run_id} and job["lock"] == generated and job["status"] == "todo"


class TestCancel:
    def test_waiting(self, api: httpx.Client, generated: str) -> None:
        run_id = api.post(f"/refine/{generated}").json()["run_id"]
        asked = api.post(f"/runs/{run_id}/cancel")
        assert asked.status_code == 200 and asked.json()["confirm_needed"] is True
        assert "place in line" in asked.json()["would_lose"] and "3 photos" in asked.json()["keeps"]
        assert api.get(f"/runs/{run_id}").json()["status"] == "queued"
        done = api.post(f"/runs/{run_id}/cancel", json={"confirm": True}).json()
        assert done["status"] == "cancelled" and done["confirm_needed"] is False
        late = api.post(f"/runs/{run_id}/cancel", json={"confirm": True})
        assert late.status_code == 409 and error_code(late) == "run_already_ended"
        assert error_code(api.post(f"/runs/{run_id}/cancel")) == "run_already_ended"
        assert api.get(f"/status/{generated}").json()["pipeline_progress"]["refine"] == "pending"

    def test_running(self, api: httpx.Client, worker: Any, generated: str) -> None:
        run_id = api.post(f"/refine/{generated}").json()["run_id"]
        worker.start(run_id)
        worker.beat(run_id, 42.0)
        asked = api.post(f"/runs/{run_id}/cancel", json={"confirm": False}).json()
        assert "42 %" in asked["would_lose"] and "training" in asked["would_lose"]
        done = api.post(f"/runs/{run_id}/cancel", json={"confirm": True}).json()
        assert done["status"] == "running" and done["cancel_requested"] is True
        assert api.get(f"/status/{generated}").json()["current_run"]["cancel_requested"] is True
        worker.finish_cancelled(run_id)

    def test_retry(self, api: httpx.Client, worker: Any, generated: str) -> None:
        (done,) = api.get(f"/projects/{generated}/runs").json()["items"]
        refused = api.post(f"/runs/{done['id']}/retry")
        assert refused.status_code == 409 and error_code(refused) == "run_not_retryable"
        run_id = api.post(f"/refine/{generated}", json={"seed": 5, "num_iterations": 2}).json()["run_id"]
        worker.fail(run_id, {"code": "step_crashed", "message": "m", "suggestion": "s"})
        again = api.post(f"/runs/{run_id}/retry")
        assert again.status_code == 202 and again.json()["run_id"] != run_id
        old, new = (api.get(f"/runs/{run}").json() for run in (run_id, again.json()["run_id"]))
        assert old["parameters"] == new["parameters"] and new["seed"] == 5
        assert old["input_hash"] == new["input_hash"]
        worker.refine(new["id"])


def test_promote_rolls_back(api: httpx.Client, worker: Any, generated: str) -> None:
    worker.refine(api.post(f"/refine/{generated}").json()["run_id"])
    promoted = api.post(f"/projects/{generated}/models/0/promote")
    assert promoted.status_code == 200 and promoted.json()["promoted"] is True and promoted.json()["model_url"]
    models = api.get(f"/projects/{generated}/models").json()["items"]
    assert [model["version"] for model in models if model["promoted"]] == [0]
    export = api.post(f"/export/{generated}").json()["run_id"]
    assert api.get(f"/runs/{export}").json()["parameters"]["version"] == 0


def _queued(api: httpx.Client, project_id: str) -> str:
    """The project's run in line, once it is there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for run in api.get("/queue").json()["waiting"]:
            if run["project_id"] == project_id:
                return str(run["run_id"])
        time.sleep(0.05)
    raise AssertionError("no run came into line")
