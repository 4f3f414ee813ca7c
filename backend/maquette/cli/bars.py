"""Progress for people: one bar a stage on a terminal, one line a stage elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

LINE_EVERY_S = 10.0
PIPE_COLUMNS = 160


class Bars:
    """Draws stages as they are reported; use as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._live = self.console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<12}"),
            BarColumn(20),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            # Messages hold file names, which are users' text: never markup.
            TextColumn(
                "{task.fields[message]}",
                style="dim",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            console=self.console,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._began = self._line = time.monotonic()

    def __enter__(self) -> Self:
        if self._live:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_stage(finished=kind is None)
        if self._live:
            self._progress.stop()

    def update(self, stage: str, fraction: float, message: str = "") -> None:
        """Show that ``stage`` is at ``fraction``; a new stage ends the one before."""
        if stage != self._stage:
            self.end_stage()
            self._stage, self._began, self._line = stage, time.monotonic(), time.monotonic()
            if self._live:
                self._task = self._progress.add_task(stage, total=1.0, message="")
        if self._live and self._task is not None:
            self._progress.update(self._task, completed=fraction, message=message)
        elif not self._live and time.monotonic() - self._line > LINE_EVERY_S:
            self._line = time.monotonic()
            self.say(f"  {stage}: {fraction:.0%} {message}")

    def end_stage(self, *, finished: bool = True) -> None:
        """Close the stage that is open."""
        if not self._stage:
            return
        if self._live and self._task is not None:
            if finished:
                self._progress.update(self._task, completed=1.0, message="")
            self._progress.stop_task(self._task)
        elif not self._live:
            ended, seconds = "done" if finished else "stopped", time.monotonic() - self._began
            self.console.print(f"  {self._stage}: {ended} after {seconds:.1f} s", highlight=False)
        self._stage = ""

    def say(self, text: str) -> None:
        """Print a line above the bars, as it is: it may hold users' text."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, table: Table) -> None:
        """Print a table above the bars."""
        if not self._live:
            # A file or a pipe has no edge to break lines at.
            self.console.width = max(self.console.width, PIPE_COLUMNS)
        self.console.print(table)

    def heading(self, text: str) -> None:
        """Print a line, rich markup allowed, that begins something new: the stage before has ended."""
        self.end_stage()
        self.console.print(text, highlight=False, soft_wrap=True)
