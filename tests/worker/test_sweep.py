"""What a sweep gives back, and what lies about and stops no worker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from tests.execution.house import House
from tests.worker.helper import start_worker

from maquette.db import runs
from maquette.queue.jobs import open_app, run_id_of
from maquette.settings import Connections
from maquette.worker.endings import put_back
from maquette.worker.folders import sweep_folders
from maquette.worker.loop import sweep
from maquette.worker.services import open_services

STALLED_S = 15


@pytest.mark.parametrize("end", ["completed", "put back"])
async def test_a_job_that_is_over_gives_its_project_free_though_its_worker_lives(
    house: House, storage: Connections, end: str
) -> None:
    await house.end_everything()
    run = await house.queue("export", {"version": 0})
    services = await open_services(house.settings, house.pool, house.objects)
    app = open_app(storage.database_url)
    async with app.open_async():
        worker = await app.job_manager.register_worker()
        job = await app.job_manager.fetch_job(["cpu"], worker)
        assert job is not None and run_id_of(job.task_kwargs) == run["id"]
        async with house.pool.connection() as conn:
            started = await runs.start(conn, run["id"])
        assert started is not None
        if end == "completed":
            await house.finish(started)
        else:
            async with house.pool.connection() as conn:
                await put_back(conn, started, {"code": "step_crashed"}, wait_s=0)
        waiting = await house.queue("export", {"version": 1})
        # As much as is asked for at once is not too long: its worker may be about to say that it is over.
        await sweep(app, services, STALLED_S)
        assert await app.job_manager.fetch_job(["cpu"], worker) is None, "its place was given away at once"
        await house.rows(
            "update jobs.procrastinate_events set at = at - interval '1 hour' where job_id in (select id from"
            " jobs.procrastinate_jobs where lock = %s) returning id",
            str(house.project["id"]),
        )
        await house.rows(
            "update public.runs set finished_at = finished_at - interval '1 hour' where id = %s returning id", run["id"]
        )
        await sweep(app, services, STALLED_S)
        following = await app.job_manager.fetch_job(["cpu"], worker)
        assert following is not None, "nothing of this project ever runs again"
        assert run_id_of(following.task_kwargs) == (waiting if end == "completed" else run)["id"]
        await app.job_manager.unregister_worker(worker)
    await house.end_everything()


async def test_a_job_at_work_keeps_its_place_however_long_it_takes(house: House, storage: Connections) -> None:
    await house.end_everything()
    run = await house.queue("export", {"version": 0})
    services = await open_services(house.settings, house.pool, house.objects)
    app = open_app(storage.database_url)
    async with app.open_async():
        worker = await app.job_manager.register_worker()
        job = await app.job_manager.fetch_job(["cpu"], worker)
        assert job is not None and job.id is not None
        async with house.pool.connection() as conn:
            await runs.start(conn, run["id"])
        await house.rows(
            "update jobs.procrastinate_events set at = at - interval '1 hour' where job_id = %s returning id", job.id
        )
        await sweep(app, services, STALLED_S)
        (kept,) = await house.rows("select status from jobs.procrastinate_jobs where id = %s", job.id)
        assert kept["status"] == "doing" and (await house.run(run["id"]))["attempt"] == 1
        await app.job_manager.unregister_worker(worker)
    await house.end_everything()


async def test_what_cannot_be_swept_is_left_and_the_rest_is_swept(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    services = await open_services(house.settings, house.pool, house.objects)
    done = await house.started("export")
    await house.finish(done)
    services.work.mkdir(parents=True, exist_ok=True)
    # A name that leads to itself cannot be looked at, as a folder of another user cannot.
    bad = services.work / str(uuid4())
    bad.symlink_to(bad)
    (services.work / str(done["id"])).mkdir()
    await sweep_folders(services)
    assert not (services.work / str(done["id"])).exists()
    assert f"the folder of run {bad.name} stays (OSError)" in caplog.text


async def test_what_lies_about_stops_no_worker(
    house: House, folder: Path, storage: Connections, tmp_path: Path
) -> None:
    await house.end_everything()
    await house.with_version(folder)
    old = await house.started("export")
    await house.finish(old)
    work = tmp_path / "machine" / "work"
    work.mkdir(parents=True)
    (work / str(old["id"])).symlink_to(work / str(old["id"]))
    run = await house.queue("export", {"version": 0})
    worker = start_worker(storage, tmp_path / "machine")
    try:
        assert (await house.until(run["id"], "completed", "failed", seconds=40))["status"] == "completed"
        assert "the queue is out of reach" not in worker.log
    finally:
        await asyncio.to_thread(worker.kill)
