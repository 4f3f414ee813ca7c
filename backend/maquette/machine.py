"""Memory of this machine, or of the container that this process may not leave; None where the system does not tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def memory_bytes() -> int | None:
    """Bytes in all."""
    limit, machine = _limit(), _pages("SC_PHYS_PAGES")
    return min(limit, machine) if limit is not None and machine is not None else machine


def available_memory_bytes() -> int | None:
    """Bytes that new work may take without swapping: what files are merely kept in counts as free."""
    machine = _meminfo("MemAvailable")
    if machine is None:
        machine = _pages("SC_AVPHYS_PAGES")
    limit = _limit()
    if limit is None or machine is None:
        return machine
    used = _number(CGROUP / "memory.current")
    return machine if used is None else max(min(machine, limit - used + _file_cache()), 0)


def _limit() -> int | None:
    """What the container allows (cgroup v2); the file says ``max`` where nothing is set."""
    return _number(CGROUP / "memory.max")


def _file_cache() -> int:
    for line in _lines(CGROUP / "memory.stat"):
        name, _, value = line.partition(" ")
        if name == "inactive_file" and value.isdigit():
            return int(value)
    return 0


def _meminfo(wanted: str) -> int | None:
    for line in _lines(MEMINFO):
        name, _, value = line.partition(":")
        if name == wanted:
            return int(value.split()[0]) * 1024
    return None


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _pages(name: str) -> int | None:
    names: dict[str, Any] = os.sysconf_names
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE") if name in names else None
