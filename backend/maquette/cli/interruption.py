"""Ctrl-C and SIGTERM, where work must not be cut in the middle of a step."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self

import typer
from rich.console import Console

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Ends a command in words, with the exit code that shells know (130, 143); use as a context manager.

    While ``patient`` the first signal only sets ``asked``, and whoever loops looks at it between two steps; at other
    times, and the second time, it ends the work at once by KeyboardInterrupt. ``advice`` says what is left.
    """

    def __init__(self, advice: str) -> None:
        self.advice = advice
        self.patient = False
        self.asked: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, KeyboardInterrupt):
            Console(stderr=True).print(f"Stopped. {self.advice}", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(128 + (self.asked or signal.SIGINT)) from None

    def obey(self) -> None:
        """End the work here, where a signal has asked for it."""
        if self.asked is not None:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked is not None, signal.Signals(number)
        if again or not self.patient:
            raise KeyboardInterrupt
