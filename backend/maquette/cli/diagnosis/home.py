"""The home folder: whose it is, whether it can be written, and who holds it."""

from __future__ import annotations

import errno
import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

from maquette.db.findings import Finding
from maquette.settings import Settings, is_locked, lock_file, stack_file

ANOTHER = "Set MAQUETTE_HOME to a folder of yours."
TRIAL_BYTES = 1024 * 1024


def look_at_home(settings: Settings) -> Iterator[Finding]:
    """A home that does not exist yet is well where it could be made."""
    yield _writable(settings.home)
    if settings.embedded and settings.home.is_dir():
        yield _holder(settings.home)


def _writable(home: Path) -> Finding:
    existing = next(path for path in (home, *home.parents) if path.exists())
    if not existing.is_dir():
        return Finding("home", "failure", f"{existing} is a file", ANOTHER)
    try:
        # Tried, not asked: root may write everywhere by its rights and still nowhere on a read-only or full disk.
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".maquette-doctor-") as file:
            file.write(b"\0" * TRIAL_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("home", "failure", f"{home}: {_reason(error, existing)}", _advice(error))
    owner = existing.stat().st_uid
    if existing == home and owner != os.geteuid():
        whose = f"{home} belongs to {_name(owner)}, this is {_name(os.geteuid())}"
        return Finding(
            "home", "warning", whose, "Start Maquette as one user always: the other could not read its files."
        )
    return Finding("home", "ok", str(home) if existing == home else f"{home} (it will be made)")


def _reason(error: OSError, existing: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "its disk is full"
    if error.errno == errno.EROFS:
        return f"{existing} lies on a disk that can only be read"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{existing} belongs to {_name(existing.stat().st_uid)} and cannot be written by {_name(os.geteuid())}"
    return f"{existing} cannot be written ({error.strerror})"


def _advice(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space, or set MAQUETTE_HOME to another disk."
    return f"Give this user the right to write it, or: {ANOTHER[0].lower()}{ANOTHER[1:]}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _holder(home: Path) -> Finding:
    """The lock is the kernel's and goes with its process: it cannot be stale, only what was written beside it."""
    lock, stack = lock_file(home), stack_file(home)
    if is_locked(lock):
        holder = lock.read_text().strip()
        who = f"process {holder}" if holder else "a process"
        if stack.exists():
            return Finding("lock", "ok", f"{who} serves on this home")
        return Finding(
            "lock",
            "warning",
            f"{who} holds this home and has no database running",
            f"It starts or stops. If that lasts for minutes, end it: kill {holder}" if holder else "Wait a moment.",
        )
    if stack.exists():
        return Finding("lock", "ok", "free; the last server was killed, and the next start clears up after it")
    return Finding("lock", "ok", "free: no server runs on this home")
