"""Draws pictures one after another in a child process that is started when needed and ended when nobody looks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from maquette.rendering.errors import (
    DrawingFailedError,
    RenderBusyError,
    RendererDiedError,
    RenderTimedOutError,
)
from maquette.rendering.jobs import Answer, Failed, Job
from maquette.rendering.process import DrawingProcess, ProcessEndedError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How much of everything there may be."""

    memory_mb: int
    """Of the process; 0: no limit."""
    most_waiting: int = 32
    """Pictures in line besides the one being drawn."""
    wait_s: float = 30.0
    """Longest wait in line."""
    draw_s: float = 120.0
    """Longest time for one picture; the very first on a machine compiles the engine."""
    idle_s: float = 120.0
    """The process ends when nobody has asked for so long, and its memory is free again."""


class Renderer:
    """The line and the process behind it. Make one with :meth:`running`."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._line = asyncio.Lock()
        self._waiting = 0
        self._process: DrawingProcess | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    @classmethod
    @asynccontextmanager
    async def running(cls, limits: Limits) -> AsyncIterator[Renderer]:
        """A renderer for as long as the block lasts; its process ends with it."""
        renderer = cls(limits)
        try:
            yield renderer
        finally:
            await renderer._close()

    @property
    def waiting(self) -> int:
        """Pictures in line."""
        return self._waiting

    @property
    def pid(self) -> int | None:
        """The process that draws, where one runs."""
        return self._process.pid if self._process and self._process.alive else None

    async def draw(self, job: Job) -> bool:
        """Wait in line and draw; False where the model or the photo has gone from the cache meanwhile.

        A caller that is cancelled leaves the line; a picture that is being drawn by then is finished for the next.
        Raises ``busy``, ``render_timed_out``, ``renderer_died``, ``render_out_of_memory`` or the error of the drawing.
        """
        await self._stand_in_line()
        work = asyncio.create_task(self._turn(job))
        self._tasks.add(work)
        work.add_done_callback(self._turn_ended)
        answer = await asyncio.shield(work)
        if isinstance(answer, Failed):
            raise DrawingFailedError(answer.error, answer.status)
        return answer.type == "drawn"

    async def _stand_in_line(self) -> None:
        if self._waiting >= self.limits.most_waiting:
            raise RenderBusyError(f"{self._waiting} wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(self.limits.wait_s):
                await self._line.acquire()
        except TimeoutError:
            raise RenderBusyError(f"this one waited {self.limits.wait_s:g} seconds in vain") from None
        finally:
            self._waiting -= 1

    def _turn_ended(self, work: asyncio.Task[Answer]) -> None:
        self._line.release()
        self._tasks.discard(work)
        if not work.cancelled():
            work.exception()  # it is the caller's, who may have gone
        self._idle = asyncio.get_running_loop().call_later(self.limits.idle_s, self._retire)

    async def _turn(self, job: Job) -> Answer:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is not None and not self._process.alive:
            log.warning("the process that draws pictures has died while idle (%s)", await self._process.end())
            self._process = None
        if self._process is None:
            self._process = await DrawingProcess.start(self.limits.memory_mb)
        try:
            async with asyncio.timeout(self.limits.draw_s):
                return await self._process.draw(job)
        except TimeoutError:
            await self._end()
            raise RenderTimedOutError(self.limits.draw_s) from None
        except ProcessEndedError:
            how = await self._end()
            log.warning("the process that draws pictures died (%s)", how)
            raise RendererDiedError(how) from None
        except BaseException:
            # Its next answer would be that of this job.
            await self._end()
            raise

    def _retire(self) -> None:
        """Nobody has asked for a while."""
        if not self._line.locked():
            ending = asyncio.create_task(self._end_quietly())
            self._tasks.add(ending)
            ending.add_done_callback(self._tasks.discard)

    async def _end_quietly(self) -> None:
        async with self._line:
            await self._end()

    async def _end(self) -> str:
        process, self._process = self._process, None
        return await process.end() if process else ""

    async def _close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is not None:
            await self._process.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._idle is not None:
            self._idle.cancel()
        await self._end()
