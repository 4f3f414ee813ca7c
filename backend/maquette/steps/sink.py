"""The listener of a step: progress, finished records, warnings."""

from __future__ import annotations

from typing import Protocol

from maquette.steps.records import Preview, Record, Warn


class Sink(Protocol):
    """Given to each step's function beside its folder and parameters."""

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """``fraction`` 0 to 1 of the ``stage``. May raise ``CancelledError`` to stop the step."""

    def keep(self, record: Record) -> None:
        """Make a finished record and its files durable. When it returns, a crash can no longer lose them."""

    def show(self, preview: Preview) -> None:
        """Let whoever watches see how the training gets on. Nothing waits for it, and it may never be seen."""

    def warn(self, warning: Warn) -> None:
        """Remember something the user should know."""
