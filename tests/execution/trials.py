"""A child that knows a few more steps, which end in every way there is: ``python -m tests.execution.trials …``."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from maquette.execution import child
from maquette.steps import STEPS, Step
from maquette.steps.sink import Sink

Trial = Callable[[Path, Mapping[str, Any], Sink], object]
TRIALS: dict[str, Trial] = {}


def trial(function: Trial) -> Trial:
    TRIALS[function.__name__] = function
    return function


def run(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """The trial that the parameters name."""
    sink.progress(parameters["trial"], 0.0)
    return {"answer": TRIALS[parameters["trial"]](folder, parameters, sink)}


@trial
def segfault(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    return ctypes.string_at(0)


@trial
def abort(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    sys.stderr.flush()
    os.abort()


@trial
def leave(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    os._exit(17)


@trial
def fault(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    raise ZeroDivisionError(f"a secret of {folder}")


@trial
def allocate_at_once(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    import numpy as np

    return float(np.ones(parameters["mb"] * 125_000).sum())


@trial
def allocate_and_wait(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    import numpy as np

    kept = np.ones(parameters["mb"] * 125_000)
    time.sleep(60)
    return kept.size


@trial
def allocate_in_grandchildren(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    """Each of the two is within the limit."""
    code = f"import time; kept = b'x' * ({parameters['mb']} * 10**6); time.sleep(60)"
    for one in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
        one.wait()
    return None


@trial
def share(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    """Three forks that have the same pages, and write none."""
    kept = b"x" * (parameters["mb"] * 1_000_000)
    forks = []
    for _ in range(3):
        if not (pid := os.fork()):
            time.sleep(2)
            os._exit(0)
        forks.append(pid)
    for pid in forks:
        os.waitpid(pid, 0)
    return len(kept)


@trial
def sleep(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    time.sleep(parameters["seconds"])
    return None


@trial
def repeat(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    """As the camera search does while native code runs: the same word again and again."""
    until = time.monotonic() + parameters["seconds"]
    while time.monotonic() < until:
        sink.progress("repeat", 0.5, "still there")
        time.sleep(0.25)
    return None


@trial
def compute(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    until = time.monotonic() + parameters["seconds"]
    while time.monotonic() < until:
        pass
    return None


@trial
def chat(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    sys.stdout.write("first line\n")
    for number in range(parameters["lines"]):
        sys.stdout.write(f"{number:06d} " + "x" * 992 + "\n")
    sys.stdout.write("last line\n")
    return None


@trial
def fill_disk(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    import numpy as np

    how, path = parameters["how"], Path(parameters["to"]) / "file"
    if how == "write":
        path.write_bytes(bytes(10_000_000))
    elif how == "numpy":
        np.save(path, np.zeros(1_250_000))
    elif how == "torch":
        import torch

        torch.save(torch.zeros(1_250_000), path)
    elif how == "sqlite":
        import sqlite3

        with sqlite3.connect(path) as db:
            db.execute("create table blobs (blob blob)")
            db.execute("insert into blobs values (zeroblob(10000000))")
    elif how == "mapped":
        kept = np.memmap(path, dtype=np.uint8, mode="w+", shape=(10_000_000,))
        kept[:] = 1
    return None


@trial
def hide(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    """A child that ignores SIGTERM in a session of its own, and one that has even lost its parent."""
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True);"
        " time.sleep(600)"
    )
    name = str(folder)

    def start() -> None:
        one = subprocess.Popen([sys.executable, "-c", code, name], start_new_session=True, stdout=subprocess.PIPE)
        assert one.stdout is not None
        one.stdout.readline()

    start()
    if not os.fork():
        os.setsid()
        start()
        os._exit(0)
    os.wait()
    sink.progress("hidden", 0.5)
    time.sleep(60)
    return None


@trial
def die_and_leave_a_fork(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    """The fork has the pipe, too: the parent would hear no end of it."""
    if not os.fork():
        time.sleep(600)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGBUS)
    return None


@trial
def hang_at_the_end(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    """Native threads have been seen to do this; here one that Python waits for."""
    threading.Thread(target=time.sleep, args=(600,)).start()
    return None


@trial
def oom_score(folder: Path, parameters: Mapping[str, Any], sink: Sink) -> object:
    return int(Path("/proc/self/oom_score_adj").read_text())


STEPS["trial"] = Step("trial", BaseModel, "tests.execution.trials")

if __name__ == "__main__":
    sys.exit(child.main())
