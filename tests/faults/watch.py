"""Looks all the time how many processes are at work on one and the same run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.processes import CHILD, Process, holders_of_folders, read_process

EVERY_S = 0.1


@dataclass
class Watch:
    """``overlaps``: what was seen that must not be. A run's process is at work when it holds its folder's lock."""

    processes: Callable[[], list[Process]]
    overlaps: list[str] = field(default_factory=list)
    looks: int = 0
    allowed: threading.Event = field(default_factory=threading.Event)
    """Set while a worker is frozen: its step's process goes on until it has something to keep, and can keep nothing."""
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._over.wait(EVERY_S):
            self.looks += 1
            steps = [process for process in self.processes() if CHILD in process.words]
            if len(steps) < 2:
                continue
            held = holders_of_folders()
            at_work: dict[str, list[Process]] = {}
            for process in steps:
                if process.pid in held:
                    # … -m maquette.execution.child STEP FOLDER FD MEMORY: runs have folders of their own names.
                    folder = process.words[process.words.index(CHILD) + 2]
                    at_work.setdefault(folder.rpartition("/")[2], []).append(process)
            for name, both in at_work.items():
                # Not one that dies just now.
                time.sleep(0.005)
                alive = [process.pid for process in both if read_process(process.pid) == process]
                if len(alive) > 1 and not self.allowed.is_set():
                    self.overlaps.append(f"processes {alive} worked on run {name} at the same time")
