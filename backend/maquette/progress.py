"""How long work tells of itself: a callable that takes a stage, its fraction done and a sentence."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable  # the type checker of the tests asks isinstance
class Progress(Protocol):
    """Called often and cheaply; whoever listens decides how often to show it.

    A listener may raise :class:`CancelledError` to stop the work at its next report.
    """

    def __call__(self, stage: str, fraction: float, message: str = "") -> None:
        """``stage``: a fixed lower-case word such as ``matching``; ``fraction``: 0 to 1 of that stage."""


class CancelledError(Exception):
    """The user asked for the work to stop."""


def silent(stage: str, fraction: float, message: str = "") -> None:
    """A :class:`Progress` that nobody listens to."""
