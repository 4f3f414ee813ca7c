"""The cache on disk: models, photos and pictures by project, the longest unused going first.

Several API processes may share it and be killed at any moment: a file appears whole by a rename, what is named by its
contents never changes, and whoever misses one makes it again. The time of last use is the file's time of change.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

FRESH_S = 60.0
"""What was used this lately is in use: it stays, even where the cache is over its bound for a moment."""
PARTIAL_S = 3600.0
"""Half-written files are as old as this when their writer was killed."""
UNUSED_S = 7 * 24 * 3600.0
"""Nothing is kept longer without being used."""
SWEEP_SHARE = 1 / 64
"""The part of the bound that is written before somebody looks at all of the cache again."""


def renders_of(home: Path) -> Path:
    """Where the pictures of an installation are kept."""
    return home / "cache" / "renders"


@dataclass
class Cache:
    """Files below ``root``, up to ``most_bytes`` of them."""

    root: Path
    most_bytes: int
    _written: float = field(default=float("inf"), init=False)

    def stored_object(self, project_id: UUID, sha256: str, suffix: str) -> Path:
        """Where an object of a bucket is kept, by its contents."""
        return self.root / str(project_id) / "objects" / f"{sha256}{suffix}"

    def picture(self, project_id: UUID, key: str) -> Path:
        """Where a picture is kept."""
        return self.root / str(project_id) / "pictures" / key

    def use(self, path: Path) -> bool:
        """Whether the file is there; if so it counts as used now."""
        try:
            os.utime(path)
        except OSError:
            return False
        return True

    def added(self, path: Path) -> None:
        """Tell of a new file; every now and then room is made for it."""
        with contextlib.suppress(FileNotFoundError):
            self._written += path.stat().st_size
        if self._written >= self.most_bytes * SWEEP_SHARE:
            self._written = 0.0
            self.make_room()

    def forget(self, project_id: UUID) -> None:
        """Remove all of a project, which is being deleted."""
        shutil.rmtree(self.root / str(project_id), ignore_errors=True)

    def make_room(self) -> None:
        """Remove what is left over, long unused, or too much. One process does it at a time; others go on."""
        with self._alone() as alone:
            if not alone:
                return
            now = time.time()
            kept: list[tuple[float, int, Path]] = []
            for path, status in self._files():
                age_s = now - status.st_mtime
                partial = path.name.startswith(".")
                if age_s > (PARTIAL_S if partial else UNUSED_S):
                    path.unlink(missing_ok=True)
                elif not partial:
                    kept.append((status.st_mtime, status.st_size, path))
            excess = sum(size for _, size, _ in kept) - self.most_bytes
            for used, size, path in sorted(kept):
                if excess <= 0 or now - used < FRESH_S:
                    break
                path.unlink(missing_ok=True)
                excess -= size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.root.glob("*/*/*"):
            # Another process may have deleted a project meanwhile.
            with contextlib.suppress(FileNotFoundError):
                yield path, path.stat()

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        # Other accounts of this machine have no business with anybody's pictures.
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / ".sweep").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
