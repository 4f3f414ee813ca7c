"""The child process that draws, as its parent holds it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from maquette.rendering.jobs import Answer, Job, answer_adapter

THREADS = 8
"""Cores that pictures may use at most: the API and its machine have other work too."""


class ProcessEndedError(Exception):
    """The process has ended, or ended before it answered."""


class DrawingProcess:
    """One running child. It draws one picture at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, memory_mb: int) -> DrawingProcess:
        """Start a child that may use so much memory, MB; 0: no limit."""
        threads = str(min(THREADS, os.cpu_count() or 1))
        # Arenas are reserved for each thread, and would count as memory long before they are used.
        environment = {"NUMBA_NUM_THREADS": threads, "MALLOC_ARENA_MAX": "2", **os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "maquette.rendering.child",
            str(memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet, as far as is known."""
        return self._process.returncode is None

    async def draw(self, job: Job) -> Answer:
        """Let it draw; :class:`ProcessEndedError` where it dies instead. After a cancel it must be ended."""
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None and writer is not None  # noqa: S101 - asked for above
        try:
            writer.write(job.model_dump_json().encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        except ConnectionError as error:
            raise ProcessEndedError from error
        except RuntimeError as error:
            # What uvloop says of a pipe that it has closed already, before it knows that the process has ended.
            if not writer.is_closing():
                raise
            raise ProcessEndedError from error
        if not line.endswith(b"\n"):
            raise ProcessEndedError
        return answer_adapter.validate_json(line)

    async def end(self) -> str:
        """Kill it if it lives, and say how it ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = await self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
