"""Worker processes as they write themselves down. All times are the database's own: no worker's clock decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one

ALIVE_S = 30.0
"""A worker says every 10 s that it lives: two of its words may be lost."""


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker process is: where it runs, what it takes, how many steps at once, and on what machine."""

    host: str
    process_id: int
    queues: Sequence[str]
    concurrency: int
    code_version: str
    memory_bytes: int | None = None
    gpu_name: str | None = None
    gpu_memory_bytes: int | None = None


async def write(conn: Connection, worker_id: UUID, facts: WorkerFacts) -> None:
    """Say that a worker lives; the first word makes its row."""
    await conn.execute(
        """
        insert into public.workers as w (id, host, process_id, queues, concurrency, code_version, memory_bytes,
                                         gpu_name, gpu_memory_bytes)
        values (%(id)s, %(host)s, %(process_id)s, %(queues)s, %(concurrency)s, %(code_version)s, %(memory_bytes)s,
                %(gpu_name)s, %(gpu_memory_bytes)s)
        on conflict (id) do update set heartbeat_at = now(), gpu_name = excluded.gpu_name,
            gpu_memory_bytes = excluded.gpu_memory_bytes
        """,
        {**vars(facts), "id": worker_id, "queues": list(facts.queues)},
    )


async def remove(conn: Connection, worker_id: UUID) -> None:
    """Forget a worker that has stopped."""
    await conn.execute("delete from public.workers where id = %s", [worker_id])


async def remove_dead(conn: Connection) -> int:
    """Forget workers that have been silent for a day; how many those were."""
    cursor = await conn.execute("delete from public.workers where heartbeat_at < now() - interval '1 day'")
    return cursor.rowcount


async def alive(conn: Connection, *, within_s: float = ALIVE_S) -> list[Row]:
    """Workers that spoke lately, the longest at work first, with ``silent_s`` since their last word."""
    return await fetch_all(
        conn,
        "select *, extract(epoch from now() - heartbeat_at)::float8 as silent_s from public.workers"
        " where heartbeat_at > now() - make_interval(secs => %s) order by started_at, id",
        [within_s],
    )


async def unserved_queues(conn: Connection, *, within_s: float = ALIVE_S) -> list[str]:
    """Queues in which runs wait that no living worker takes from."""
    row = await fetch_one(
        conn,
        "select coalesce(array_agg(distinct r.queue order by r.queue), '{}') as queues from public.runs r"
        " where r.status = 'queued' and not exists (select from public.workers w"
        "  where r.queue = any(w.queues) and w.heartbeat_at > now() - make_interval(secs => %s))",
        [within_s],
    )
    return list(row["queues"]) if row else []
