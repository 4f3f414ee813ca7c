"""Room on the disk of the home: how much there is, and whether something new may still begin."""

from __future__ import annotations

import shutil
from pathlib import Path

from maquette.settings import Settings

MB = 1_000_000


def free_bytes(home: Path) -> int | None:
    """Bytes that we may still write on the disk of ``home``, which need not exist yet; None where nobody can tell."""
    existing = next((folder for folder in (home, *home.parents) if folder.exists()), None)
    try:
        return shutil.disk_usage(existing).free if existing else None
    except OSError:
        return None


def disk_low(settings: Settings) -> bool:
    """Whether less is free than ``MAQUETTE_DISK_FLOOR_MB``. A worker that sees this leaves runs in line, for itself
    later or for another machine; whatever runs goes on, and has the rest of the disk to finish in.
    """
    free = free_bytes(settings.home)
    return free is not None and free < settings.disk_floor_mb * MB
