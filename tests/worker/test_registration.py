"""Workers in the table: there while they live, gone when they stop, silent when they were killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from datetime import datetime

import pytest
from tests.execution.house import House

from maquette import __version__
from maquette.db import workers
from maquette.db.rows import Row
from maquette.worker.registration import keep_registered


async def alive(house: House, worker_id: uuid.UUID) -> Row | None:
    async with house.pool.connection() as conn:
        return next((row for row in await workers.alive(conn) if row["id"] == worker_id), None)


async def next_word(house: House, worker_id: uuid.UUID, after: datetime | None = None) -> Row:
    """The worker's row once it has spoken again."""
    for _ in range(1000):
        row = await alive(house, worker_id)
        if row is not None and row["heartbeat_at"] != after:
            return row
        await asyncio.sleep(0.02)
    raise AssertionError("the worker is silent")


async def test_a_worker_is_there_until_it_stops(house: House) -> None:
    worker_id = uuid.uuid4()
    task = asyncio.create_task(keep_registered(house.pool, worker_id, ["cpu", "gpu"], 3, every_s=0.02))
    row = await next_word(house, worker_id)
    assert (row["queues"], row["concurrency"], row["code_version"]) == (["cpu", "gpu"], 3, __version__)
    assert row["process_id"] == os.getpid() and row["memory_bytes"] > 0
    await next_word(house, worker_id, after=row["heartbeat_at"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await alive(house, worker_id) is None


async def test_one_that_was_killed_is_silent_and_goes_after_a_day(house: House) -> None:
    dead, fresh = uuid.uuid4(), uuid.uuid4()
    facts = workers.WorkerFacts("host", 1, ["cpu"], 1, "0.0.1")
    async with house.pool.connection() as conn:
        await workers.write(conn, dead, facts)
        await workers.write(conn, fresh, facts)
        await conn.execute("update public.workers set heartbeat_at = now() - interval '31 s' where id = %s", [dead])
    assert await alive(house, dead) is None and await alive(house, fresh) is not None
    async with house.pool.connection() as conn:
        await workers.remove_dead(conn)
        assert (await (await conn.execute("select from public.workers where id = %s", [dead])).fetchone()) is not None
        await conn.execute("update public.workers set heartbeat_at = now() - interval '25 h' where id = %s", [dead])
        assert await workers.remove_dead(conn) >= 1
        assert (await (await conn.execute("select from public.workers where id = %s", [dead])).fetchone()) is None
        await workers.remove(conn, fresh)


async def test_a_queue_that_nobody_serves_is_named(house: House) -> None:
    worker_id = uuid.uuid4()
    run = await house.queue("generate", {})
    async with house.pool.connection() as conn, contextlib.AsyncExitStack() as stack:
        await conn.execute("update public.runs set queue = 'gpu' where id = %s", [run["id"]])
        assert "gpu" in await workers.unserved_queues(conn)
        await workers.write(conn, worker_id, workers.WorkerFacts("host", 1, ["gpu"], 1, "0.0.1"))
        stack.push_async_callback(workers.remove, conn, worker_id)
        assert "gpu" not in await workers.unserved_queues(conn)
