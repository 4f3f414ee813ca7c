"""Linux's control groups around this process: what memory they allow in all, and what they leave."""

from __future__ import annotations

import re
from pathlib import Path

_RECLAIMABLE = re.compile(r"(total_)?inactive_file ")
_MINE = Path("/proc/self/cgroup")
_TOP = Path("/sys/fs/cgroup")


def memory_limit_bytes() -> int | None:
    """The least that any group around this process may use in all; None where none is limited."""
    return min(
        (limit for folder, most, _ in _groups() if (limit := group_limit(folder, most)) is not None), default=None
    )


def memory_left_bytes() -> int | None:
    """The least that any group around this process leaves; None where none is limited."""
    return min(
        (left for folder, most, used in _groups() if (left := group_left(folder, most, used)) is not None), default=None
    )


def group_limit(folder: Path, most: str) -> int | None:
    """Bytes that the group of this folder may use, by its file ``most``; None without a limit."""
    try:
        limit = (folder / most).read_text().strip()
    except OSError:
        return None
    return None if limit == "max" else int(limit)


def group_left(folder: Path, most: str, used: str) -> int | None:
    """Bytes that the group of this folder leaves, by its files ``most`` and ``used``; None without a limit."""
    limit = group_limit(folder, most)
    try:
        taken = int((folder / used).read_text())
        cached = [line for line in (folder / "memory.stat").read_text().splitlines() if _RECLAIMABLE.match(line)]
    except OSError:
        return None
    if limit is None:
        return None
    # Files that were read count as used, yet the kernel drops them before it refuses memory.
    return limit - taken + max((int(line.split()[1]) for line in cached), default=0)


def _groups() -> list[tuple[Path, str, str]]:
    """Folders of the groups with the names of their files for limit and use: Linux's version 2, or 1."""
    if not _MINE.exists():
        return []
    found = []
    for line in _MINE.read_text().splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            top, most, used = _TOP, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            top, most, used = _TOP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        # A container often sees its own group as the top, while the name is the one outside.
        group = top / name.lstrip("/")
        found += [(folder, most, used) for folder in {top, group, *group.parents} if folder.is_relative_to(top)]
    return found
