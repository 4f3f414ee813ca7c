"""Runs and their jobs: both or neither, one at a time in a project, none lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import procrastinate
import psycopg
import pytest
from tests.execution.house import House, house_of

from maquette.db import runs
from maquette.queue.jobs import TASK, enqueue, open_app, run_id_of, without_job
from maquette.settings import Connections

JOBS = "select * from jobs.procrastinate_jobs where lock = %s order by id"


@pytest.fixture
async def house(storage: Connections, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(storage, tmp_path) as house:
        yield house


@pytest.fixture
async def app(storage: Connections) -> AsyncIterator[procrastinate.App]:
    app = open_app(storage.database_url)
    async with app.open_async():
        yield app


async def test_a_run_and_its_job_appear_together_or_not_at_all(house: House) -> None:
    class OnPurposeError(Exception):
        """Ends the transaction."""

    with pytest.raises(OnPurposeError):
        async with house.pool.connection() as conn:
            run = await runs.create(conn, house.project["id"], "export")
            await enqueue(conn, run)
            raise OnPurposeError
    assert await house.rows(JOBS, str(house.project["id"])) == []
    assert await house.rows("select 1 from public.runs where project_id = %s", house.project["id"]) == []

    run = await house.queue("export", {})
    (job,) = await house.rows(JOBS, str(house.project["id"]))
    assert (job["status"], job["task_name"], job["queue_name"]) == ("todo", TASK, "cpu")
    assert run_id_of(job["args"]) == run["id"]
    assert (await house.run(run["id"]))["job_id"] == job["id"]


async def test_enqueueing_leaves_the_callers_connection_as_it_was(house: House) -> None:
    async with house.pool.connection() as conn:
        before = await (await conn.execute("show search_path")).fetchone()
        run = await runs.create(conn, house.project["id"], "export")
        await enqueue(conn, run)
        assert await (await conn.execute("show search_path")).fetchone() == before
    async with house.pool.connection() as conn:
        assert await (await conn.execute("show search_path")).fetchone() == before


async def test_a_projects_runs_are_taken_one_after_the_other_in_order(house: House, app: procrastinate.App) -> None:
    first, second = await house.queue("export", {"version": 0}), await house.queue("export", {"version": 1})
    worker = await app.job_manager.register_worker()
    try:
        lock = str(house.project["id"])
        taken = []
        while (job := await app.job_manager.fetch_job(["cpu"], worker)) is not None:
            taken.append(job)
        mine = [job for job in taken if job.lock == lock]
        assert [run_id_of(job.task_kwargs) for job in mine] == [first["id"]]
        await app.job_manager.finish_job_by_id_async(mine[0].id, procrastinate.jobs.Status.SUCCEEDED, True)
        following = await app.job_manager.fetch_job(["cpu"], worker)
        assert following is not None and run_id_of(following.task_kwargs) == second["id"]
        await app.job_manager.finish_job_by_id_async(following.id, procrastinate.jobs.Status.SUCCEEDED, True)
    finally:
        await app.job_manager.unregister_worker(worker)


async def test_the_database_itself_refuses_two_running_steps_of_a_project(house: House) -> None:
    await house.started("generate")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await house.started("export")


async def test_only_runs_that_no_job_carries_are_lost(house: House, app: procrastinate.App) -> None:
    kept, lost = await house.queue("export", {"version": 0}), await house.queue("export", {"version": 1})
    job_id = (await house.run(lost["id"]))["job_id"]
    await app.job_manager.finish_job_by_id_async(job_id, procrastinate.jobs.Status.FAILED, True)
    async with house.pool.connection() as conn:
        found = {run["id"] for run in await without_job(conn)}
        async with house.pool.connection() as other:
            at_the_same_time = {run["id"] for run in await without_job(other)}
    assert lost["id"] in found and kept["id"] not in found
    assert lost["id"] not in at_the_same_time, "two sweeps would both put it in line"
