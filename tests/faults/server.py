"""A server of the fault suite's own: `maquette serve` on a home of its own, which is killed, stopped and started again.

The workers are processes beside it, as on other machines: each fault then has one victim. ``workers=1`` gives the
server the worker of its own that it usually has.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
from psycopg.rows import dict_row
from tests.faults.clock import Clock
from tests.faults.processes import Process, below, named, read_process
from tests.ports import free_port
from tests.serving import environment

from maquette.settings import Connections, Settings, StackNotRunningError, resolve_connections

T = TypeVar("T")

# As `maquette serve`, but for one thing: Postgres, to whom nothing of our environment comes, gets a clock to set too.
SERVE = """
import json, os
from maquette.embedded import postgres
ours = postgres._environment
postgres._environment = lambda: {**ours(), **json.loads(os.environ.get("FAULTS_POSTGRES", "{}"))}
from maquette.cli import main
main()
"""
SETTINGS = {
    "MAQUETTE_RETRY_WAIT_FACTOR": "0.02",
    # Their disks may be small.
    "MAQUETTE_DISK_FLOOR_MB": "0",
}
PATIENCE_S = 240.0
"""Machines that run tests are busy; what is stuck is stuck for longer than that."""
AWAY = (httpx.TransportError, psycopg.OperationalError, psycopg.errors.AdminShutdown, StackNotRunningError)
"""What a call gets while a server or its database is away."""


@dataclass
class Server:
    """``clocks``: ``machine`` for all of Maquette's processes, ``database`` for Postgres; none without a compiler."""

    home: Path
    log: Path
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    _kept: threading.local = field(default_factory=threading.local)
    """The connection of each thread that asks the database."""
    _connections: list[psycopg.Connection[dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        told = {**environment(self.home, self.port), **SETTINGS}
        if self.clocks:
            told |= self.clocks["machine"].environment
            told["FAULTS_POSTGRES"] = json.dumps(self.clocks["database"].environment)
        return told

    def start(self, *, workers: int = 0) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, "serve", "--workers", str(workers)],
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self.process is not None and self.process.poll() is None, f"it ended:\n{self._tail()}"
            assert time.monotonic() < deadline, f"it does not answer:\n{self._tail()}"
            time.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/api/v1/ready", timeout=5, trust_env=False).is_success
        return False

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop or kill it, and wait until nothing of it is left."""
        assert self.process is not None
        left = below(self.process.pid)
        self.process.send_signal(number)
        code = self.process.wait(60)
        deadline = time.monotonic() + 30
        while any(read_process(process.pid) == process for process in left):
            assert time.monotonic() < deadline, "processes of a server that ended are still there"
            time.sleep(0.05)
        return code

    def child(self, kind: str) -> Process:
        """The process of the API, ``api``, or of the server's own worker, ``worker``."""
        return patiently(lambda: self._named(kind))

    def _named(self, kind: str) -> Process:
        assert self.process is not None
        return next(p for p in named("maquette.cli.children", self.process.pid) if kind in p.words)

    @property
    def postmaster(self) -> Process:
        assert self.process is not None
        pid = int((next(self.home.rglob("postmaster.pid"))).read_text().split("\n")[0])
        process = read_process(pid)
        assert process is not None and process.parent == self.process.pid, "that is no Postgres of ours"
        return process

    @cached_property
    def settings(self) -> Settings:
        # Read once: a thread of ours goes on looking while other tests set what no server would take.
        return Settings(home=self.home, port=self.port)

    @property
    def connections(self) -> Connections:
        return resolve_connections(self.settings)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What the database answers; asked again while it is away."""
        return patiently(lambda: self._rows(query, values), *AWAY)

    def _rows(self, query: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
        # Asked many times a second by each thread that looks; each new connection is a new process of Postgres.
        conn: psycopg.Connection[dict[str, Any]] | None = getattr(self._kept, "conn", None)
        if conn is None:
            url = self.connections.database_url
            conn = psycopg.connect(url, autocommit=True, row_factory=dict_row, application_name="faults")
            self._kept.conn = conn
            self._connections.append(conn)
        try:
            cursor = conn.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error:
            self._kept.conn = None
            conn.close()
            raise

    def hang_up(self) -> None:
        """Close what threads have left open."""
        for conn in self._connections:
            conn.close()

    def get(self, path: str) -> Any:
        """A read through the API; asked again while it is away."""

        def ask() -> Any:
            answer = httpx.get(f"{self.url}/api/v1{path}", timeout=30, trust_env=False)
            if answer.status_code >= 500:
                raise httpx.ConnectError(answer.text)
            assert answer.is_success, answer.text
            return answer.json()

        return patiently(ask, *AWAY)

    def post(self, path: str, key: str, body: object = None, **form: Any) -> httpx.Response:
        """A call with an Idempotency-Key, repeated until the server has answered it: clients do that."""

        def ask() -> httpx.Response:
            answer = httpx.post(
                f"{self.url}/api/v1{path}",
                json=body if body is not None else None,
                headers={"Idempotency-Key": key},
                timeout=60,
                trust_env=False,
                **form,
            )
            if answer.status_code >= 500 or answer.json().get("error", {}).get("code") == "idempotency_in_progress":
                raise httpx.ConnectError(answer.text)
            return answer

        return patiently(ask, *AWAY)


def patiently(call: Callable[[], T], *errors: type[Exception]) -> T:
    """Call until it answers, or :data:`PATIENCE_S` have passed."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except (*errors, StopIteration):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
