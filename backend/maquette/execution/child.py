"""The child process that carries out one step: ``python -m maquette.execution.child STEP FOLDER FD MEMORY_MB``.

Parameters are in ``FOLDER/parameters.json``. Messages go to the file descriptor FD, so that whatever native code
prints can do no harm; acknowledgements come on standard input. The process dies with its parent.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import IO

from maquette.errors import MaquetteError
from maquette.execution import messages
from maquette.lifeline import die_with_parent
from maquette.progress import CancelledError
from maquette.steps.records import Record, Warn

PROGRESS_EVERY_S = 0.2
LOCK_NAME = ".lock"
LOCK_S = 60.0
FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


def main() -> int:
    """Run the step named on the command line; the exit code is 0 also for an error that was reported."""
    step, folder, descriptor, memory_mb = sys.argv[1:5]
    die_with_parent()
    if int(memory_mb) > 0:
        limit = int(memory_mb) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
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

            parameters = json.loads((Path(folder) / "parameters.json").read_text())
            result = STEPS[step].run(Path(folder), parameters, sink)
            sink.done(result)
            lock.close()
        except MaquetteError as error:
            sink.say(messages.Failed(error=error.as_dict(), status=error.status))
        except CancelledError:
            return 3
        except MemoryError:
            sink.say(messages.Failed(error=out_of_memory(), status=503))
        except (OSError, ImportError) as error:
            traceback.print_exc()
            sink.say(_what_lacked(error, limited=int(memory_mb) > 0))
        except Exception:
            # The log keeps the trace; the user gets no internals.
            traceback.print_exc()
            sink.say(messages.Failed(error=unexpected(), status=500))
    return 0


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


def disk_full() -> dict[str, object]:
    """The error of a step that could not write."""
    return {
        "code": "disk_full",
        "message": "The disk that the step works on is full.",
        "details": {},
        "suggestion": "Free some space, or set MAQUETTE_HOME to a larger disk, then retry.",
    }


def _what_lacked(error: OSError | ImportError, *, limited: bool) -> messages.Failed:
    """Disk, memory, or nothing we know of. A library that cannot be mapped says so by an ImportError."""
    number = error.errno if isinstance(error, OSError) else errno.ENOMEM if limited else None
    if number in FULL_DISK:
        return messages.Failed(error=disk_full(), status=503)
    if number == errno.ENOMEM:
        return messages.Failed(error=out_of_memory(), status=503)
    return messages.Failed(error=unexpected(), status=500)


def out_of_memory() -> dict[str, object]:
    """The error of a step that hit its memory limit."""
    return {
        "code": "out_of_memory",
        "message": "The step needed more memory than it may use.",
        "details": {},
        "suggestion": "Try fewer photos, a lower `long_side` or `max_gaussians`, or raise MAQUETTE_STEP_MEMORY_MB.",
    }


def unexpected() -> dict[str, object]:
    """The error of a step that failed in a way nobody foresaw."""
    return {
        "code": "internal_error",
        "message": "The step failed for a reason we did not foresee.",
        "details": {},
        "suggestion": "Retry it; if it fails again, report it with the log file that the server keeps for this run.",
    }


class PipeSink:
    """A step's sink that talks to the parent process."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._last = (0.0, "")
        self._stage_began = time.monotonic()
        self._timings: dict[str, float] = {}

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

    def keep(self, record: Record) -> None:
        """Hand a record over and wait until it is durable."""
        self.say(messages.Finished(record=record))
        if sys.stdin.readline().strip() != "kept":
            raise CancelledError

    def warn(self, warning: Warn) -> None:
        """Pass a warning on."""
        self.say(messages.Warned(warning=warning))

    def done(self, result: dict[str, object]) -> None:
        """Send the result with the wall seconds of each stage and the peak memory of this process and its children."""
        self._close_stage(time.monotonic(), self._last[1])
        peak_kb = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        timings = {name: round(seconds, 3) for name, seconds in self._timings.items()}
        self.say(messages.Done(result=result, timings={**timings, "peak_memory_mb": round(peak_kb / 1024, 1)}))

    def _close_stage(self, now: float, stage: str) -> None:
        if stage:
            self._timings[stage] = self._timings.get(stage, 0.0) + now - self._stage_began
        self._stage_began = now


if __name__ == "__main__":
    sys.exit(main())
