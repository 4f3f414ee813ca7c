"""Whose run is next: fair between owners, in order within one, and on workers that can do it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import procrastinate
import pytest
from tests.execution.house import House, house_of

from maquette.db import projects, runs
from maquette.db.rows import Row
from maquette.queue.jobs import enqueue, open_app, run_id_of, withdraw
from maquette.queue.turns import free_from_gpu
from maquette.settings import Connections


@pytest.fixture
async def house(storage: Connections, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(storage, tmp_path) as house:
        await house.end_everything()
        await house.rows("delete from public.workers returning id")
        yield house
        await house.rows("delete from public.workers returning id")


@pytest.fixture
async def app(storage: Connections) -> AsyncIterator[procrastinate.App]:
    app = open_app(storage.database_url)
    async with app.open_async():
        yield app


async def owner(house: House) -> UUID:
    made = uuid4()
    await house.rows("insert into auth.users (id) values (%s) returning id", made)
    return made


async def project_of(house: House, owner_id: UUID) -> Row:
    async with house.pool.connection() as conn:
        return await projects.create(conn, owner_id, "Theirs")


async def taken_in_order(app: procrastinate.App, house: House, count: int) -> list[UUID]:
    """Take and finish so many runs, one at a time, as one worker would."""
    worker = await app.job_manager.register_worker()
    order = []
    try:
        for _ in range(count):
            job = await app.job_manager.fetch_job(["cpu"], worker)
            assert job is not None and job.id is not None
            run_id = run_id_of(job.task_kwargs)
            async with house.pool.connection() as conn:
                run = await runs.start(conn, run_id)
                assert run is not None
                await runs.finish(conn, run_id, run["attempt"], "completed")
            await app.job_manager.finish_job_by_id_async(job.id, procrastinate.jobs.Status.SUCCEEDED, True)
            order.append(run_id)
    finally:
        await app.job_manager.unregister_worker(worker)
    return order


async def test_a_hundred_runs_of_one_owner_do_not_starve_anothers_first(house: House, app: procrastinate.App) -> None:
    busy = await owner(house)
    theirs = [await project_of(house, busy) for _ in range(5)]
    many = [await house.queue("export", {"version": n}, theirs[n % 5]) for n in range(100)]
    assert await taken_in_order(app, house, 3) == [run["id"] for run in many[:3]]
    first = await house.queue("export", {}, await project_of(house, await owner(house)))
    following = await taken_in_order(app, house, 2)
    assert first["id"] in following, "it waited for more than the one whose turn it was"
    # And the many go on in the order they were called.
    rest = [run_id for run_id in [*following, *await taken_in_order(app, house, 96)] if run_id != first["id"]]
    assert rest == [run["id"] for run in many[3:]]


async def test_two_owners_who_wait_take_turns(house: House, app: procrastinate.App) -> None:
    one, two = await project_of(house, await owner(house)), await project_of(house, await owner(house))
    of_one = [(await house.queue("export", {"version": n}, one))["id"] for n in range(4)]
    of_two = [(await house.queue("export", {"version": n}, two))["id"] for n in range(4)]
    order = await taken_in_order(app, house, 8)
    assert [run_id in of_one for run_id in order] == [True, False] * 4
    assert [run_id for run_id in order if run_id in of_two] == of_two


async def test_an_owner_who_was_away_gets_no_credit_for_it(house: House, app: procrastinate.App) -> None:
    """Else who calls seldom could fill the line at once, before everybody else."""
    steady, seldom = await project_of(house, await owner(house)), await project_of(house, await owner(house))
    for n in range(6):
        await house.queue("export", {"version": n}, steady)
        await taken_in_order(app, house, 1)
    of_steady = [(await house.queue("export", {"version": n}, steady))["id"] for n in range(3)]
    for n in range(3):
        await house.queue("export", {"version": n}, seldom)
    order = await taken_in_order(app, house, 6)
    assert [run_id in of_steady for run_id in order] == [True, False] * 3


async def test_another_attempt_keeps_its_turn(house: House, app: procrastinate.App) -> None:
    mine, yours = await project_of(house, await owner(house)), await project_of(house, await owner(house))
    lost = await house.queue("export", {}, mine)
    async with house.pool.connection() as conn:
        run = await runs.start(conn, lost["id"])
        assert run is not None
    await house.drop_jobs()
    for n in range(3):
        await house.queue("export", {"version": n}, yours)
    async with house.pool.connection() as conn:
        again = await runs.requeue(conn, lost["id"], run["attempt"], {"code": "worker_lost"})
        assert again is not None and again["failures"] == {"worker_lost": 1}
        await enqueue(conn, again)
    assert (await house.run(lost["id"]))["turn"] == run["turn"]
    assert lost["id"] in await taken_in_order(app, house, 2)


async def test_a_run_that_is_to_wait_is_not_taken_before_and_one_taken_out_holds_nobody_up(
    house: House, app: procrastinate.App
) -> None:
    async with house.pool.connection() as conn:
        put_off = await runs.create(conn, house.project["id"], "export", parameters={})
        await enqueue(conn, put_off, wait_s=3600)
    following = await house.queue("export", {"version": 1})
    assert (await house.run(put_off["id"]))["not_before"] is not None
    worker = await app.job_manager.register_worker()
    assert await app.job_manager.fetch_job(["cpu"], worker) is None, "a project's runs keep their order"
    await app.job_manager.unregister_worker(worker)
    async with house.pool.connection() as conn:
        cancelled = await runs.request_cancel(conn, put_off["id"])
        assert cancelled is not None
        await withdraw(conn, cancelled)
    assert await taken_in_order(app, house, 1) == [following["id"]]


async def test_training_goes_to_a_gpu_while_one_lives_and_to_anyone_when_it_is_gone(
    house: House, app: procrastinate.App
) -> None:
    assert (await house.run((await house.queue("generate", {}))["id"]))["queue"] == "cpu"
    await house.rows(
        "insert into public.workers (id, host, process_id, queues, concurrency, code_version)"
        " values (%s, 'h', 1, '{gpu,cpu}', 1, 'x') returning id",
        uuid4(),
    )
    training, writing = await house.queue("refine", {}), await house.queue("export", {})
    queues = {run["id"]: (await house.run(run["id"]))["queue"] for run in (training, writing)}
    assert queues == {training["id"]: "gpu", writing["id"]: "cpu"}
    async with house.pool.connection() as conn:
        assert await free_from_gpu(conn) == 0
        await conn.execute("update public.workers set heartbeat_at = now() - interval '1 hour'")
        assert await free_from_gpu(conn) == 1
    assert (await house.run(training["id"]))["queue"] == "cpu"
    assert len(await taken_in_order(app, house, 3)) == 3, "its job was moved too"
