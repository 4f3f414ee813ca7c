"""The end of a run's log over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from maquette.db import run_logs
from maquette.db.rows import Connection


@pytest.fixture
def run_id(api: httpx.Client, worker: Any, project_id: str) -> str:
    worker.add_photos(project_id)
    made: str = api.post(f"/generate/{project_id}").raise_for_status().json()["run_id"]
    return made


def write(worker: Any, run_id: str, lines: list[str]) -> None:
    async def work(conn: Connection, _: Any) -> None:
        assert await run_logs.write(conn, uuid.UUID(run_id), 1, lines)

    worker.do(work)


def test_a_run_that_waits_has_none(api: httpx.Client, run_id: str) -> None:
    assert api.get(f"/runs/{run_id}/log").json() == {
        "run_id": run_id,
        "attempt": 0,
        "lines": [],
        "updated_at": None,
        "truncated": False,
    }


def test_the_last_lines(api: httpx.Client, worker: Any, run_id: str) -> None:
    worker.start(run_id)
    write(worker, run_id, ["first", "second", "größte"])
    answer = api.get(f"/runs/{run_id}/log").raise_for_status()
    told = answer.json()
    assert (told["attempt"], told["lines"], told["truncated"]) == (1, ["first", "second", "größte"], False)
    assert told["updated_at"] and answer.headers["cache-control"] == "no-store"
    few = api.get(f"/runs/{run_id}/log", params={"lines": 2}).json()
    assert (few["lines"], few["truncated"]) == (["second", "größte"], True)
    write(worker, run_id, [str(number) for number in range(300)])
    many = api.get(f"/runs/{run_id}/log").json()
    assert len(many["lines"]) == 200 and many["lines"][-1] == "299" and many["truncated"]


@pytest.mark.parametrize(
    ("accept", "text"), [("text/plain", True), ("*/*", False), ("application/json, text/plain", False)]
)
def test_as_text(api: httpx.Client, worker: Any, run_id: str, accept: str, text: bool) -> None:
    worker.start(run_id)
    write(worker, run_id, ["<script>", "second"])
    answer = api.get(f"/runs/{run_id}/log", headers={"Accept": accept})
    if text:
        assert answer.headers["content-type"].startswith("text/plain") and answer.text == "<script>\nsecond\n"
    else:
        assert answer.json()["lines"] == ["<script>", "second"]


@pytest.mark.parametrize("lines", [0, 201, "many"])
def test_bad_counts(api: httpx.Client, run_id: str, lines: object) -> None:
    answer = api.get(f"/runs/{run_id}/log", params={"lines": lines})
    assert answer.status_code == 422 and "lines" in answer.text


def test_an_unknown_run(api: httpx.Client) -> None:
    answer = api.get(f"/runs/{uuid.uuid4()}/log")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "run_not_found"
