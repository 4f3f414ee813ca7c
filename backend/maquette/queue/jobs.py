"""The job queue: Procrastinate in its own schema ``jobs`` on the same Postgres.

A job carries nothing but a run's id; the run row is the truth. One lock per project makes its steps run one after
the other.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import procrastinate

from maquette.db import runs
from maquette.db.rows import Connection, Row, fetch_one

TASK = "run_step"
QUEUE = "cpu"
SCHEMA_OPTIONS = "-c search_path=jobs,public"


def open_app(database_url: str, *, max_connections: int = 4) -> procrastinate.App:
    """A Procrastinate app for a worker; the caller opens it with ``async with app.open_async()``."""
    pooler = ":6543" in database_url
    connector = procrastinate.PsycopgConnector(
        conninfo=database_url,
        min_size=1,
        max_size=max_connections,
        kwargs={"options": SCHEMA_OPTIONS, **({"prepare_threshold": None} if pooler else {})},
    )
    return procrastinate.App(connector=connector)


_deferrer = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=""))
"""Never opened: it only builds jobs, which go in through the caller's own connection."""


async def enqueue(conn: Connection, run: Row, *, queue: str = QUEUE) -> None:
    """Put a queued run in line, in the caller's transaction: both are there, or neither."""
    before = await fetch_one(conn, "select current_setting('search_path') as path", [])
    await conn.execute("select set_config('search_path', 'jobs, public', true)")
    job_id = await _deferrer.configure_task(
        TASK, connection=conn, lock=str(run["project_id"]), queue=queue, allow_unknown=True
    ).defer_async(run_id=str(run["id"]))
    await conn.execute("select set_config('search_path', %s, true)", [before["path"] if before else "public"])
    await runs.set_job(conn, run["id"], job_id)


async def workers_alive(conn: Connection, *, within_s: float = 30) -> int:
    """How many workers have shown a heartbeat lately."""
    row = await fetch_one(
        conn,
        "select count(*) as alive from jobs.procrastinate_workers"
        " where last_heartbeat > now() - make_interval(secs => %s)",
        [within_s],
    )
    return int(row["alive"]) if row else 0


def run_id_of(task_arguments: dict[str, Any]) -> UUID:
    """The run that a job carries."""
    return UUID(str(task_arguments["run_id"]))
