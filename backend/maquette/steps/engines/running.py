"""Runs an engine's program: hears it, bounds its time, memory and disk, and ends it with all that it started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from maquette import lifeline
from maquette.family import SIGN, Family
from maquette.progress import CancelledError
from maquette.silence import Silence
from maquette.steps.engines.engine import EngineLimits, Program
from maquette.steps.engines.errors import (
    EngineError,
    EngineHungError,
    EngineInputRefusedError,
    EngineOutOfMemoryError,
    EngineOutputRefusedError,
    EngineTimedOutError,
    EngineUnavailableError,
)
from maquette.steps.engines.folder import EngineFolder
from maquette.steps.engines.hearing import Lines, Talk, Tell, forget, lines_of

ENGINE_SIGN = "MAQUETTE_ENGINE_FAMILY"
PASSED = {
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "OMP_NUM_THREADS"),
    *("CUDA_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"),
}
"""Of our environment an engine gets these and no more: the rest holds secrets."""

LOOK_S = 0.25
MEASURE_EVERY = 20
"""Looks from one measuring of its folder to the next."""
GRACE_S = 5.0
"""From being asked to end (SIGTERM) to being ended (SIGKILL)."""
END_S = 30.0
MB = 1_000_000

CANNOT_USE_INPUT, CANNOT_RUN_HERE = 65, 69
"""Exit codes with a meaning: EX_DATAERR and EX_UNAVAILABLE of sysexits.h. 0: done; any other: failed."""


@dataclass
class Ran:
    """What is known of a call: the version that the engine says it has, None where it says none."""

    version: str | None = None
    seconds: float = 0.0


def run(name: str, program: Program, home: EngineFolder, limits: EngineLimits, tell: Tell) -> Ran:
    """Run it to its end; call from the main thread, on which its life hangs. However this ends, nothing of it is left.

    Raises :class:`EngineError` and its kinds, ``CancelledError`` where this process is asked to end (SIGTERM), and
    what ``tell`` raises.
    """
    talk = Talk(tell, name)
    family = Family(ENGINE_SIGN)
    with _cancelled_by_signal():
        _carry_out(program.end)
        process = _start(program, home, limits, family)
        lines = lines_of(process)
        heard_all = False
        try:
            talk.say("started")
            _follow(process, lines, program, home, limits, family, talk)
            heard_all = True
            code = process.wait()
        finally:
            _end(process, family, program)
            if not heard_all:
                forget(lines)
    if code != 0:
        raise _failure(name, code, talk.error)
    return Ran(talk.version, round(time.monotonic() - talk.began, 2))


def _start(program: Program, home: EngineFolder, limits: EngineLimits, family: Family) -> subprocess.Popen[bytes]:
    """Begun by a process that first sees to it that the engine dies with this one, and then becomes it."""
    passed = {*PASSED, *program.passes, *limits.passes, SIGN}
    environment = {name: value for name, value in os.environ.items() if name in passed}
    environment |= {"HOME": str(home.work), "TMPDIR": str(home.work), ENGINE_SIGN: family.sign}
    process = subprocess.Popen(
        [sys.executable, "-I", str(Path(lifeline.__file__)), *program.argv],
        cwd=home.work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    family.begin(process.pid)
    return process


def _follow(
    process: subprocess.Popen[bytes],
    lines: Lines,
    program: Program,
    home: EngineFolder,
    limits: EngineLimits,
    family: Family,
    talk: Talk,
) -> None:
    """Listen until it has ended and all that it said was heard, or raise what it is ended for."""
    silence = Silence(limits.silence_s, 0)
    looked, looks, gone = time.monotonic(), 0, False
    while True:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=LOOK_S)
            if line is None:
                talk.beat(last=True)
                return
            talk.hear(line, program, silence)
        now = time.monotonic()
        if now - looked < LOOK_S:
            continue
        if process.poll() is not None and not gone:
            # What it left behind may hold its output open, and nobody would hear its end.
            family.kill()
            gone = True
        before = family.cpu_s
        used = family.look(limits.memory_mb * MB)
        silence.passed(now - looked, family.cpu_s - before)
        looked, looks = now, looks + 1
        size = _size_of(home.root) if looks % MEASURE_EVERY == 0 else 0
        _judge(talk, limits, silence, used, size)
        talk.beat()


def _judge(talk: Talk, limits: EngineLimits, silence: Silence, used: int, size: int) -> None:
    name, seconds = talk.name, time.monotonic() - talk.began
    if limits.memory_mb and used > limits.memory_mb * MB:
        raise EngineOutOfMemoryError(
            f"The engine '{name}' used {used // MB} MB of memory; it may use {limits.memory_mb} MB.",
            suggestion="Raise MAQUETTE_ENGINE_MEMORY_MB, or let Maquette's own do it"
            " (`engine_fallback` of generate and refine).",
            engine=name,
        )
    if limits.output_mb and size > limits.output_mb * MB:
        raise EngineOutputRefusedError(name, f"it wrote more than {limits.output_mb} MB (MAQUETTE_ENGINE_OUTPUT_MB)")
    if limits.timeout_s and seconds > limits.timeout_s:
        raise EngineTimedOutError(
            f"The engine '{name}' was ended after {seconds:.0f} s.",
            suggestion="Raise MAQUETTE_ENGINE_TIMEOUT_S, or let Maquette's own do it"
            " (`engine_fallback` of generate and refine).",
            engine=name,
        )
    if silence.idle_too_long:
        raise EngineHungError(
            f"The engine '{name}' said and did nothing for {silence.idle_s:.0f} s, so it was ended.",
            suggestion="Raise MAQUETTE_ENGINE_SILENCE_S where it only needs time, or let Maquette's own do it"
            " (`engine_fallback` of generate and refine).",
            engine=name,
        )


def _failure(name: str, code: int, error: str | None) -> EngineError:
    """Of a program that ended by itself."""
    how = signal.Signals(-code).name if code < 0 and -code in set(signal.Signals) else f"exit code {abs(code)}"
    why = f": {error}" if error else ""
    if code == CANNOT_USE_INPUT:
        return EngineInputRefusedError(
            f"The engine '{name}' cannot use what it was given{why}.",
            suggestion="Use other photos or parameters, or let Maquette's own do it"
            " (`engine_fallback` of generate and refine).",
            engine=name,
        )
    if code == CANNOT_RUN_HERE:
        return EngineUnavailableError(
            f"The engine '{name}' cannot run on this machine{why}.",
            suggestion="Mend its installation, or let Maquette's own do it (`engine_fallback` of generate and refine).",
            engine=name,
        )
    return EngineError(
        f"The engine '{name}' failed ({how}){why}.",
        suggestion="See its words in GET /api/v1/runs/{id}/log; retry it, or let Maquette's own do it"
        " (`engine_fallback` of generate and refine).",
        engine=name,
        exit=how,
    )


def _end(process: subprocess.Popen[bytes], family: Family, program: Program) -> None:
    """Ask the program to end, give it a moment, and end whatever is left, wherever it hides."""
    clean = process.poll() == 0
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    family.kill()
    process.wait()
    if not clean:
        _carry_out(program.end)


def _carry_out(command: Sequence[str]) -> None:
    """What ends a container: there may be none, and then it fails, which is as well."""
    if command:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=END_S, check=False)


@contextlib.contextmanager
def _cancelled_by_signal() -> Iterator[None]:
    """SIGTERM, by which a cancelled run's process is asked to end, lets the engine be asked too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def cancel(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the end must not be interrupted
        raise CancelledError

    before = signal.signal(signal.SIGTERM, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _size_of(folder: Path) -> int:
    """Bytes of all files below, links not followed; files come and go meanwhile."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total
