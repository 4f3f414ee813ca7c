"""A Postgres 18 of our own: made, started, stopped, and mended after a crash.

It listens on 127.0.0.1 only, asks for a password (SCRAM) and has no Unix socket, so no path can be too long.
It ends with the process that started it, even if that one is killed: a tiny shell beside it waits on a pipe whose
other end only we hold.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from maquette.embedded.account import Account, find_programs, place_database
from maquette.errors import MaquetteError

ADMIN = "supabase_admin"

LOWEST_PORT, HIGHEST_PORT = 20_000, 32_000
"""Below what Linux (32768) and macOS (49152) give to outgoing connections: one of those could take the port while the
database is down, and it has to come back where its clients look for it."""

# Small enough for a laptop beside a training run; 100 connections are an API, its storage and a dozen workers.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "huge_pages": "off",
    "io_method": "sync",
    "jit": "off",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # One file a weekday, overwritten the week after. Statements stay out: they hold what users typed.
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_error_statement": "panic",
    "log_statement": "none",
}

# $0 is the data folder. The inner subshell is orphaned at once, so that Postgres does not find a strange child.
# It sends a fast shutdown when the pipe ends without the word "stopped", and only to the server of this folder.
_START_WITH_GUARD = """
server=$$
exec 3<&0 </dev/null
( ( read -r word <&3
    if [ "$word" != stopped ] && [ "$(head -n 1 "$0/postmaster.pid" 2>/dev/null)" = "$server" ]; then
        kill -INT "$server"
    fi ) & )
exec 3<&-
exec "$@"
"""


class DatabaseStartError(MaquetteError):
    """The embedded Postgres did not start."""

    code = "database_start_failed"


@dataclass
class Postgres:
    """A running server; ``stop()`` ends it. ``process`` is the postmaster itself."""

    data: Path
    port: int
    said: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def alive(self) -> bool:
        """Whether the postmaster still runs."""
        return self.process.poll() is None

    def stop(self, timeout_s: float = 30.0) -> None:
        """Roll back what is open, write everything out, end. Harder only if that does not end in time."""
        for how, wait_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if self.alive():
                self.process.send_signal(how)
            try:
                self.process.wait(wait_s)
                break
            except subprocess.TimeoutExpired:
                continue
        if self.process.stdin is not None and not self.process.stdin.closed:
            try:
                self.process.stdin.write(b"stopped\n")
                self.process.stdin.close()
            except BrokenPipeError:
                # The guard is gone already; there is nobody left to tell.
                self.process.stdin = None


def start_postgres(home: Path, admin_password: str, timeout_s: float = 120.0) -> Postgres:
    """Start the home's Postgres, made on first use. The caller holds the home's lock."""
    folder, account = place_database(home)
    programs = find_programs(account)
    data = folder / "18"
    logs = folder / "log"
    if not logs.exists():
        logs.mkdir(mode=0o700)
        account.own(logs)
    if not data.exists():
        _create_cluster(home, data, account, programs, admin_password)
    _end_leftover(data)
    deadline = time.monotonic() + timeout_s
    while True:
        port = _choose_port(home)
        server = _launch(data, port, account, programs, home / "run" / "postgres-start.log")
        said = _wait_until_ready(server, deadline)
        if said is None:
            return server
        if "Address already in use" in said or "shared memory block" in said:
            # Somebody was faster with the port, or the backends of a killed server are still leaving.
            time.sleep(0.25)
            if time.monotonic() < deadline:
                continue
        raise DatabaseStartError(
            f"The embedded Postgres did not start: {said}",
            suggestion=f"Look at the newest file in {logs}; free some disk space or memory if that is what it says.",
        )


def _environment() -> dict[str, str]:
    # PGDATA, PGPORT and the like of the user's own Postgres must not reach ours.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _create_cluster(home: Path, data: Path, account: Account, programs: Path, admin_password: str) -> None:
    partial = data.with_name("18.partial")
    if partial.exists():
        # initdb was killed halfway; nothing was ever stored in it.
        subprocess.run(["rm", "-rf", partial], check=True)
    password_file = data.with_name("password")
    password_file.touch(mode=0o600)
    account.own(password_file)
    password_file.write_text(admin_password)
    # syncfs takes one call where fsync takes a thousand.
    sync = ["--sync-method=syncfs"] if sys.platform == "linux" else []
    try:
        made = subprocess.run(
            [
                programs / "initdb",
                *("-D", partial, "--username", ADMIN, "--auth=scram-sha-256", "--pwfile", password_file),
                *("--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--no-instructions", *sync),
            ],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **account.spawn,
        )
    finally:
        password_file.unlink()
    if made.returncode != 0:
        raise DatabaseStartError(
            f"The embedded database could not be made: {made.stderr.strip().splitlines()[-1:]}",
            suggestion=f"Check that {home} has 100 MB free and is on a disk that knows file owners.",
        )
    partial.rename(data)


def _end_leftover(data: Path) -> None:
    """End a server that a killed process left behind, or forget the file that only looks like one."""
    pid_file = data / "postmaster.pid"
    deadline = time.monotonic() + 30
    asked = False
    while pid_file.exists():
        lines = pid_file.read_text().split("\n")
        pid = int(lines[0]) if lines[0].strip().isdigit() else 0
        if not pid or not _is_alive(pid):
            return  # Postgres itself clears this one, after looking for backends that still leave.
        if not _serves(pid, data):
            # After a power loss or in a new container the number may belong to anybody, even to us.
            pid_file.unlink(missing_ok=True)
            return
        if not asked:
            os.kill(pid, signal.SIGINT)
            asked = True
        elif time.monotonic() > deadline:
            os.kill(pid, signal.SIGQUIT)
            deadline += 5
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, data: Path) -> bool:
    """Whether a process is the Postgres of this folder: a postmaster's working directory is its data folder."""
    proc = Path("/proc/self/cwd")
    if proc.exists():
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == data
        except OSError:
            return False
    command = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True).stdout
    return "postgres" in command and str(data) in command


def _choose_port(home: Path) -> int:
    """The port of last time if it is free, else another; kept for the next start."""
    path = home / "run" / "postgres-port"
    if path.exists() and (last := path.read_text().strip()).isdigit() and _is_free(int(last)):
        return int(last)
    while not _is_free(port := LOWEST_PORT + secrets.randbelow(HIGHEST_PORT - LOWEST_PORT)):
        continue
    path.write_text(str(port))
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Postgres does: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _launch(data: Path, port: int, account: Account, programs: Path, log: Path) -> Postgres:
    options = [item for name, value in SERVER_SETTINGS.items() for item in ("-c", f"{name}={value}")]
    start = ["/bin/sh", "-c", _START_WITH_GUARD, str(data)]
    server = [str(programs / "postgres"), "-D", str(data), "-p", str(port), *options]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*start, *server],
            cwd="/",
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            # Ctrl-C reaches a whole process group; the stack decides itself in which order things end.
            start_new_session=True,
            **account.spawn,
        )
    return Postgres(data, port, log, process)


def _wait_until_ready(server: Postgres, deadline: float) -> str | None:
    """None when it answers, else what it said. Recovery after a crash may take a while; that is waited for."""
    pid_file = server.data / "postmaster.pid"
    while server.alive():
        try:
            lines = pid_file.read_text().split("\n")
        except FileNotFoundError:
            lines = []
        if len(lines) > 7 and lines[0].strip() == str(server.process.pid) and lines[7].strip() == "ready":
            return None
        if time.monotonic() > deadline:
            server.stop()
            return "it was not ready in time"
        time.sleep(0.01)
    server.stop()
    return server.said.read_text(errors="replace").strip()
