"""Starts a step's child process, listens to it, and turns every way it can end into an outcome."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from maquette.errors import MaquetteError
from maquette.execution import deaths, messages
from maquette.execution.log_file import LogFile
from maquette.execution.memory_limit import MB, ended_for_memory
from maquette.execution.watch import Watch
from maquette.family import Family
from maquette.silence import Silence
from maquette.steps.folder import write_json
from maquette.steps.records import Preview, Record, Warn

T = TypeVar("T")
CHILD = "maquette.execution.child"
LOG_NAME = "log.txt"
MAX_LINE_BYTES = 64 * 1024 * 1024
"""A record of hundreds of views is one line; asyncio's default of 64 KiB would not hold it."""
EXIT_S = 10.0
"""How long a process may take to end after its last word; native threads have been seen to hang there."""
ASKED_S = 10.0
"""How long a step that is cancelled may take to end by itself. Only one with an engine at work takes any time."""
LOG_S = 2.0
"""How long the last lines may take to arrive when all processes are gone."""
CHUNK_BYTES = 256 * 1024
NEARLY_FULL_BYTES = 4 * 2**20
SILENCE_S = 300.0
TIMEOUT_S = 7200.0


@dataclass
class Outcome:
    """How a step ended: ``error`` is None when it ended well."""

    result: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[Warn] = field(default_factory=list)
    error: dict[str, Any] | None = None
    status: int = 200
    peak_memory_mb: float = 0.0
    """The most that all its processes kept at once; 10^6 bytes."""

    def fail(self, error: MaquetteError) -> None:
        """End with this error."""
        self.error, self.status = error.as_dict(), error.status


async def run_step_process(
    step: str,
    folder: Path,
    parameters: Mapping[str, Any],
    *,
    memory_mb: int,
    on_progress: Callable[[str, float, str], None],
    on_record: Callable[[Record], Awaitable[None]],
    on_warning: Callable[[Warn], None] | None = None,
    on_preview: Callable[[Preview], None] | None = None,
    silence_s: float = SILENCE_S,
    timeout_s: float = TIMEOUT_S,
    child: str = CHILD,
) -> Outcome:
    """Run a step in a child process and return its outcome.

    ``on_record`` makes a record durable; the child waits for it. When this coroutine is cancelled, or a callback
    raises, the child is asked to end, and then it and all it started are killed, wherever they hide.

    ``memory_mb``: what all its processes may use together (0: no limit). ``silence_s``: it is ended when it says
    nothing and does nothing for so long; ``timeout_s``: when it says nothing new for so long (0: never).
    ``child``: the module that is run.
    """
    family, silence = Family(), Silence(silence_s, timeout_s)
    watch = Watch(family, silence, memory_mb)
    outcome = Outcome()
    ended_before = ended_for_memory()
    try:
        write_json(folder / "parameters.json", dict(parameters))
        log = LogFile(folder / LOG_NAME)
    except OSError as refused:
        if not deaths.disk_is_full(refused):
            raise
        outcome.fail(deaths.StepDiskFullError())
        return outcome
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(log.close)
        (said, say), (printed, show) = _pipe(stack), _pipe(stack)
        process = await _start(child, step, folder, memory_mb, family, say, show)
        code, finished, tasks = None, False, set[asyncio.Task[Any]]()
        try:
            logging = _task(tasks, _keep_log(await _reader(printed, stack), log, silence))
            heard = _messages(await _reader(said, stack))
            listening = _task(
                tasks, _listen(process, heard, watch, outcome, on_progress, on_record, on_warning, on_preview)
            )
            watching = _task(tasks, watch.run())
            ending = _task(tasks, _end_of(process, watch))
            await asyncio.wait({listening, ending}, return_when=asyncio.FIRST_COMPLETED)
            finished = listening.done() and listening.result()
            with contextlib.suppress(TimeoutError):
                code = await asyncio.wait_for(process.wait(), EXIT_S)
            family.kill()
            await asyncio.wait({logging}, timeout=LOG_S)
            if watching.done():
                watching.result()
        finally:
            if process.returncode is None and watch.verdict is None and not finished:
                await _ask_to_end(process)
            family.kill()
            for task in tasks:
                task.cancel()
            await process.wait()
            if tasks:
                await asyncio.wait(tasks)
    outcome.peak_memory_mb = round(max(family.peak_bytes / MB, outcome.timings.get("peak_memory_mb", 0.0)), 1)
    if finished:
        outcome.timings["peak_memory_mb"] = outcome.peak_memory_mb
    elif watch.verdict is not None:
        outcome.fail(watch.verdict)
    else:
        ran_out = ended_for_memory() > ended_before
        outcome.fail(_death(code, log, folder, memory_mb, outcome.peak_memory_mb, ran_out))
    return outcome


