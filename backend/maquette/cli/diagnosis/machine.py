"""Memory, disk and GPU against what the settings ask of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from maquette.db.findings import Finding
from maquette.disk import MB, free_bytes
from maquette.execution.memory_limit import machine_bytes
from maquette.recon.cuda import available
from maquette.recon.cuda.availability import device_files
from maquette.settings import Settings

LEAST_MEMORY_MB = 4000
LEAST_FREE_MB = 5000
"""A generate of some hundred photos takes about so much while it works."""


def look_at_machine(settings: Settings) -> Iterator[Finding]:
    """What there is, and whether it is enough."""
    yield Finding("processors", "ok", str(os.cpu_count()))
    yield _memory(settings)
    yield _disk(settings)


def look_at_gpu() -> Finding:
    """A GPU that is there and cannot be used is worth a look; none at all is how most machines are."""
    gpu = available()
    if gpu.problem is None:
        return Finding("GPU", "ok", f"{gpu.name}, {(gpu.memory_bytes or 0) / 1024**3:.0f} GiB: training runs on it")
    if not _shows_gpu():
        return Finding("GPU", "ok", "none: training runs on the CPU")
    name = f"{gpu.name} is" if gpu.name else "there, but"
    return Finding("GPU", "warning", f"{name} not used: {gpu.problem.message}", gpu.problem.suggestion)


def _shows_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None or any(path.name.startswith("nvidia") for path in device_files())


def _memory(settings: Settings) -> Finding:
    there = machine_bytes()
    if there is None:
        return Finding("memory", "ok", "the system does not tell")
    found = f"{there / MB:.0f} MB"
    if settings.step_memory_mb * MB > there:
        return Finding(
            "memory",
            "warning",
            f"{found}, but a step may use {settings.step_memory_mb} MB",
            "Lower MAQUETTE_STEP_MEMORY_MB: the kernel ends steps, or the database, before that limit does.",
        )
    if there < LEAST_MEMORY_MB * MB:
        return Finding("memory", "warning", found, f"{LEAST_MEMORY_MB} MB are advised: use few and small photos.")
    return Finding("memory", "ok", found)


def _disk(settings: Settings) -> Finding:
    free = free_bytes(settings.home)
    if free is None:
        return Finding("free disk", "warning", f"nobody can tell for {settings.home}", "Check MAQUETTE_HOME.")
    found = f"{free / MB:.0f} MB at {settings.home}"
    make_room = "Free some space, delete projects, run `maquette gc`, or set MAQUETTE_HOME to another disk."
    if free < settings.disk_floor_mb * MB:
        limit = f"{found}, less than MAQUETTE_DISK_FLOOR_MB={settings.disk_floor_mb}: uploads and steps are refused"
        return Finding("free disk", "failure", limit, make_room)
    if free < LEAST_FREE_MB * MB:
        return Finding("free disk", "warning", found, make_room)
    return Finding("free disk", "ok", found)
