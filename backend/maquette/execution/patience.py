"""Waiting for a database or a storage that is away for a moment, and work done a few pieces at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db.connection import TABLE_CHANGED
from maquette.storage.client import StorageUnreachableError

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 120.0
"""How long a run waits for what is away, before it fails."""
AGAIN_S = 1.0


async def patiently(call: Callable[[], Awaitable[T]], what: str, *, patience_s: float = PATIENCE_S) -> T:
    """Call until database and storage answer; ``what`` waits is said in the log. Other errors are raised at once."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            return await call()
        except (psycopg.OperationalError, TABLE_CHANGED, PoolTimeout, StorageUnreachableError) as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            log.warning("%s waits (%s)", what, type(error).__name__)
            await asyncio.sleep(AGAIN_S)


async def few_at_a_time(calls: Iterable[Callable[[], Coroutine[Any, Any, T]]], limit: int) -> list[T]:
    """Results in order. The first error ends the others and is raised itself, not in a group."""
    places = asyncio.Semaphore(limit)

    async def run(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with places:
            return await call()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(call)) for call in calls]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
