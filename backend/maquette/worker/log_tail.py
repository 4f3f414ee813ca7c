"""Follows what a run's process writes and keeps its last lines in the database, where its owner can read them.

The file lies on the worker's machine and its lines were written for whoever runs that machine: paths, colours and
whatever looks like a secret are taken out before anything leaves it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import sysconfig
import tempfile
from collections import deque
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db import run_logs
from maquette.db.rows import Row
from maquette.logs import without_secrets
from maquette.worker.services import Services

log = logging.getLogger(__name__)

EVERY_S = 2.0
PATIENCE_S = 2.0
"""For a database that is away: whoever stops a run waits for its last lines."""
LONGEST_LINE = 2000
MOST_BYTES = 1024 * 1024
"""Read at one look; of a process that writes faster, what lies before is skipped."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[@-Z\\-_]")
# All that is no text, or turns the direction of what follows; a tab becomes a space.
_UNSAID = {
    **dict.fromkeys((*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)),
    9: " ",
    0x2028: " ",
    0x2029: " ",
}
# An absolute path, not the one inside an address: its folders are nobody's business, its name may help.
_FOLDERS = re.compile(r"(?:(?<=file://)|(?<![\w.:/…~-]))~?/(?:[^\s/'\":,;()\[\]<>|]+/)+")


class Tail:
    """The last lines of a growing file, as they may be told."""

    def __init__(self, path: Path, private: Iterable[Path]) -> None:
        self._path = path
        # The longest first, so that no shorter one leaves an end of it over.
        roots = sorted({str(one).rstrip("/") for one in private}, key=len, reverse=True)
        self._private = [root for root in roots if root.count("/") > 1]
        # Earlier attempts wrote to the same file.
        self._offset = self._size()
        self._rest = b""
        self._skipping = False
        self._lines: deque[str] = deque(maxlen=run_logs.KEPT_LINES + 1)

    @property
    def lines(self) -> list[str]:
        """One more than is shown, where there are so many; the last may not be at its end yet."""
        unfinished = [self._said(self._rest)] if self._rest.strip() else []
        return [*self._lines, *unfinished][-run_logs.KEPT_LINES - 1 :]

    def look(self) -> bool:
        """Read what is new; whether there was anything."""
        size = self._size()
        if size < self._offset:
            # The file was begun anew, or its middle was left out because it grew too long.
            self._offset, self._rest = 0, b""
            self._lines.clear()
        if size == self._offset:
            return False
        with self._path.open("rb") as file:
            if size - self._offset > MOST_BYTES:
                self._offset, self._rest, self._skipping = size - MOST_BYTES, b"", True
            file.seek(self._offset)
            read = file.read(size - self._offset)
        self._offset += len(read)
        *whole, rest = (self._rest + read).split(b"\n")
        if self._skipping and whole:
            # The first one began in what was skipped.
            whole, self._skipping = whole[1:], False
        self._lines.extend(self._said(line) for line in whole)
        # A line without end, as of a progress bar that rewrites itself, must not grow for ever.
        self._rest = rest[-4 * LONGEST_LINE :]
        return True

    def _said(self, line: bytes) -> str:
        # A progress bar returns to the beginning of its line: what it wrote last is what is seen.
        text = line.rstrip(b"\r").rpartition(b"\r")[2][: 4 * LONGEST_LINE].decode(errors="replace")
        text = _ESCAPES.sub("", text).translate(_UNSAID)
        for root in self._private:
            text = text.replace(root, "…")
        text = without_secrets(_FOLDERS.sub("…/", text))
        return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def follow_log(
    services: Services, run: Row, path: Path, stop: asyncio.Event, *, every_s: float = EVERY_S
) -> Coroutine[Any, Any, None]:
    """Keep the last lines of the log at ``path`` until ``stop`` is set: those written after this call, not when its
    result is first awaited.

    What was written until then is kept too before it ends: set ``stop`` once the process has ended, and write the
    run's end afterwards. Trouble with the database loses lines, never the run: nothing is raised.
    """
    settings = services.settings
    tail = Tail(path, (path.parent, settings.home, settings.models_folder, *_installation()))
    return _follow(services, run, tail, stop, every_s)


async def _follow(services: Services, run: Row, tail: Tail, stop: asyncio.Event, every_s: float) -> None:
    unsaid = False
    while True:
        last = stop.is_set()
        unsaid = await asyncio.to_thread(tail.look) or unsaid
        if unsaid:
            kept = await _keep(services, run, tail.lines)
            if kept is False:
                return  # a newer attempt writes now
            unsaid = kept is None
        if last:
            return
        await _sleep(stop, every_s)


async def _keep(services: Services, run: Row, lines: list[str]) -> bool | None:
    """None where the database was away."""
    try:
        async with services.pool.connection(timeout=PATIENCE_S) as conn:
            return await run_logs.write(conn, run["id"], run["attempt"], lines)
    except (psycopg.Error, PoolTimeout) as error:
        log.warning("run %s: the end of its log is not kept (%s)", run["id"], type(error).__name__)
        return None


def _installation() -> list[Path]:
    """Where our code and that of others lies; a trace then names the file within its package."""
    paths = sysconfig.get_paths()
    package = Path(__file__).parents[2]
    folders = [paths["purelib"], paths["platlib"], paths["stdlib"], sys.prefix, sys.base_prefix, tempfile.gettempdir()]
    return [package, *map(Path, folders), Path.home()]


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
