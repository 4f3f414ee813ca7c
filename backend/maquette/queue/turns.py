"""Whose run is next, and which workers may take it.

Turns are the start tags of start-time fair queueing (Goyal, Vin and Cheng, "Start-time Fair Queuing", SIGCOMM 1996),
each run counting the same. Virtual time is the highest turn that has started. An owner's run gets one more than the
owner's last that is unfinished, and never less than virtual time: a hundred runs of one owner get a hundred turns,
another owner's first gets the turn that is being served. Turns never change, so nobody's run is put off for ever.
"""

from __future__ import annotations

from maquette.db.rows import Connection, Row, fetch_one
from maquette.db.workers import ALIVE_S

QUEUES = ("gpu", "cpu")
"""A worker with a GPU serves both, and takes what waits for a GPU and what does not in one order."""
GPU_STEPS = frozenset({"generate", "refine"})
"""Steps that train: on a GPU they take minutes less."""


async def allot_turn(conn: Connection, run: Row) -> int:
    """The turn of a run that was just made, of at least 1."""
    row = await fetch_one(
        conn,
        """
        select greatest(
            1,
            (select turn from public.runs where started_at is not null order by turn desc limit 1),
            (select max(r.turn) + 1 from public.runs r join public.projects p on p.id = r.project_id
             where p.owner_id = (select owner_id from public.projects where id = %(project)s)
               and r.status in ('queued', 'running') and r.id <> %(run)s)
        ) as turn
        """,
        {"project": run["project_id"], "run": run["id"]},
    )
    return int(row["turn"]) if row else 1


async def choose_queue(conn: Connection, step: str) -> str:
    """``gpu`` for a step that trains, where a worker with a GPU lives; else ``cpu``, which every worker serves."""
    if step in GPU_STEPS and await gpu_worker_lives(conn):
        return "gpu"
    return "cpu"


async def gpu_worker_lives(conn: Connection) -> bool:
    """Whether a worker that takes runs of the queue ``gpu`` has shown a heartbeat lately."""
    row = await fetch_one(
        conn,
        "select exists (select from public.workers where 'gpu' = any(queues)"
        " and heartbeat_at > now() - make_interval(secs => %s)) as lives",
        [ALIVE_S],
    )
    return bool(row and row["lives"])


async def free_from_gpu(conn: Connection) -> int:
    """Let every worker take what waits for a GPU, where no worker that has one lives any more. Returns how many."""
    if await gpu_worker_lives(conn):
        return 0
    changed = await conn.execute(
        """
        with freed as (
            update public.runs set queue = 'cpu' where status = 'queued' and queue = 'gpu' returning job_id
        )
        update jobs.procrastinate_jobs j set queue_name = 'cpu' from freed where j.id = freed.job_id
        """
    )
    return changed.rowcount
