"""A step's log: whatever its processes print, bounded, for one that prints gigabytes must not fill the disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MOST_BYTES = 8_000_000
HEAD_BYTES = 1_000_000
TAIL_BYTES = 2_000_000
END_BYTES = 8_000


class LogFile:
    """Appends to a file. Of one that grew past ``most`` bytes only its head and its tail stay."""

    def __init__(self, path: Path, *, most: int = MOST_BYTES, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self._file = path.open("ab+", buffering=0)
        self._most, self._head, self._tail = most, head, tail
        self._left_out = 0
        self._end = b""

    def write(self, data: bytes) -> None:
        """Append. A full disk loses lines here rather than the step, which may have no need to write more."""
        self._end = (self._end + data)[-END_BYTES:]
        with contextlib.suppress(OSError):
            self._file.write(data)
            if os.fstat(self._file.fileno()).st_size > self._most:
                self._shorten()

    def end(self) -> str:
        """The last lines that were written through this object, not those of an earlier attempt."""
        return self._end.decode("utf-8", "replace")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _shorten(self) -> None:
        number = self._file.fileno()
        size = os.fstat(number).st_size
        tail = os.pread(number, self._tail, size - self._tail)
        self._left_out += size - self._head - len(tail)
        os.ftruncate(number, self._head)
        self._file.write(f"\n… about {self._left_out} bytes are left out here …\n".encode() + tail)
