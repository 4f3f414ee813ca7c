"""An embedded Postgres with room for many workers, whose statements can be counted."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from bench.serving import free_port

from maquette.embedded import postgres
from maquette.embedded.home import load_secrets
from maquette.embedded.stack import EmbeddedStack, run_stack
from maquette.settings import Connections, Settings

STATEMENT = re.compile(r"^([^|\n]*)\|LOG:  (?:statement|execute [^:]*): ?(.*)", re.MULTILINE)


@dataclass(frozen=True)
class Window:
    """What Postgres did for so many seconds; ``statements`` by application name."""

    seconds: float
    statements: Counter[str]
    transactions: int
    cores: float


@dataclass(frozen=True)
class Counted:
    """A stack, and a superuser's connection to it in autocommit."""

    settings: Settings
    stack: EmbeddedStack
    admin: psycopg.Connection[Any]

    @property
    def connections(self) -> Connections:
        return self.stack.connections

    @contextmanager
    def counting(self) -> Iterator[list[Window]]:
        """Fill the list with the one window that the block is.

        Postgres writes each statement to its log meanwhile (``log_statement = all``), which costs it some of the
        processor time that is told; what this connection asks is left out.
        """
        windows: list[Window] = []
        self._log("all")
        log, began = self._log_file(), time.monotonic()
        offset, cpu, before = log.stat().st_size, self._cpu_s(), self._transactions()
        yield windows
        seconds, cpu, after = time.monotonic() - began, self._cpu_s() - cpu, self._transactions()
        with log.open("rb") as file:
            file.seek(offset)
            said = file.read().decode(errors="replace")
        self._log("none")
        counted = Counter(match[1] for match in STATEMENT.finditer(said) if match[1] != "bench")
        windows.append(Window(seconds, counted, after - before, cpu / seconds))

    def held(self) -> Counter[str]:
        """Connections now, by application name, without this one."""
        rows = self.admin.execute(
            "select application_name, count(*) from pg_stat_activity"
            " where backend_type = 'client backend' and pid <> pg_backend_pid() group by 1"
        )
        return Counter(dict(rows.fetchall()))

    def most_held(self, seconds: float) -> Counter[str]:
        """The most connections of each application in so many seconds, looked at ten times a second."""
        most: Counter[str] = Counter()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            most |= self.held()
            time.sleep(0.1)
        return most

    def _log(self, what: str) -> None:
        self.admin.execute(f"alter system set log_statement = '{what}'".encode())
        self.admin.execute("select pg_reload_conf()")
        time.sleep(1)

    def _log_file(self) -> Path:
        row = self.admin.execute("select current_setting('data_directory'), pg_current_logfile()").fetchone()
        assert row is not None
        return Path(row[0]) / row[1]

    def _transactions(self) -> int:
        row = self.admin.execute(
            "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _cpu_s(self) -> float:
        used = 0.0
        main = psutil.Process(self.stack.postgres.process.pid)
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system
        return used


@contextmanager
def counted_stack(max_connections: int = 1000) -> Iterator[Counted]:
    """A stack of its own, thrown away after; call it from the main thread."""
    home = Path(tempfile.mkdtemp(prefix="maquette-bench-"))
    home.chmod(0o755)  # Postgres may run under another account
    # A setting of the command line could not be changed while it runs.
    del postgres.SERVER_SETTINGS["log_statement"]
    postgres.SERVER_SETTINGS |= {"max_connections": str(max_connections), "log_line_prefix": "%a|"}
    settings = Settings(home=home, port=free_port(), database_url=None)
    try:
        with (
            run_stack(settings) as stack,
            psycopg.connect(
                host="127.0.0.1",
                port=stack.postgres.port,
                user=postgres.ADMIN,
                password=load_secrets(home).admin_password,
                dbname="postgres",
                autocommit=True,
                application_name="bench",
            ) as admin,
        ):
            yield Counted(settings, stack, admin)
    finally:
        shutil.rmtree(home)
