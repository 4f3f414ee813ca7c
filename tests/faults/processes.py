"""Processes below ours, read from /proc: faults are for these and for no others."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHILD = "maquette.execution.child"
GRANDCHILD = "maquette.recon.sfm.child"


@dataclass(frozen=True)
class Process:
    """A living process and its command line."""

    pid: int
    parent: int
    words: tuple[str, ...]

    def kill(self, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal; whether the process was still there to get it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False


def read_process(pid: int) -> Process | None:
    """None where it has ended, zombies included."""
    parent = _parent(pid)
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    if parent is None:
        return None
    return Process(pid, parent, tuple(word.decode(errors="replace") for word in words if word))


def _parent(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  # a hundred of them many times a second
            status = file.read()
    except OSError:
        return None
    # The name in parentheses may hold spaces and parentheses itself.
    state, parent = status.rpartition(")")[2].split()[:2]
    return None if state in "ZX" else int(parent)


def below(*roots: int) -> list[Process]:
    """Every living process that descends from these, themselves left out."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  # as above
        if name.isdigit() and (parent := _parent(int(name))) is not None:
            children.setdefault(parent, []).append(int(name))

    def descend(pid: int) -> Iterator[Process]:
        for child in children.get(pid, []):
            if (process := read_process(child)) is not None:
                yield process
            yield from descend(child)

    return [process for root in roots for process in descend(root)]


def named(word: str, *roots: int) -> list[Process]:
    """Those below ``roots`` that have this word on their command line."""
    return [process for process in below(*roots) if word in process.words]


def wait_until_gone(pid: int, seconds: float = 30) -> None:
    """Wait for the end of a process that may not be our own child."""
    deadline = time.monotonic() + seconds
    while read_process(pid) is not None:
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


def holders_of_folders() -> set[int]:
    """Processes that hold an flock: a step's process holds its folder's for as long as it works."""
    held = set()
    for line in Path("/proc/locks").read_text().splitlines():
        # "12: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF"; one that waits has an arrow after the number.
        words = line.split()
        if "FLOCK" in words and "->" not in words and words[3] == "WRITE":
            held.add(int(words[4]))
    return held
