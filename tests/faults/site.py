"""Everything that faults happen to: a server, workers on machines of their own, the line to storage, clocks, a disk."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.faults.clock import Clock
from tests.faults.disk import Disk
from tests.faults.figures import Figures
from tests.faults.moments import Moment, Sight
from tests.faults.processes import Process, below
from tests.faults.proxy import Proxy, Trouble
from tests.faults.server import PATIENCE_S, Server
from tests.faults.uploads import Uploads
from tests.faults.watch import Watch
from tests.faults.workers import Worker, start_worker

WORKER_SETTINGS = {
    "MAQUETTE_STORAGE_TIMEOUT_S": "2",
    # So much that only a fault reaches it; with no limit set, too little memory would be nobody's known cause.
    "MAQUETTE_STEP_MEMORY_MB": "60000",
}

SEEN = """
    select r.*, coalesce(r.continues_id, r.id) as work_id,
        (select count(*) from public.multiview_generation v where v.run_id = r.id) as views,
        (select count(*) from public.gaussian_splat_models m where m.run_id = r.id) as models,
        (select count(*) from public.depth_maps d where d.run_id = r.id) as depths,
        (select count(*) from public.export_history e where e.run_id = r.id) as exports
    from public.runs r where r.id = %s
"""


@dataclass
class Site:
    """``disks``: ``machines``, where those of workers lie, and ``server``; none where nothing may be mounted."""

    server: Server
    proxy: Proxy
    machines: Path
    disks: Mapping[str, Disk]
    clocks: Mapping[str, Clock]
    uploads: Uploads
    rng: random.Random
    figures: Figures = field(default_factory=Figures)
    workers: list[Worker] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    """What was put on the line to storage."""
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self._processes)

    def _processes(self) -> list[Process]:
        return below(*(worker.process.pid for worker in list(self.workers)))

    @property
    def worker(self) -> Worker:
        """The newest one, which has the work unless a fault has just begun."""
        return self.workers[-1]

    def start_worker(self, machine: str | None = None) -> Worker:
        """Another worker; without a name it is on a machine that has seen nothing yet, or on the last one's."""
        machine = machine or self.rng.choice([self.worker.machine, f"machine-{uuid4().hex[:6]}"])
        clock = self.clocks["machine"].environment if self.clocks else {}
        worker = start_worker(
            machine,
            self.machines / machine,
            # Not on its own disk, which may be full.
            self.server.log.parent / f"{machine}.log",
            replace(self.server.connections, supabase_url=self.proxy.url),
            {**self.server.environment, **WORKER_SETTINGS, **clock},
        )
        self.workers.append(worker)
        return worker

    def forget(self, worker: Worker) -> None:
        """One that has ended."""
        assert not worker.alive
        self.workers.remove(worker)

    def stop_workers(self) -> None:
        for worker in list(self.workers):
            if worker.alive:
                worker.stop()
            self.forget(worker)

    def log(self) -> str:
        """The end of what all workers said."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-2500:]}"
            for path in sorted(self.server.log.parent.glob("*.log"), key=lambda path: path.stat().st_mtime)[-3:]
        )

    @contextmanager
    def with_worker_of_the_server(self) -> Iterator[None]:
        """For a block the only worker is the one that `maquette serve` usually has, below the server."""
        self.stop_workers()
        self.server.stop()
        self.restart(workers=1)
        try:
            yield
        finally:
            if self.server.process is not None and self.server.process.poll() is None:
                self.server.stop()
            self.workers.clear()
            self.server.start()
            self.start_worker("machine-0")

    def restart(self, *, workers: int = 1) -> None:
        """Start the server, which has ended, with a worker of its own."""
        self.server.start(workers=workers)
        assert self.server.process is not None
        self.workers[:] = [Worker("server", self.server.home, self.server.process)]

    def call(self, step: str, project_id: str, body: dict[str, Any]) -> str:
        """Put a step in line; answers its run."""
        answer = self.server.post(f"/{step}/{project_id}", uuid4().hex, body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def retry(self, run_id: str) -> str:
        answer = self.server.post(f"/runs/{run_id}/retry", uuid4().hex)
        assert answer.status_code == 202, answer.text
        self.figures.runs["retried by hand"] += 1
        return str(answer.json()["run_id"])

    def see(self, run_id: str) -> Sight:
        (run,) = self.server.rows(SEEN, run_id)
        homes = (self.server.home, *self.machines.iterdir())
        folders = [folder for home in homes if (folder := home / "work" / str(run["work_id"])).exists()]
        newest = max(folders, key=_changed, default=None)
        step = self.worker.step if self.workers else None
        return Sight(run, newest, step is not None and run["status"] == "running")

    def wait_for(self, run_id: str, moment: Moment) -> Sight:
        """Until a run is at a moment, or has ended, or its end is near."""
        return self.wait_until(run_id, lambda sight: moment.come(sight))

    def wait_until(self, run_id: str, come: Any = lambda sight: False, *, seconds: float = PATIENCE_S) -> Sight:
        """Until it is so, or the run has ended. No run may stay as it is for longer than that."""
        deadline = time.monotonic() + seconds
        while True:
            sight = self.see(run_id)
            if come(sight) or sight.ended:
                return sight
            assert self.worker.alive, f"a worker ended by itself\n{self.log()}"
            assert time.monotonic() < deadline, (
                f"run {run_id} is stuck: {sight.status}, attempt {sight.run['attempt']}, at {sight.run['stage']},"
                f" {sight.run['failures']}, {sight.run['error']}\n{self.log()}"
            )
            time.sleep(0.03)


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
