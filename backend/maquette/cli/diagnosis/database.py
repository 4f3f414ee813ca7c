"""The database: Supabase's or the embedded one, running or not, and the workers that serve it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

from maquette import __version__
from maquette.db import workers
from maquette.db.check import check
from maquette.db.check_connection import check_migrations
from maquette.db.connection import DatabaseUnreachableError, connect_async
from maquette.db.findings import Finding
from maquette.embedded.home import HomeInUseError, hold_home, load_secrets
from maquette.embedded.postgres import start_postgres
from maquette.errors import MaquetteError
from maquette.settings import Connections, Settings, StackNotRunningError, resolve_connections

VERSION = "18"
"""Of the embedded Postgres, and the name of its data folder."""
START_S = 60.0
LAST_LINES = 6

# What Postgres says, what that means, and what helps.
_REASONS = (
    (r"No space left on device|Disk quota exceeded", "the disk is full", "Free some space, then start it again."),
    (
        r"files are incompatible|was initialized by PostgreSQL version|not compatible with this version",
        "its data are of another version of Postgres",
        "Install the Maquette that made them, or set MAQUETTE_HOME to another folder.",
    ),
    (
        r"wrong ownership|invalid permissions|Permission denied",
        "its folder belongs to another account or is open to others",
        "Start Maquette as the user who made it, and give the folder back: chown -R that user, chmod 700.",
    ),
    (
        r"socket path .* too long",
        "the path of its socket is too long",
        "Set MAQUETTE_HOME to a shorter path.",
    ),
    (
        r"could not (create|map|resize|open) .*shared memory|Cannot allocate memory",
        "it got no memory",
        "Free some memory; in a container, give /dev/shm 128 MB.",
    ),
    (
        r"lock file .*postmaster\.pid|another postmaster",
        "another server works on its data, or one that was killed left its mark",
        "End that server; if none runs, remove postmaster.pid in the data folder.",
    ),
    (r"Address already in use", "its port is taken", "Start it again: it takes another port."),
    (
        r"could not find the database system|valid checkpoint|pg_control|PANIC|invalid page|could not read file",
        "its data are damaged",
        "Restore the home from a backup.",
    ),
)


def look_at_database(settings: Settings) -> Iterator[Finding]:
    """All of `maquette db check` and the workers where it runs; else whether it would start, and why not."""
    try:
        connections = resolve_connections(settings)
    except StackNotRunningError:
        yield from _look_at_stopped(settings.home)
        return
    yield from asyncio.run(_look_at_running(connections, time.time))


async def _look_at_running(connections: Connections, clock: Callable[[], float]) -> list[Finding]:
    found = await check(connections, clock)
    try:
        return [*found, *await look_at_workers(connections.database_url)]
    except (DatabaseUnreachableError, psycopg.Error):
        # The check has said that the database is away, or lacks its tables.
        return found


async def look_at_workers(database_url: str) -> list[Finding]:
    """Living workers, whether they are of this Maquette, and whether somebody takes what waits."""
    async with await connect_async(database_url, "maquette-doctor") as conn:
        living = await workers.alive(conn)
        unserved = await workers.unserved_queues(conn)
    if not living:
        waits = f", and steps wait in the queue {' and '.join(unserved)}" if unserved else ""
        level = "failure" if unserved else "warning"
        return [Finding("workers", level, f"none lives{waits}", "Start `maquette serve` or `maquette worker`.")]  # type: ignore[arg-type]
    names = ", ".join(
        f"{row['host']} ({'+'.join(row['queues'])}, {row['concurrency']} at once{_gpu(row['gpu_name'])})"
        for row in living
    )
    found = [Finding("workers", "ok", f"{len(living)}: {names}")]
    if unserved:
        queues = ",".join(unserved)
        wait = f"steps wait in the queue {' and '.join(unserved)}, which no worker takes from"
        found.append(Finding("queues", "failure", wait, f"Start `maquette worker --queues {queues}`."))
    if others := sorted({f"{row['host']} runs {row['code_version']}" for row in living if _other(row["code_version"])}):
        found.append(
            Finding(
                "worker versions",
                "warning",
                f"this is Maquette {__version__}; {', '.join(others)}",
                "Install one version everywhere: what a step makes depends on it.",
            )
        )
    return found


def _gpu(name: str | None) -> str:
    return f", {name}" if name else ""


def _other(version: str) -> bool:
    return version != __version__


def _look_at_stopped(home: Path) -> Iterator[Finding]:
    place = home / "postgres"
    if place.is_symlink() and not place.exists():
        found = f"its data stood in {place.readlink()}, which is gone"
        yield Finding("database", "failure", found, f"Put them back, or remove {place} to begin with an empty one.")
        return
    data = place / VERSION
    if not data.exists():
        others = sorted(path.parent.name for path in place.glob("*/PG_VERSION"))
        if others:
            found = f"its data are of Postgres {', '.join(others)}, this Maquette brings {VERSION}"
            yield Finding("database", "failure", found, "Install the Maquette that made them.")
        else:
            yield Finding("database", "ok", "not made yet: the first `maquette serve` makes it")
        return
    if not (home / "secrets.json").exists():
        found = f"{home / 'secrets.json'} is gone, and with it the database's passwords"
        yield Finding("database", "failure", found, "Put it back from a backup.")
        return
    yield from _start(home)


def _start(home: Path) -> Iterator[Finding]:
    """Start it for a moment: nothing else tells whether it would."""
    try:
        with hold_home(home):
            secrets = load_secrets(home)
            postgres = start_postgres(home, secrets.admin_password, START_S)
            try:
                password = quote(secrets.database_password, safe="")
                url = f"postgresql://postgres:{password}@127.0.0.1:{postgres.port}/postgres"
                migrations = asyncio.run(_migrations(url))
            finally:
                postgres.stop()
    except HomeInUseError as error:
        yield Finding("database", "warning", f"not looked at: {error.message}", "Wait until that one answers or ends.")
    except MaquetteError as error:
        yield explain(error, _last_words(home))
    else:
        yield Finding("database", "ok", "does not run; it starts and stops well")
        yield migrations


async def _migrations(url: str) -> Finding:
    async with await connect_async(url, "maquette-doctor") as conn:
        found = await check_migrations(conn)
    if not found.ok and "is not applied" in found.found:
        return Finding("migrations", "ok", found.found, "Nothing: `maquette serve` applies them at its start.")
    return found


def _last_words(home: Path) -> list[str]:
    """The end of the newest log of the embedded Postgres."""
    try:
        logs = sorted((home / "postgres" / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        return logs[-1].read_text(errors="replace").splitlines()[-LAST_LINES:] if logs else []
    except OSError:
        return []


def explain(error: MaquetteError, last_words: list[str]) -> Finding:
    """Why it did not start, in words where the reason is known, and with its own last lines in any case."""
    told = " ".join(error.message.split())
    # What it said at this start comes first: its log may end with a trouble of another day.
    for text in (told, "\n".join(last_words)):
        for pattern, meaning, advice in _REASONS:
            if re.search(pattern, text):
                return Finding("database", "failure", f"it does not start: {meaning}. {told}", advice)
    log = f" Its log ends: {' / '.join(last_words)}" if last_words else ""
    return Finding("database", "failure", f"{told}{log}", error.suggestion)
