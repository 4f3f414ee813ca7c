"""What health tells of workers, models and storage, and when calls should not be sent here."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.ports import free_port

from maquette.api.app import create_app
from maquette.api.hardware import look_in_time
from maquette.db import workers
from maquette.settings import Connections, Settings

GIB = 2**30


@contextmanager
def working(worker: Any, *queues: str, **facts: Any) -> Iterator[None]:
    """A worker that says it lives."""
    worker_id = uuid.uuid4()
    told = workers.WorkerFacts("build-host-17", 4242, list(queues), 2, "0.0.9", memory_bytes=64 * GIB, **facts)

    async def write(conn: Any, _: Any) -> None:
        await workers.write(conn, worker_id, told)

    worker.do(write)
    try:
        yield
    finally:
        worker.sql("delete from public.workers where id = %s", worker_id)


def test_health_shows_workers_and_not_where_they_run(api: httpx.Client, worker: Any) -> None:
    with working(worker, "gpu", "cpu", gpu_name="NVIDIA H200", gpu_memory_bytes=140 * GIB):
        answer = api.get("/health")
        body = answer.json()
    assert body["worker"]["ok"], body["worker"]
    assert body["workers"] == [
        {
            "queues": ["gpu", "cpu"],
            "concurrency": 2,
            "gpu": "NVIDIA H200",
            "gpu_memory_bytes": 140 * GIB,
            "memory_bytes": 64 * GIB,
            "version": "0.0.9",
        }
    ]
    assert "build-host-17" not in answer.text and "4242" not in answer.text


def test_a_queue_that_nobody_serves_is_named(api: httpx.Client, worker: Any, project_id: str) -> None:
    worker.add_photos(project_id)
    run_id = api.post(f"/generate/{project_id}").raise_for_status().json()["run_id"]
    worker.sql("update public.runs set queue = 'gpu' where id = %s", run_id)
    with working(worker, "cpu"):
        part = api.get("/health").json()["worker"]
    assert not part["ok"] and "maquette worker --queues gpu" in part["message"]
    worker.sql("update public.runs set queue = 'cpu' where id = %s", run_id)
    with working(worker, "cpu"):
        assert api.get("/health").json()["worker"]["ok"]
    api.post(f"/runs/{run_id}/cancel", json={"confirm": True})


def test_models_that_can_be_used_are_named(
    settings: Settings, serve_again: Callable[[Settings], AbstractContextManager[str]], tmp_path: Path
) -> None:
    for name in ("depth-anything-v2-small", "sdxl", "no-model-of-ours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_bytes(b"x")
    (tmp_path / "sdxl" / "maquette.json").write_text("{")
    with serve_again(settings.model_copy(update={"models_dir": tmp_path})) as url:
        told = httpx.get(f"{url}/health", trust_env=False).json()["models"]
    assert "depth-anything-v2-small" in told and not {"sdxl", "no-model-of-ours"} & set(told)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_ready(address: str, prefix: str) -> None:
    answer = httpx.get(f"{address}{prefix}/ready", trust_env=False)
    body = answer.json()
    assert answer.status_code == 200 and body["ready"]
    assert body["database"]["ok"] and body["storage"]["ok"]
    # told, not counted
    assert not body["worker"]["ok"] and "maquette worker" in body["worker"]["message"]


def test_not_ready_without_a_migration(address: str, worker: Any) -> None:
    name = "0009_survive_anything.sql"
    worker.sql("update maquette.maquette_migrations set name = 'hidden' where name = %s", name)
    try:
        answer = httpx.get(f"{address}/ready", trust_env=False)
        assert answer.status_code == 503 and name in answer.json()["database"]["message"]
        health = httpx.get(f"{address}/health", trust_env=False)
        assert health.status_code == 200 and not health.json()["database"]["ok"]
    finally:
        worker.sql("update maquette.maquette_migrations set name = %s where name = 'hidden'", name)


async def test_not_ready_without_storage(settings: Settings, connections: Connections) -> None:
    # Nobody listens there; the embedded storage of this app itself is never asked.
    away = replace(connections, supabase_url=f"http://127.0.0.1:{free_port()}")
    app = create_app(settings, away)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        ready = await client.get("/ready")
        assert ready.status_code == 503
        assert ready.json()["database"]["ok"] and not ready.json()["storage"]["ok"]
        assert (await client.get("/health")).json()["status"] == "degraded"


async def test_a_disk_that_hangs_holds_nobody_up() -> None:
    hanging = threading.Event()
    try:
        assert await look_in_time(lambda: hanging.wait(60) or "late", 0.05, "nobody can tell") == "nobody can tell"
    finally:
        hanging.set()
    assert await look_in_time(lambda: "found", 20, "nobody can tell") == "found"
