"""Looks after a step's processes while it runs: ends them where they use too much memory, or hang."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from maquette.errors import MaquetteError
from maquette.execution import deaths
from maquette.execution.memory_limit import MB
from maquette.family import Family
from maquette.silence import Silence

LOOK_S = 0.5
LONGEST_S = 2 * LOOK_S
"""No more than this counts as passed between two looks: a machine that slept or was stopped is not the step's fault."""


@dataclass
class Watch:
    """One step's processes, what they may use, and how long they have been silent."""

    family: Family
    silence: Silence
    memory_mb: int
    """0: no limit."""
    verdict: MaquetteError | None = None
    """Why this watch ended the step."""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Not set while the step waits until we have done something for it."""

    def __post_init__(self) -> None:
        self.free.set()

    async def run(self) -> None:
        """Look until there is a verdict; then all processes of the step are gone."""
        try:
            while self.verdict is None:
                began, cpu_s = time.monotonic(), self.family.cpu_s
                await asyncio.sleep(LOOK_S)
                self.look(min(time.monotonic() - began, LONGEST_S), cpu_s)
        except Exception:
            # Better no step than one that nobody watches.
            self.family.kill()
            raise
        self.family.kill()

    def look(self, seconds: float, cpu_s_before: float) -> None:
        """Judge once, ``seconds`` after the family had used ``cpu_s_before``."""
        used = self.family.look(self.memory_mb * MB)
        if self.memory_mb and used > self.memory_mb * MB:
            self.verdict = deaths.StepOutOfMemoryError(limit_mb=self.memory_mb, used_mb=round(used / MB))
            return
        if not self.free.is_set():
            return
        self.silence.passed(seconds, self.family.cpu_s - cpu_s_before)
        if self.silence.idle_too_long:
            self.verdict = deaths.idle_too_long(self.silence.idle_s)
        elif self.silence.silent_too_long:
            self.verdict = deaths.silent_too_long(self.silence.silent_s)

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """The step waits for us meanwhile, so its silence is ours."""
        self.free.clear()
        try:
            yield
        finally:
            self.free.set()
            self.silence.broken()
