"""Workers as on machines of their own: each with a home of its own, reaching storage through the proxy."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faults.processes import CHILD, GRANDCHILD, Process, named

from maquette.settings import Connections

STALLED_S = 4.0
"""After so long without a heartbeat a run is given up. A fifth of a server's own, so that tests need not wait long."""

SCRIPT = """
import asyncio, json, os, sys
from maquette.logs import log_to_stderr
from maquette.lifeline import die_with_parent
from maquette.settings import Connections, read_settings
from maquette.worker.loop import run_worker
die_with_parent()
told = json.loads(sys.stdin.readline())
log_to_stderr("info")
asyncio.run(run_worker(read_settings(), Connections(**told["connections"]), stalled_s=told["stalled_s"]))
"""


@dataclass
class Worker:
    """A process that takes one run at a time; ``machine`` names its home."""

    machine: str
    home: Path
    process: subprocess.Popen[Any]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def step(self) -> Process | None:
        """The child process that carries out a step, if there is one."""
        return next(iter(named(CHILD, self.process.pid)), None)

    @property
    def sfm(self) -> Process | None:
        """The grandchild that searches cameras, if there is one."""
        return next(iter(named(GRANDCHILD, self.process.pid)), None)

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As systemd stops it; the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(60)


def start_worker(
    machine: str, home: Path, log: Path, connections: Connections, environment: Mapping[str, str]
) -> Worker:
    """Start a worker; ``environment`` is all that it gets."""
    home.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env={**environment, "MAQUETTE_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
        )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(json.dumps({"connections": asdict(connections), "stalled_s": STALLED_S}) + "\n")
    return Worker(machine, home, process)
