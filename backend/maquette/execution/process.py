"""Starts a step's child process, listens to it, and turns every way it can end into an outcome."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maquette.execution import messages
from maquette.execution.child import out_of_memory
from maquette.steps.folder import write_json
from maquette.steps.records import Record, Warn

LOG_NAME = "log.txt"
MAX_LINE_BYTES = 64 * 1024 * 1024
"""A record of hundreds of views is one line; asyncio's default of 64 KiB would not hold it."""
EXIT_S = 10.0
"""How long a process may take to end after its last word; native threads have been seen to hang there."""


@dataclass
class Outcome:
    """How a step ended: ``error`` is None when it ended well."""

    result: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[Warn] = field(default_factory=list)
    error: dict[str, Any] | None = None
    status: int = 200
    crashed: bool = False
    """The process died without a word: another attempt may help."""


async def run_step_process(
    step: str,
    folder: Path,
    parameters: Mapping[str, Any],
    *,
    memory_mb: int,
    on_progress: Callable[[str, float, str], None],
    on_record: Callable[[Record], Awaitable[None]],
    on_warning: Callable[[Warn], None] | None = None,
) -> Outcome:
    """Run a step in a child process and return its outcome.

    ``on_record`` makes a record durable; the child waits for it. When this coroutine is cancelled, or a callback
    raises, the child and all it started are killed.
    """
    write_json(folder / "parameters.json", dict(parameters))
    receive, send = os.pipe()
    try:
        with (folder / LOG_NAME).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "maquette.execution.child",
                step,
                str(folder),
                str(send),
                str(memory_mb),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(send,),
                start_new_session=True,
            )
    except BaseException:
        os.close(receive)
        raise
    finally:
        os.close(send)
    outcome = Outcome()
    finished = False
    try:
        async with contextlib.aclosing(_messages(receive)) as said:
            async for message in said:
                match message:
                    case messages.Progressed():
                        on_progress(message.stage, message.fraction, message.message)
                    case messages.Finished():
                        await on_record(message.record)
                        await _acknowledge(process)
                    case messages.Warned():
                        outcome.warnings.append(message.warning)
                        if on_warning is not None:
                            on_warning(message.warning)
                    case messages.Done():
                        outcome.result, outcome.timings, finished = message.result, message.timings, True
                    case messages.Failed():
                        outcome.error, outcome.status, finished = message.error, message.status, True
                if finished:
                    break
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), EXIT_S)
    finally:
        # The whole session: structure-from-motion runs in a grandchild.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = await process.wait()
    if not finished:
        outcome.error, outcome.status, outcome.crashed = _death(code, memory_mb), 500, True
    return outcome


async def _acknowledge(process: asyncio.subprocess.Process) -> None:
    """Tell the child that its record is durable; one that died meanwhile does not hear it."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    with contextlib.suppress(ConnectionError):
        process.stdin.write(b"kept\n")
        await process.stdin.drain()


async def _messages(descriptor: int) -> AsyncGenerator[messages.Message, None]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while line := await reader.readline():
            try:
                data = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed while it wrote
            yield messages.message_adapter.validate_python(data)
    finally:
        transport.close()


def _death(code: int, memory_mb: int) -> dict[str, Any]:
    """The error of a process that ended without saying why."""
    if code == -signal.SIGKILL:
        error = dict(out_of_memory())
        error["code"] = "step_killed"
        error["message"] = "The step's process was killed, most often because the machine ran out of memory."
        return error
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    # Native code that gets no more memory ends its process in its own ways.
    limit = f"It may use {memory_mb} MB: raise MAQUETTE_STEP_MEMORY_MB if that is too little. " if memory_mb else ""
    return {
        "code": "step_crashed",
        "message": f"The step's process ended unexpectedly ({name}).",
        "details": {"exit": name},
        "suggestion": f"{limit}Retry it; if it fails again, report it with the log file that the server keeps for"
        " this run.",
    }
