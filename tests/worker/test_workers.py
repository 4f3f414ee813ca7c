"""Workers as processes: several on one database, killed, stopped, told to cancel."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.execution.house import House
from tests.worker.helper import WorkerProcess, start_worker

from maquette.db import projects, runs
from maquette.db.rows import Row
from maquette.embedded.compat import LOCAL_OWNER
from maquette.settings import Connections

LONG_REFINE = {"from_version": 0, "num_iterations": 50, "steps_per_iteration": 20000}


@pytest.fixture
def start(storage: Connections, tmp_path: Path) -> Iterator[Callable[[str], WorkerProcess]]:
    """Starts workers by the name of their machine; all are gone afterwards."""
    started: list[WorkerProcess] = []

    def make(machine: str) -> WorkerProcess:
        started.append(start_worker(storage, tmp_path / machine))
        return started[-1]

    yield make
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture
async def modelled(house: House, folder: Path) -> AsyncIterator[House]:
    """A project with a version, and nothing in line."""
    await house.end_everything()
    await house.with_version(folder)
    yield house


async def another_project(house: House, folder: Path) -> Row:
    async with house.pool.connection() as conn:
        project = await projects.create(conn, UUID(LOCAL_OWNER), "Another")
    mine, house.project = house.project, project
    try:
        await house.with_version(folder)
    finally:
        house.project = mine
    return project


async def test_three_workers_share_the_line_and_one_that_is_killed_loses_nothing(
    modelled: House, folder: Path, start: Callable[[str], WorkerProcess]
) -> None:
    all_projects = [modelled.project, await another_project(modelled, folder), await another_project(modelled, folder)]
    queued = [
        await modelled.queue("export", {"version": 0, "format": file_format, "optimize": optimize}, project)
        for project in all_projects
        for file_format, optimize in (("ply", False), ("ply", True), ("splat", False))
    ]
    workers = {name: start(name) for name in ("one", "two", "three")}
    # whichever machine takes the first run is killed while it is at it
    first = await modelled.until(queued[0]["id"], "running")
    victim = None
    while victim is None:
        victim = next((w for w in workers.values() if (w.home / "work" / str(first["id"])).exists()), None)
        await asyncio.sleep(0.005)
    victim.kill()
    assert (await modelled.run(first["id"]))["status"] == "running", "it ended before it could be killed"

    for run in queued:
        ended = await modelled.until(run["id"], "completed", "failed", seconds=60)
        assert ended["status"] == "completed", ended["error"]
    assert (await modelled.run(first["id"]))["attempt"] == 2
    ids = [run["id"] for run in queued]
    exports = await modelled.rows("select run_id from public.export_history where run_id = any(%s)", ids)
    assert sorted(row["run_id"] for row in exports) == sorted(ids), "each run made one export"
    attempts = await modelled.rows("select sum(attempt) as all from public.runs where id = any(%s)", ids)
    assert attempts[0]["all"] == len(ids) + 1, "no run but the lost one was begun twice"
    survivors = [w for w in workers.values() if w is not victim]
    assert all("completed" in worker.log for worker in survivors), "one of them did nothing"
    for worker in survivors:
        assert worker.stop() == 0
        assert "Traceback" not in worker.log
        assert list((worker.home / "work").iterdir()) == [], "folders of ended runs remain"


async def test_a_stopped_worker_puts_its_run_back_and_the_next_one_takes_it_at_once(
    modelled: House, start: Callable[[str], WorkerProcess]
) -> None:
    worker = start("one")
    run = await modelled.queue("refine", LONG_REFINE)
    await _until_training(modelled, run)
    assert worker.stop() == 0
    waiting = await modelled.run(run["id"])
    assert (waiting["status"], waiting["error"]["code"]) == ("queued", "worker_stopped")
    jobs = await modelled.rows(
        "select id, status from jobs.procrastinate_jobs where lock = %s and status in ('todo', 'doing')",
        str(modelled.project["id"]),
    )
    assert [(job["id"], job["status"]) for job in jobs] == [(waiting["job_id"], "todo")], "one job, and it waits"

    second = start("two")
    taken = await modelled.until(run["id"], "running")
    assert taken["attempt"] == 2
    async with modelled.pool.connection() as conn:
        await runs.request_cancel(conn, run["id"])
    ended = await modelled.until(run["id"], "cancelled")
    assert ended["error"]["code"] == "run_cancelled"
    assert second.stop() == 0
    assert (second.home / "work" / str(run["id"])).exists(), "a retry goes on from there"


async def test_cancelled_runs_leave_the_line_and_the_next_one_goes_on(
    modelled: House, start: Callable[[str], WorkerProcess]
) -> None:
    running = await modelled.queue("refine", LONG_REFINE)
    waiting = await modelled.queue("export", {"version": 0})
    last = await modelled.queue("export", {"version": 0, "format": "splat"})
    start("one")
    await _until_training(modelled, running)
    async with modelled.pool.connection() as conn:
        await runs.request_cancel(conn, waiting["id"])
        await runs.request_cancel(conn, running["id"])
    assert (await modelled.run(waiting["id"]))["status"] == "cancelled"
    await modelled.until(running["id"], "cancelled", seconds=10)
    await modelled.until(last["id"], "completed", seconds=20)
    assert (await modelled.run(waiting["id"]))["attempt"] == 0


async def test_a_run_whose_job_was_lost_goes_back_in_line(
    modelled: House, start: Callable[[str], WorkerProcess]
) -> None:
    run = await modelled.queue("export", {"version": 0})
    await modelled.drop_jobs()
    worker = start("one")
    await modelled.until(run["id"], "completed", seconds=20)
    assert "its job is lost" in worker.log


async def test_folders_of_ended_runs_are_swept_when_a_worker_starts(
    modelled: House, start: Callable[[str], WorkerProcess], tmp_path: Path
) -> None:
    done, failed = await modelled.started("export"), None
    await modelled.finish(done)
    failed = await modelled.started("export")
    async with modelled.pool.connection() as conn:
        await runs.finish(conn, failed["id"], failed["attempt"], "failed", error={"code": "x"})
    cancelled = await modelled.started("export")
    async with modelled.pool.connection() as conn:
        await runs.finish(conn, cancelled["id"], cancelled["attempt"], "cancelled")
    going_on = await modelled.started("refine")
    work = tmp_path / "one" / "work"
    deleted, of_another_database = uuid4(), uuid4()
    (installation,) = await modelled.rows("select id from public.installation")
    for name in (done["id"], failed["id"], cancelled["id"], going_on["id"], deleted, of_another_database):
        (work / str(name) / "models").mkdir(parents=True)
        (work / str(name) / "log.txt").write_text("said")
    (work / str(deleted) / "installation").write_text(str(installation["id"]))
    (work / str(of_another_database) / "installation").write_text(str(uuid4()))
    await modelled.rows(
        "update public.runs set finished_at = now() - interval '25 hours' where id = %s returning id", failed["id"]
    )
    (work / "something of the user's").mkdir()
    worker = start("one")
    gone = [work / str(done["id"]), work / str(failed["id"]) / "models", work / str(deleted)]
    async with asyncio.timeout(20):
        while any(path.exists() for path in gone):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (work / str(failed["id"]) / "log.txt").read_text() == "said"
    assert (work / str(going_on["id"]) / "models").exists(), "its next attempt goes on from there"
    assert (work / str(cancelled["id"]) / "models").exists(), "a retry may go on from there for a day"
    assert (work / str(of_another_database) / "models").exists()
    assert (work / "something of the user's").exists()
    worker.kill()
    shutil.rmtree(work)


async def _until_training(house: House, run: Row) -> None:
    async with asyncio.timeout(60):
        while (now := await house.run(run["id"]))["stage"] != "rounds":
            assert now["status"] in ("queued", "running"), now["error"]
            await asyncio.sleep(0.05)


async def test_lost_database_connections_lose_no_run(modelled: House, start: Callable[[str], WorkerProcess]) -> None:
    """As when Postgres is started again: every connection is cut, in the middle of a step and between steps."""
    worker = start("one")
    run = await modelled.queue(
        "refine", {"from_version": 0, "num_iterations": 2, "steps_per_iteration": 150, "convergence_threshold": 0}
    )
    waiting = await modelled.queue("export", {"version": 0})
    await _until_training(modelled, run)
    await modelled.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid <> pg_backend_pid() and usename = current_user and starts_with(application_name, 'maquette')"
    )
    ended = await modelled.until(run["id"], "completed", "failed", seconds=40)
    assert ended["status"] == "completed", ended["error"]
    assert (ended["attempt"], ended["failures"]) == (1, {}), "the step did not go on while the queue was out of reach"
    models = await modelled.rows(
        "select version from public.gaussian_splat_models where run_id = %s order by version", run["id"]
    )
    assert [model["version"] for model in models] == ended["result"]["versions"], "no round is lost or done twice"
    assert (await modelled.until(waiting["id"], "completed", "failed", seconds=40))["status"] == "completed"
    assert worker.stop() == 0
