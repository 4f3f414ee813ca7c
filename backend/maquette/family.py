"""All processes of one step: which they are, what memory and processor time they take, and their end.

Linux's /proc tells all of it. Elsewhere only the first process's group is known, and it can only be ended.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

SIGN = "MAQUETTE_STEP_FAMILY"
"""In the environment of the step's process, and so of every process that it starts, wherever that hides."""
SEARCH_EVERY = 5
"""Looks from one search among all processes to the next: that is what costs, and newcomers are few."""
_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_COUNTED = (b"RssAnon:", b"RssShmem:", b"VmSwap:")
_COUNTED_EXACTLY = (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")


class Member(NamedTuple):
    """One process: its number may be given to another one, but not with the same start (ticks since boot)."""

    pid: int
    started: int


@dataclass(frozen=True)
class _Stat:
    """What /proc/PID/stat says."""

    member: Member
    parent: int
    session: int
    ended: bool
    cpu_s: float
    """Its own, and that of its children it has waited for."""


class Family:
    """A process and all that it and its own started.

    ``variable``: where its sign stands in their environment. One family within another one has a variable of its own,
    so that the outer one knows them too.
    """

    def __init__(self, variable: str = SIGN) -> None:
        self.variable = variable
        self.sign = uuid4().hex
        self.cpu_s = 0.0
        """Processor seconds of all processes, as far as :meth:`look` has seen them."""
        self.peak_bytes = 0
        """The most memory that a look has seen."""
        self._first: int | None = None
        self._members: dict[Member, float] = {}
        self._strangers: set[Member] = set()
        self._looks = 0

    @property
    def environment(self) -> dict[str, str]:
        """What the first process must be started with."""
        return {**os.environ, self.variable: self.sign}

    def begin(self, pid: int) -> None:
        """``pid`` is the first process; it leads a session of its own."""
        self._first = pid

    def look(self, most_bytes: int = 0) -> int:
        """Bytes that the processes keep: what they wrote, also what is swapped out; mapped files do not count.

        Pages that several processes share, as after a fork, count for each of them; only where that seems more than
        ``most_bytes`` they are counted exactly, which the kernel needs milliseconds for.
        """
        if self._looks % SEARCH_EVERY == 0:
            self._search()
        self._looks += 1
        used = 0
        for member, before in list(self._members.items()):
            stat = _stat(member.pid)
            if stat is None or stat.member != member:
                del self._members[member]
                continue
            self.cpu_s += max(0.0, stat.cpu_s - before)
            self._members[member] = stat.cpu_s
            used += _kept_bytes(member.pid)
        if most_bytes and used > most_bytes:
            used = min(used, sum(_kept_exactly_bytes(member.pid) for member in self._members))
        self.peak_bytes = max(self.peak_bytes, used)
        return used

    def kill(self) -> None:
        """End every process at once, also those with a session of their own; returns when no other one is found."""
        if self._first is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._first, signal.SIGKILL)
        killed: set[Member] = set()
        # Again until there is none: one may have started another while we looked.
        while fresh := self._search() - killed:
            for member in fresh:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(member.pid, signal.SIGKILL)
            killed |= fresh

    def _search(self) -> set[Member]:
        """Find the living members among all processes of the machine."""
        stats = [stat for pid in _pids() if (stat := _stat(pid)) is not None]
        self._strangers &= {stat.member for stat in stats}
        ours = {stat.member for stat in stats if self._knows(stat)}
        while True:
            parents = {member.pid for member in ours}
            children = {stat.member for stat in stats if stat.parent in parents} - ours
            if not children:
                break
            ours |= children
        self._strangers |= {stat.member for stat in stats} - ours
        for member in ours:
            self._members.setdefault(member, 0.0)
        return ours - {stat.member for stat in stats if stat.ended}

    def _knows(self, stat: _Stat) -> bool:
        if stat.member in self._members or self._first in (stat.member.pid, stat.session):
            return True
        if stat.member in self._strangers or stat.ended:
            return False
        return f"{self.variable}={self.sign}".encode() in _read(stat.member.pid, "environ")


def own_peak_bytes() -> int:
    """The most memory that this process kept at any time.

    The kernel notes the peak with mapped files, which hardly change: they are taken off as they are now. Not by
    ``getrusage``, whose peak begins with that of the process that started this one.
    """
    status = _read(os.getpid(), "status")
    if not status:
        usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return usage * 1024
    return max(0, _sum_kb(status, (b"VmHWM:",)) - _sum_kb(status, (b"RssFile:",))) * 1024


def _pids() -> list[int]:
    if not _PROC.exists():
        return []
    with os.scandir(_PROC) as entries:
        return [int(entry.name) for entry in entries if entry.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    """A file of a process; empty where it has ended, or is none of ours."""
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""


def _stat(pid: int) -> _Stat | None:
    # The name stands in brackets, and may hold brackets and spaces itself.
    words = _read(pid, "stat").rpartition(b")")[2].split()
    if len(words) < 20:
        return None
    return _Stat(
        member=Member(pid, int(words[19])),
        parent=int(words[1]),
        session=int(words[3]),
        ended=words[0] in (b"Z", b"X"),
        cpu_s=sum(map(int, words[11:15])) / _TICKS,
    )


def _kept_bytes(pid: int) -> int:
    return _sum_kb(_read(pid, "status"), _COUNTED) * 1024


def _kept_exactly_bytes(pid: int) -> int:
    """As :func:`_kept_bytes`, with a page that n processes share as 1/n; that again where the kernel does not tell."""
    shares = _read(pid, "smaps_rollup")
    return _sum_kb(shares, _COUNTED_EXACTLY) * 1024 if b"Pss_Anon:" in shares else _kept_bytes(pid)


def _sum_kb(text: bytes, names: tuple[bytes, ...]) -> int:
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(names))
