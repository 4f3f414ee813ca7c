"""The runs that a worker carries out. They outlive the queue's connection: a database that restarts ends no step."""

from __future__ import annotations

import asyncio
from uuid import UUID

from maquette.worker.carry import carry_out
from maquette.worker.services import Services


class Carrying:
    """Holds a worker's runs, as many at a time as it may, until they end or the worker does."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tasks: set[asyncio.Task[None]] = set()
        # The queue's next life brings jobs while runs of the life before still go on.
        self._places = asyncio.Semaphore(services.concurrency)

    async def carry(self, run_id: UUID) -> None:
        """Carry a run out and wait for its end. Whoever waits may be cancelled; the run goes on."""
        task = asyncio.create_task(self._in_its_place(run_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def stop(self) -> None:
        """End what is at work; it goes back in line."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _in_its_place(self, run_id: UUID) -> None:
        async with self._places:
            await carry_out(self._services, run_id)
