"""How much memory a step may use, and what its processes are told of it."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from maquette.recon.control_groups import memory_limit_bytes

MB = 1_000_000
SHARE = 0.75
"""Of the machine's memory, for all its steps: database, storage, API and the cache of files live there too."""
LEAST_MB = 1000
"""With less no step gets far: the libraries and a few photos take 300 MB. Where so many steps run at once that this
is more than their share, the kernel decides; see :func:`offer_to_kernel`."""
RESERVED_MB = 512
RESERVED_PER_CORE_MB = 128
"""Reserved and never touched, beside what is used: stacks of 8 MiB and heaps of 64 MiB that each thread of each
library gets. Measured on 2 cores: 362 MB in the step's process, 638 MB in the camera search's."""


def step_memory_mb(setting_mb: int, at_once: int) -> int:
    """Memory in MB (10^6 bytes) that all processes of one step may use together; 0: nobody can tell.

    ``setting_mb`` is what MAQUETTE_STEP_MEMORY_MB says. 0 there means by this machine: three quarters of its memory,
    or of what its control group allows, divided by the steps that may run ``at_once``. A step without a limit that
    needs too much takes the machine's last memory, and the kernel then ends whatever it likes, the database too.
    """
    if setting_mb > 0:
        return setting_mb
    machine = machine_bytes()
    if machine is None:
        return 0
    return max(min(LEAST_MB, machine // MB), int(machine * SHARE / max(1, at_once)) // MB)


def machine_bytes() -> int | None:
    """Memory that this machine has, or that its control group lets us use; None where nobody tells."""
    if not {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(os.sysconf_names):
        return None
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    allowed = memory_limit_bytes()
    return physical if allowed is None else min(physical, allowed)


def limit_data(memory_mb: int) -> None:
    """Let this process, and each that it starts, have so much private memory: beyond it an allocation fails, and the
    step can say so itself. Libraries and files that are only mapped do not count. 0: no limit.

    It counts what is reserved, and each process for itself; the parent counts what all of them really use.
    """
    if memory_mb > 0:
        limit = (memory_mb + RESERVED_MB + RESERVED_PER_CORE_MB * (os.cpu_count() or 1)) * MB
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def no_room_for(size: int) -> bool:
    """Whether so many bytes more would be over the limit of :func:`limit_data`."""
    limit, status = resource.getrlimit(resource.RLIMIT_DATA)[0], Path("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not status.exists():
        return False
    return int(status.read_text().split()[5]) * resource.getpagesize() + size > limit


def offer_to_kernel() -> None:
    """Make this process, and each that it starts, the first that the kernel ends where memory runs out."""
    path = Path("/proc/self/oom_score_adj")
    if path.exists():
        path.write_text("1000")


def ended_for_memory() -> int:
    """How many processes the kernel has ended for want of memory since this machine started; 0 where it is not told."""
    path = Path("/proc/vmstat")
    lines = path.read_text().splitlines() if path.exists() else ()
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