async def _start(
    child: str, step: str, folder: Path, memory_mb: int, family: Family, say: socket.socket, show: socket.socket
) -> asyncio.subprocess.Process:
    """The running child; its ends of the pipes are its own from here on."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            child,
            step,
            str(folder),
            str(say.fileno()),
            str(memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=show.fileno(),
            stderr=show.fileno(),
            pass_fds=(say.fileno(),),
            env=family.environment,
            start_new_session=True,
        )
    finally:
        say.close()
        show.close()
    family.begin(process.pid)
    return process


def _pipe(stack: contextlib.AsyncExitStack) -> tuple[socket.socket, socket.socket]:
    """The reading and the writing end, closed with the stack at the latest.

    Sockets, for uvloop closes the descriptor of a pipe that it reads a second time, which by then may be that of a
    file another thread has just opened; sockets it takes over for good.
    """
    reading, writing = socket.socketpair()
    return stack.enter_context(reading), stack.enter_context(writing)


async def _reader(reading: socket.socket, stack: contextlib.AsyncExitStack) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection(sock=reading, limit=MAX_LINE_BYTES)
    stack.callback(writer.close)
    return reader


def _task(tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.create_task(work)
    tasks.add(task)
    return task


async def _end_of(process: asyncio.subprocess.Process, watch: Watch) -> None:
    """Wait until the child has ended, end what it left behind, and give what it said the time to arrive.

    A process that it forked may hold the pipe open, and nobody would ever hear that it ended.
    """
    await process.wait()
    watch.family.kill()
    await asyncio.sleep(EXIT_S)
    await watch.free.wait()


async def _ask_to_end(process: asyncio.subprocess.Process) -> None:
    """Give the step a moment to end what is not of its family: an engine in a container goes on after its caller."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), ASKED_S)


async def _listen(
    process: asyncio.subprocess.Process,
    heard: AsyncIterator[messages.Message],
    watch: Watch,
    outcome: Outcome,
    on_progress: Callable[[str, float, str], None],
    on_record: Callable[[Record], Awaitable[None]],
    on_warning: Callable[[Warn], None] | None,
    on_preview: Callable[[Preview], None] | None,
) -> bool:
    """Hear what the child says until it has said all, which is True, or is heard no more."""
    last: messages.Message | None = None
    async for message in heard:
        # The camera search repeats its last word while it waits for native code: that is no news.
        if message != last:
            watch.silence.broken()
        last = message
        match message:
            case messages.Progressed():
                on_progress(message.stage, message.fraction, message.message)
            case messages.Finished():
                with watch.patience():
                    await on_record(message.record)
                await _acknowledge(process)
            case messages.Showed():
                if on_preview is not None:
                    on_preview(message.preview)
            case messages.Warned():
                outcome.warnings.append(message.warning)
                if on_warning is not None:
                    on_warning(message.warning)
            case messages.Done():
                outcome.result, outcome.timings = message.result, message.timings
                return True
            case messages.Failed():
                outcome.error, outcome.status = message.error, message.status
                return True
    return False


async def _acknowledge(process: asyncio.subprocess.Process) -> None:
    """Tell the child that its record is durable; one that died meanwhile does not hear it."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    with contextlib.suppress(ConnectionError):
        process.stdin.write(b"kept\n")
        await process.stdin.drain()


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[messages.Message]:
    while line := await reader.readline():
        try:
            data = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed while it wrote
        yield messages.message_adapter.validate_python(data)


async def _keep_log(printed: asyncio.StreamReader, log: LogFile, silence: Silence) -> None:
    """Write what the processes print until the last of them has ended. Printing is no progress, yet a sign of life."""
    while chunk := await printed.read(CHUNK_BYTES):
        silence.alive()
        log.write(chunk)


def _death(
    code: int | None, log: LogFile, folder: Path, limit_mb: int, used_mb: float, memory_ran_out: bool
) -> MaquetteError:
    """The error of a process that ended without saying why; ``code`` is None for one that only hung up."""
    if code is None:
        return deaths.never_ended(EXIT_S)
    return deaths.death(
        code,
        last_words=log.end(),
        limit_mb=limit_mb,
        used_mb=round(used_mb),
        memory_ran_out=memory_ran_out,
        disk_full=shutil.disk_usage(folder).free < NEARLY_FULL_BYTES,
    )
