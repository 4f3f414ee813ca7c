"""Listens to an engine: tells of its progress, remembers what it says of itself, and puts the rest into the log."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from maquette.silence import Silence
from maquette.steps.engines.engine import Program

BEAT_S = 10.0
"""An engine that works in silence is told of so often: whoever watches the step must not take it for hung."""
TELL_EVERY_S = 0.25
"""The step's own process drops what comes faster, and the last word must not be among that."""
CHUNK_BYTES, MOST_LINE, MOST_WAITING = 65536, 16384, 1000
LAST_LINES_S = 1.0

Tell = Callable[[float, str], None]
Lines = queue.Queue[str | None]
"""Of what an engine prints; None when nobody can print any more."""


@dataclass
class Talk:
    """What it has said so far."""

    tell: Tell
    name: str
    began: float = field(default_factory=time.monotonic)
    share: float = 0.0
    told: float = field(default_factory=time.monotonic)
    last: tuple[float | None, str] = (None, "")
    news: str | None = None
    version: str | None = None
    error: str | None = None

    def hear(self, line: str, program: Program, silence: Silence) -> None:
        """Progress is news where it is another than before; all else is a sign of life, and goes to the run's log."""
        said = program.reads(line)
        silence.alive()
        if said is None:
            if line.strip():
                print(f"{self.name}:", plain_line(line), flush=True)
            return
        self.version = said.version or self.version
        self.error = said.error or self.error
        if said.progress is None or (said.progress, said.message) == self.last:
            return
        silence.broken()
        self.last = (said.progress, said.message)
        self.share = max(self.share, said.progress)
        self.news = said.message
        self.beat()

    def beat(self, *, last: bool = False) -> None:
        """Tell what is new, not more often than a step is listened to; where nothing is, that it is still at work."""
        since = time.monotonic() - self.told
        if self.news is not None and (last or since >= TELL_EVERY_S):
            self.say(self.news)
            self.news = None
        elif since >= BEAT_S:
            self.say(f"at work for {time.monotonic() - self.began:.0f} s")

    def say(self, message: str) -> None:
        """Tell of it."""
        self.told = time.monotonic()
        self.tell(self.share, f"{self.name}: {message}" if message else self.name)


def lines_of(process: subprocess.Popen[bytes]) -> Lines:
    """What it prints, as it comes; None when nobody can print any more. It waits where nobody listens fast enough."""
    lines: Lines = queue.Queue(MOST_WAITING)
    assert process.stdout is not None  # noqa: S101 - asked for
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    return lines


def forget(lines: Lines) -> None:
    """Listen no more to what has ended: whoever reads it must not wait for us for ever."""
    with contextlib.suppress(queue.Empty):
        while lines.get(timeout=LAST_LINES_S) is not None:
            pass


def _read(stream: IO[bytes], lines: Lines) -> None:
    rest = b""
    with stream, contextlib.suppress(OSError):
        # Progress bars end their lines by a carriage return.
        while chunk := os.read(stream.fileno(), CHUNK_BYTES):
            *whole, rest = re.split(rb"[\r\n]", rest + chunk)
            for line in whole:
                lines.put(line[:MOST_LINE].decode("utf-8", "replace"))
            rest = rest[:MOST_LINE]
    lines.put(rest.decode("utf-8", "replace"))
    lines.put(None)


def plain_line(line: str) -> str:
    """As it may stand in a log: what moves a terminal's cursor does not."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "?" for letter in line)
