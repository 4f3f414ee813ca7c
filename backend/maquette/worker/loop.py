"""The worker: takes runs from the queue until it is told to stop, and outlives a restart of the database."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from uuid import uuid4

import procrastinate
import psycopg
from procrastinate import exceptions
from procrastinate.jobs import Status
from psycopg_pool import PoolTimeout

from maquette.db import connection, runs
from maquette.db.rows import Row
from maquette.execution.retries import wait_before_retry
from maquette.queue.jobs import TASK, enqueue, jobs_over, open_app, run_id_of, status_carried, without_job
from maquette.queue.turns import free_from_gpu
from maquette.retention.periodic import collect_when_due
from maquette.retention.unclaimed import remove_unclaimed_now
from maquette.settings import Connections, Settings
from maquette.storage.client import Objects
from maquette.worker.carrying import Carrying
from maquette.worker.endings import put_back
from maquette.worker.folders import sweep_folders
from maquette.worker.registration import keep_registered
from maquette.worker.services import Services, open_services

log = logging.getLogger(__name__)

STALLED_S = 15
"""A run beats once a second; one that has not for so long is taken over. Fencing makes a mistake harmless."""
POLL_S = 1.0
POLL_SWEEPS_S = 2.0
"""Sweeps are due every ten seconds, and some worker is always the first: none needs a connection to listen for them."""
TIDY_S, KEEP_JOBS_H = 600.0, 24
GRACE_S = 2.0
"""How long a stopping worker lets its runs go on before it puts them back in line."""


async def run_worker(
    settings: Settings,
    connections: Connections,
    *,
    concurrency: int = 1,
    queues: Sequence[str] = ("cpu",),
    stalled_s: float = STALLED_S,
) -> None:
    """Work until SIGINT or SIGTERM; a run that is under way then goes back in line for another attempt."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with (
        connection.open_pool(connections.database_url, max_size=concurrency + 3) as pool,
        Objects.open(connections, timeout_s=settings.storage_timeout_s) as objects,
    ):
        services = await _open_services(settings, pool, objects, concurrency, stop)
        if services is None:
            return
        carrying = Carrying(services)
        registered = asyncio.create_task(keep_registered(pool, uuid4(), queues, concurrency))
        delay = 0.5
        try:
            while not stop.is_set():
                try:
                    await _serve(services, carrying, connections, queues, stop, stalled_s)
                    delay = 0.5
                except (exceptions.ConnectorException, psycopg.OperationalError, PoolTimeout, OSError) as error:
                    log.warning("the queue is out of reach (%s); again in %.1f s", type(error).__name__, delay)
                    await _sleep(stop, delay)
                    delay = min(delay * 2, 30.0)
        finally:
            await carrying.stop()
            registered.cancel()
            await asyncio.wait({registered})


async def _open_services(
    settings: Settings, pool: connection.Pool, objects: Objects, concurrency: int, stop: asyncio.Event
) -> Services | None:
    """As :func:`open_services`, once the database answers; None where the worker is stopped before."""
    while not stop.is_set():
        try:
            return await open_services(settings, pool, objects, concurrency=concurrency)
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("the database does not answer (%s)", type(error).__name__)
            await _sleep(stop, 1.0)
    return None


