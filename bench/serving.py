"""A whole `maquette serve` with a home of its own, for benchmarks that measure through HTTP."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from maquette.embedded.home import load_secrets
from maquette.embedded.postgres import ADMIN
from maquette.settings import Connections, Settings, resolve_connections


@dataclass(frozen=True)
class Served:
    """A server that answers at ``url``."""

    url: str
    settings: Settings
    connections: Connections
    process: subprocess.Popen[bytes]

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection[Any]]:
        """A superuser's connection in autocommit, as bench.seed needs it."""
        where = conninfo_to_dict(self.connections.database_url)
        password = load_secrets(self.settings.home).admin_password
        with psycopg.connect(
            host="127.0.0.1",
            port=int(str(where["port"])),
            user=ADMIN,
            password=password,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            yield connection

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds so far of the API process and of Postgres with all its backends."""
        used = {"api": 0.0, "postgres": 0.0}
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                times = process.cpu_times()
                name = "postgres" if "postgres" in process.name() else "api"
                used[name] += times.user + times.system
        return used


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(workers: int = 0) -> Iterator[Served]:
    """``maquette serve`` with so many workers on a free port and a home that is thrown away after."""
    home = Path(tempfile.mkdtemp(prefix="maquette-bench-"))
    home.chmod(0o755)  # Postgres may run under another account
    port = free_port()
    environment = {
        **os.environ,
        "MAQUETTE_HOME": str(home),
        "MAQUETTE_PORT": str(port),
        "MAQUETTE_LOG_LEVEL": "warning",
    }
    settings = Settings(home=home, port=port, database_url=None)
    process = subprocess.Popen(
        [sys.executable, "-m", "maquette.cli", "serve", "--workers", str(workers)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{settings.server_url}/api/v1/ready", trust_env=False).is_success:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("maquette serve did not start")
            time.sleep(0.2)
        yield Served(settings.server_url, settings, resolve_connections(settings), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(home)
