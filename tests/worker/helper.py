"""Worker processes, each as `maquette worker` would be, on the tests' database and with homes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from maquette.settings import Connections

SCRIPT = """
import asyncio, json, sys
from pathlib import Path
from maquette.logs import log_to_stderr
from maquette.settings import Connections, Settings
from maquette.worker.loop import run_worker
told = json.loads(sys.stdin.readline())
log_to_stderr("info")
connections = Connections(**told["connections"])
settings = Settings(home=Path(told["home"]), **told["settings"])
asyncio.run(run_worker(settings, connections, queues=told["queues"], stalled_s=told["stalled_s"]))
"""


@dataclass
class WorkerProcess:
    """A worker that takes one run at a time; its home is its machine."""

    home: Path
    process: subprocess.Popen[str]

    @property
    def log(self) -> str:
        return (self.home / "worker.log").read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def start_worker(
    connections: Connections,
    home: Path,
    *,
    queues: Sequence[str] = ("cpu",),
    stalled_s: float = 3.0,
    **settings: float | str,
) -> WorkerProcess:
    """A worker whose runs are given up after ``stalled_s`` without a heartbeat; ``settings`` by their field names."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "worker.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=log, stderr=log, text=True
        )
    assert process.stdin is not None
    told = {
        "connections": asdict(connections),
        "home": str(home),
        "queues": list(queues),
        "stalled_s": stalled_s,
        "settings": settings,
    }
    with process.stdin as pipe:
        pipe.write(json.dumps(told) + "\n")
    return WorkerProcess(home, process)
