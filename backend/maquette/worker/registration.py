"""A worker writes down that it lives and what it takes, for health, metrics and ``maquette doctor`` to read."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout

from maquette import __version__
from maquette.db import workers
from maquette.db.connection import Pool
from maquette.execution.memory_limit import machine_bytes
from maquette.recon.cuda import available

log = logging.getLogger(__name__)

EVERY_S = 10.0
FAREWELL_S = 2.0
"""How long a worker that stops waits for a database that is away: its row is silent soon enough by itself."""


async def keep_registered(
    pool: Pool, worker_id: UUID, queues: Sequence[str], concurrency: int, *, every_s: float = EVERY_S
) -> None:
    """Keep the worker's row fresh until cancelled, then remove it. Rows of workers long dead go on the way.

    A database that is away is waited for: this never ends by itself and never raises.
    """
    facts = workers.WorkerFacts(
        host=socket.gethostname(),
        process_id=os.getpid(),
        queues=queues,
        concurrency=concurrency,
        code_version=__version__,
        memory_bytes=machine_bytes(),
    )
    # Where there is a GPU, the first look takes seconds; the worker is alive meanwhile.
    looking = asyncio.create_task(asyncio.to_thread(available))
    try:
        while True:
            if looking.done():
                gpu = looking.result()
                if gpu.usable:
                    facts = replace(facts, gpu_name=gpu.name, gpu_memory_bytes=gpu.memory_bytes)
            await _speak(pool, worker_id, facts)
            if looking.done():
                await asyncio.sleep(every_s)
            else:
                await asyncio.wait({looking}, timeout=every_s)
    finally:
        looking.cancel()
        await asyncio.shield(_farewell(pool, worker_id))


async def _speak(pool: Pool, worker_id: UUID, facts: workers.WorkerFacts) -> None:
    try:
        async with pool.connection() as conn:
            await workers.write(conn, worker_id, facts)
            await workers.remove_dead(conn)
    except (psycopg.Error, PoolTimeout) as error:
        log.warning("the worker could not say that it lives (%s)", type(error).__name__)


async def _farewell(pool: Pool, worker_id: UUID) -> None:
    try:
        async with asyncio.timeout(FAREWELL_S), pool.connection() as conn:
            await workers.remove(conn, worker_id)
    except (psycopg.Error, PoolTimeout, TimeoutError) as error:
        log.info("the worker's row stays until it counts as dead (%s)", type(error).__name__)
