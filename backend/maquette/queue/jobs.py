"""The job queue: Procrastinate in its own schema ``jobs`` on the same Postgres.

A job carries nothing but a run's id; the run row is the truth. One lock per project makes its steps run one after
the other, and :mod:`maquette.queue.turns` says whose run is next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import procrastinate
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from maquette.db import runs
from maquette.db.connection import connection_options, is_transaction_pooler
from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.queue.turns import allot_turn, choose_queue

TASK = "run_step"
SCHEMA_OPTIONS = "-c search_path=jobs,public"
QUEUE_CONNECTIONS = 2
"""Of each worker, besides the one that listens. Its questions take milliseconds, so they may wait for one another; what
the database has fewest of is connections."""


def open_app(database_url: str) -> procrastinate.App:
    """A Procrastinate app for a worker; the caller opens it with ``async with app.open_async()``."""
    options = connection_options(database_url, "maquette queue")
    if is_transaction_pooler(database_url):
        connector = procrastinate.PsycopgConnector(
            conninfo=database_url, max_size=QUEUE_CONNECTIONS, min_size=1, kwargs=options, pool_factory=_PathInEach
        )
    else:
        connector = procrastinate.PsycopgConnector(
            conninfo=database_url,
            max_size=QUEUE_CONNECTIONS,
            min_size=1,
            kwargs={**options, "options": SCHEMA_OPTIONS},
            configure=_commit_each,
        )
    return procrastinate.App(connector=connector)


async def _commit_each(conn: AsyncConnection[Any]) -> None:
    """Whatever a worker asks of the queue is one statement: no begin and no commit around each, half the messages."""
    await conn.set_autocommit(True)


class _PathInEach(AsyncConnectionPool[AsyncConnection[Any]]):
    """Behind a transaction pooler no session is one's own, so each transaction says where the queue's tables are."""

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[AsyncConnection[Any]]:  # noqa: ASYNC109
        async with super().connection(timeout) as conn:
            await conn.execute("set local search_path to jobs, public")
            yield conn


_deferrer = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=""))
"""Never opened: it only builds jobs, which go in through the caller's own connection."""


@asynccontextmanager
async def in_schema(conn: Connection) -> AsyncIterator[None]:
    """Procrastinate's functions and triggers name its tables without their schema: found in this block only."""
    before = await fetch_one(conn, "select current_setting('search_path') as path", [])
    await conn.execute("select set_config('search_path', 'jobs, public', true)")
    yield
    await conn.execute("select set_config('search_path', %s, true)", [before["path"] if before else "public"])


async def enqueue(conn: Connection, run: Row, *, wait_s: float = 0) -> None:
    """Put a queued run in line, in the caller's transaction: both are there, or neither.

    ``wait_s``: it may start so much later, by the database's clock. A run that was in line before keeps its turn.
    """
    turn = run["turn"] or await allot_turn(conn, run)
    queue = await choose_queue(conn, run["step"])
    async with in_schema(conn):
        job_id = await _deferrer.configure_task(
            TASK, connection=conn, lock=str(run["project_id"]), queue=queue, priority=-turn, allow_unknown=True
        ).defer_async(run_id=str(run["id"]))
        if wait_s > 0:
            # Not Procrastinate's own schedule, which is reckoned by this machine's clock.
            await conn.execute(
                "update procrastinate_jobs set scheduled_at = now() + make_interval(secs => %s) where id = %s",
                [wait_s, job_id],
            )
    await runs.set_job(conn, run["id"], job_id, turn=turn, queue=queue, wait_s=wait_s)


async def withdraw(conn: Connection, run: Row) -> None:
    """Take the job of a run out of line that is not to start any more; one that a worker has already stays its own.

    Left there it would hold its project's place until its time came.
    """
    async with in_schema(conn):
        await conn.execute(
            "delete from procrastinate_jobs where id = %s and status = 'todo' and task_name = %s", [run["job_id"], TASK]
        )


async def without_job(conn: Connection) -> list[Row]:
    """Queued runs that no job carries any more, locked until the transaction ends.

    A run and its job appear together, so such a job failed before it could take its run: the database was away.
    """
    return await fetch_all(
        conn,
        "select r.* from public.runs r where r.status = 'queued' and not exists (select from jobs.procrastinate_jobs j"
        " where j.id = r.job_id and j.status in ('todo', 'doing')) for update skip locked",
        [],
    )


async def jobs_over(conn: Connection, seconds: float) -> list[int]:
    """Jobs at work that for so long have carried no running run, though their worker lives.

    Its connection was cut as it said that the job is over, which it says once; the job would hold its project for ever.
    """
    rows = await fetch_all(
        conn,
        "select j.id from jobs.procrastinate_jobs j left join public.runs r on r.id = (j.args ->> 'run_id')::uuid"
        " where j.status = 'doing' and j.task_name = %s"
        " and not coalesce(r.status = 'running' and r.job_id = j.id, false)"
        " and greatest(r.finished_at, (select max(e.at) from jobs.procrastinate_events e"
        "  where e.job_id in (j.id, r.job_id))) < now() - make_interval(secs => %s)",
        [TASK, seconds],
    )
    return [row["id"] for row in rows]


async def status_carried(conn: Connection, run_id: UUID, job_id: int) -> str | None:
    """The status of the run where this very job carries it; None where another does, or the run is gone."""
    row = await fetch_one(conn, "select status from public.runs where id = %s and job_id = %s", [run_id, job_id])
    return str(row["status"]) if row else None


def run_id_of(task_arguments: dict[str, Any]) -> UUID:
    """The run that a job carries."""
    return UUID(str(task_arguments["run_id"]))
