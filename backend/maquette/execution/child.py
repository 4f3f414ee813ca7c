"""The child process that carries out one step: ``python -m maquette.execution.child STEP FOLDER FD MEMORY_MB``.

Parameters are in ``FOLDER/parameters.json``. Messages go to the file descriptor FD, so that whatever native code
prints can do no harm; acknowledgements come on standard input. The process dies with its parent.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from maquette.execution import deaths, messages
from maquette.execution.memory_limit import MB, limit_data, offer_to_kernel
from maquette.family import own_peak_bytes
from maquette.lifeline import die_with_parent
from maquette.progress import CancelledError
from maquette.steps.records import Preview, Record, Warn

PROGRESS_EVERY_S, NOTE_EVERY_S = 0.2, 10.0
LOCK_NAME = ".lock"
LOCK_S = 60.0


def main() -> int:
    """Run the step named on the command line; the exit code is 0 also for an error that was reported."""
    step, folder, descriptor, memory_mb = sys.argv[1:5]
    die_with_parent()
    faulthandler.enable()
    offer_to_kernel()
    limit_data(int(memory_mb))
    with os.fdopen(int(descriptor), "w", buffering=1) as pipe:
        sink = PipeSink(pipe)
        try:
            lock = hold(Path(folder))
        except TimeoutError:
            traceback.print_exc()
            return 4
        try:
            # Imported here: the compute libraries are heavy, and a failure to import is an error like others.
            from maquette.steps import STEPS

            with without_collecting():
                STEPS[step].load()
            parameters = json.loads((Path(folder) / "parameters.json").read_text())
            result = STEPS[step].run(Path(folder), parameters, sink)
            sink.done(result)
            lock.close()
        except CancelledError:
            return 3
        except Exception as error:
            told = deaths.error_of(error, limit_mb=int(memory_mb))
            note(f"failed: {told.code}: {told.message}")
            sink.say(messages.Failed(error=told.as_dict(), status=told.status))
            if told is not error:
                # The log keeps the trace; the user gets no internals.
                with contextlib.suppress(OSError, MemoryError):
                    traceback.print_exc()
    return 0


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """No garbage is sought while modules load: they leave none, and what they leave would be looked through again and
    again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def hold(folder: Path) -> IO[str]:
    """Wait until no other process works in this folder: a worker thought dead may still have one that does.

    The lock goes with the file that is returned. Raises ``TimeoutError`` after :data:`LOCK_S`.
    """
    file = (folder / LOCK_NAME).open("w")
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process works in {folder}") from None
            time.sleep(0.1)


def note(line: str) -> None:
    """A line of the run's log, which its owner can read while it runs; the clock decides nothing."""
    with contextlib.suppress(OSError):
        print(time.strftime("%H:%M:%S", time.gmtime()), line.strip(), flush=True)


class PipeSink:
    """A step's sink that talks to the parent process."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._last = (0.0, "")
        self._stage_began = time.monotonic()
        self._timings: dict[str, float] = {}
        self._noted = (0.0, "")

    def say(self, message: messages.Message) -> None:
        """Send one message."""
        self._pipe.write(message.model_dump_json() + "\n")

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Send progress, but not more often than anyone could watch."""
        now = time.monotonic()
        last, last_stage = self._last
        if stage != last_stage:
            self._close_stage(now, last_stage)
        elif now - last < PROGRESS_EVERY_S and fraction < 1:
            return
        self._last = (now, stage)
        self.say(messages.Progressed(stage=stage, fraction=fraction, message=message))
        noted, noted_stage = self._noted
        if stage != noted_stage or now - noted >= NOTE_EVERY_S:
            self._noted = (now, stage)
            note(f"{stage} {fraction:.0%} {message}")

    def keep(self, record: Record) -> None:
        """Hand a record over and wait until it is durable."""
        note(f"keeping {record.type}")
        self.say(messages.Finished(record=record))
        if sys.stdin.readline().strip() != "kept":
            raise CancelledError

    def show(self, preview: Preview) -> None:
        """Pass a picture on, and do not wait for it."""
        self.say(messages.Showed(preview=preview))

    def warn(self, warning: Warn) -> None:
        """Pass a warning on."""
        note(f"warning {warning.code}: {warning.message}")
        self.say(messages.Warned(warning=warning))

    def done(self, result: dict[str, object]) -> None:
        """Send the result with the wall seconds of each stage and the peak memory of this process."""
        self._close_stage(time.monotonic(), self._last[1])
        timings = {name: round(seconds, 3) for name, seconds in self._timings.items()}
        peak_mb = round(own_peak_bytes() / MB, 1)
        note(f"done in {sum(timings.values()):.1f} s, {timings}")
        self.say(messages.Done(result=result, timings={**timings, "peak_memory_mb": peak_mb}))

    def _close_stage(self, now: float, stage: str) -> None:
        if stage:
            self._timings[stage] = self._timings.get(stage, 0.0) + now - self._stage_began
        self._stage_began = now


if __name__ == "__main__":
    sys.exit(main())
