"""When a step that says nothing counts as hung."""

from __future__ import annotations

from dataclasses import dataclass

IDLE_SHARE = 0.01
"""Of one core: a process that only waits wakes up now and then, too."""


@dataclass
class Silence:
    """Two clocks, in seconds; 0 switches one off. Whoever holds it says what passes, so it stands still when they wait.

    ``idle_limit_s``: with nothing said and hardly any processor time used. A deadlock looks so; a step that computes
    does not. ``limit_s``: with nothing said, whatever it does. A loop without an end looks so.
    """

    idle_limit_s: float
    limit_s: float
    silent_s: float = 0.0
    idle_s: float = 0.0
    _idle_cpu_s: float = 0.0

    def broken(self) -> None:
        """The step said something new."""
        self.silent_s = self.idle_s = self._idle_cpu_s = 0.0

    def alive(self) -> None:
        """It printed something: it does not wait for nothing, though it may print the same for ever."""
        self.idle_s = self._idle_cpu_s = 0.0

    def passed(self, seconds: float, cpu_s: float) -> None:
        """So many seconds went by, in which its processes used so much processor time."""
        self.silent_s += seconds
        self.idle_s += seconds
        self._idle_cpu_s += cpu_s
        if self._idle_cpu_s > IDLE_SHARE * self.idle_limit_s:
            self.idle_s = self._idle_cpu_s = 0.0

    @property
    def idle_too_long(self) -> bool:
        """Whether it has waited for nothing."""
        return 0 < self.idle_limit_s <= self.idle_s

    @property
    def silent_too_long(self) -> bool:
        """Whether it has said nothing for so long that nobody believes in it."""
        return 0 < self.limit_s <= self.silent_s