async def _serve(
    services: Services,
    carrying: Carrying,
    connections: Connections,
    queues: Sequence[str],
    stop: asyncio.Event,
    stalled_s: float,
) -> None:
    """One life of the Procrastinate worker: until it is stopped, or loses the database. Runs go on in the next."""
    app = open_app(connections.database_url)
    listen = not connection.is_transaction_pooler(connections.database_url)
    _register(app, services, carrying, stalled_s)
    async with app.open_async():
        await sweep(app, services, stalled_s)
        # Two workers on one app, so that a sweep never waits behind a long step nor takes a step's place.
        workers = [
            asyncio.create_task(
                _procrastinate_worker(app, queues, services.concurrency, stalled_s, POLL_S, listen=listen)
            ),
            # Two at a time, for a collection may take long and must not hold up what gives lost runs back.
            asyncio.create_task(_procrastinate_worker(app, ["sweep"], 2, stalled_s, POLL_SWEEPS_S, listen=False)),
            asyncio.create_task(_tidy(app, services)),
        ]
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({*workers, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, *workers):
            task.cancel()
        for ended in await asyncio.gather(*workers, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


async def _tidy(app: procrastinate.App, services: Services) -> None:
    """Now and then, on each machine for itself: folders that nobody goes on from; and jobs that are over."""
    while True:
        try:
            await sweep_folders(services)
            await app.job_manager.delete_old_jobs(
                nb_hours=KEEP_JOBS_H, include_failed=True, include_cancelled=True, include_aborted=True
            )
        except Exception:
            # Nothing that lies about is a reason to end runs that are at work, as the end of this task would.
            log.exception("what is over was not tidied away; again in %.0f s", TIDY_S)
        await asyncio.sleep(TIDY_S)


async def _procrastinate_worker(
    app: procrastinate.App, queues: Sequence[str], concurrency: int, stalled_s: float, poll_s: float, *, listen: bool
) -> None:
    await app.run_worker_async(
        queues=list(queues),
        concurrency=concurrency,
        listen_notify=listen,
        fetch_job_polling_interval=poll_s,
        abort_job_polling_interval=POLL_S,
        shutdown_graceful_timeout=GRACE_S,
        install_signal_handlers=False,
        delete_jobs="successful",
        update_heartbeat_interval=stalled_s / 3,
        stalled_worker_timeout=stalled_s,
    )


def _register(app: procrastinate.App, services: Services, carrying: Carrying, stalled_s: float) -> None:
    @app.task(name=TASK)
    async def run_step(run_id: str) -> None:
        await carrying.carry(run_id_of({"run_id": run_id}))

    # Asked for once an hour; one worker does it, the collection itself once a day.
    @app.periodic(cron="23 * * * *")
    @app.task(name="collect", queue="sweep", queueing_lock="collect", pass_context=False)
    async def collect_old(timestamp: int) -> None:
        await remove_unclaimed_now(services.pool, services.objects)
        await collect_when_due(services.pool, services.objects, services.settings)

    # One periodic task must exist: without one, LISTEN dies for good after a database restart (issue 1597).
    @app.periodic(cron="* * * * * */10")
    @app.task(name="sweep", queue="sweep", queueing_lock="sweep", pass_context=False)
    async def sweep_stalled(timestamp: int) -> None:
        await sweep(app, services, stalled_s)


async def sweep(app: procrastinate.App, services: Services, stalled_s: float = STALLED_S) -> None:
    """Give runs of dead workers another attempt, or fail them when they have had enough.

    Workers may sweep at the same time: each change names the attempt it ends, so only one of them makes it.
    """
    async with services.pool.connection() as conn:
        lost = await runs.stalled(conn, stalled_s)
    for run in lost:
        log.warning("run %s: no heartbeat for %.0f s", run["id"], stalled_s)
        if run["job_id"] is not None:
            await _drop_job(app, run["job_id"])
        await _take_back(services, run)
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_s):
        if job.id is None:
            continue
        if job.task_name != TASK:
            await _drop_job(app, job.id)
            continue
        async with services.pool.connection() as conn:
            status = await status_carried(conn, run_id_of(job.task_kwargs), job.id)
        if status == "queued":
            # A worker died between taking the job and starting the run: below it gets another job, whose time is
            # not reckoned by this machine's clock as that of a retried one would be.
            await _drop_job(app, job.id)
        elif status != "running":
            # One that runs on, by a worker the queue took for dead, keeps its project's lock; had it lost its
            # heartbeat too, it would have been taken back above.
            await _drop_job(app, job.id)
    async with services.pool.connection() as conn:
        over = await jobs_over(conn, stalled_s)
    for job_id in over:
        log.warning("job %d is over, and its worker could not say so", job_id)
        await _drop_job(app, job_id)
    async with services.pool.connection() as conn:
        for run in await without_job(conn):
            log.warning("run %s: its job is lost; it goes back in line", run["id"])
            await enqueue(conn, run)
        if freed := await free_from_gpu(conn):
            log.warning("no worker with a GPU lives; %d runs may be taken by any", freed)


async def _take_back(services: Services, run: Row) -> None:
    """End a lost attempt: cancelled where somebody asked for that, failed where it was the last, else in line again."""
    try:
        async with services.pool.connection() as conn:
            wait_s = wait_before_retry("worker_lost", run["failures"], factor=services.settings.retry_wait_factor)
            if run["cancel_requested_at"] is not None:
                await runs.finish(conn, run["id"], run["attempt"], "cancelled", error=_lost("run_cancelled"))
            elif wait_s is None:
                await runs.finish(conn, run["id"], run["attempt"], "failed", error=_lost("worker_lost"))
            else:
                await put_back(conn, run, _lost("worker_lost"), wait_s=wait_s)
    except runs.FencedError as error:
        log.info("run %s moved on by itself: %s", run["id"], error.message)


async def _drop_job(app: procrastinate.App, job_id: int) -> None:
    """End a dead worker's job, which still holds its project's lock."""
    try:
        await app.job_manager.finish_job_by_id_async(job_id, status=Status.FAILED, delete_job=True)
    except exceptions.ConnectorException as error:
        log.info("job %d is gone already (%s)", job_id, type(error).__name__)


def _lost(code: str) -> dict[str, object]:
    return {
        "code": code,
        "message": "The worker that carried this run stopped answering.",
        "details": {},
        "suggestion": "Nothing to do while attempts remain; else retry with POST /api/v1/runs/{id}/retry.",
    }


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
