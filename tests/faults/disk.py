"""A small disk of its own (tmpfs) that can be filled and emptied while it is in use."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A mounted tmpfs."""

    folder: Path
    size_mb: int

    def fill(self) -> None:
        """Take all room that is left; what is written already stays, as on a disk that others fill."""
        # Somebody may write at this very moment, and no disk can be made smaller than what it holds.
        while not self._remount(f"{max(self._used_kb(), 4)}k"):
            continue

    def make_room(self) -> None:
        assert self._remount(f"{self.size_mb}m")

    def _used_kb(self) -> int:
        stat = os.statvfs(self.folder)
        return (stat.f_blocks - stat.f_bfree) * stat.f_frsize // 1024

    def unmount(self) -> None:
        # Lazily: a process of a test that failed may still have a file open.
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def _remount(self, size: str) -> bool:
        made = subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], capture_output=True)
        return made.returncode == 0


def mount_disk(folder: Path, size_mb: int) -> Disk | None:
    """A disk at ``folder``; None where we may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0755", "none", folder], capture_output=True
    )
    return Disk(folder, size_mb) if made.returncode == 0 else None
