"""The parent of ``maquette serve``: starts database, API and worker, restarts what dies, stops all in order."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx
from rich.console import Console

from maquette.db.migrate import expect_migrated
from maquette.embedded.stack import EmbeddedStack, run_stack
from maquette.errors import MaquetteError, UnavailableError
from maquette.logs import log_to_stderr
from maquette.settings import Settings, resolve_connections

log = logging.getLogger(__name__)

STOP_S = 8.0
START_S = 60.0


class PortInUseError(MaquetteError):
    """Another program listens where the API should."""

    code = "port_in_use"
    status = 409


class ServerNotReadyError(UnavailableError):
    """The API did not answer in time."""

    code = "server_not_ready"


class _StopRequestedError(Exception):
    """SIGINT or SIGTERM came."""


@dataclass
class _Child:
    """One supervised process."""

    arguments: Sequence[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)

    def start(self) -> None:
        # A session of its own: Ctrl-C reaches only the parent, which stops the others in order.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "maquette.cli.children", *self.arguments],
            env=self.environment,
            start_new_session=True,
        )

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop in %.0f s and is killed", self.arguments[0], STOP_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def supervise(settings: Settings, *, workers: int) -> int:
    """Serve until Ctrl-C; the exit code is 0 after a clean stop. Errors of starting are raised."""
    log_to_stderr(settings.log_level, settings.log_format)
    # Whoever collects JSON gets nothing else.
    console = Console(stderr=True, quiet=settings.log_format == "json")
    stop_signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _request_stop) for number in stop_signals}
    children: list[_Child] = []
    try:
        # The home first: a second server on one home is told so, whatever listens on the port.
        with _stack(settings, console) as stack:
            if _port_taken(settings):
                raise PortInUseError(
                    f"Something already listens on {settings.host}:{settings.port}.",
                    suggestion="Choose another port with --port or MAQUETTE_PORT, or stop the other server.",
                )
            environment = {**os.environ, **_as_environment(settings)}
            children.append(_Child(["api"], environment))
            if workers:
                children.append(_Child(["worker", str(workers)], environment))
            try:
                for child in children:
                    child.start()
                _wait_until_ready(settings, children)
                if console.quiet:
                    log.info("serving at %s", settings.server_url)
                console.print(f"Maquette serves at {settings.server_url} (docs at {settings.server_url}/docs).")
                console.print(f"Data lie in {settings.home}. Ctrl-C stops everything." if settings.embedded else "")
                _watch(children, stack)
            finally:
                # A second Ctrl-C must not leave anything behind.
                for number in stop_signals:
                    signal.signal(number, signal.SIG_IGN)
                for child in reversed(children):
                    child.stop()
    except _StopRequestedError:
        console.print("Stopped.")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _request_stop(number: int, frame: object) -> None:
    raise _StopRequestedError


@contextlib.contextmanager
def _stack(settings: Settings, console: Console) -> Iterator[EmbeddedStack | None]:
    if not settings.embedded:
        # Asked once here, where a refusal is said in a sentence, before each child says it in its own way.
        expect_migrated(resolve_connections(settings).database_url)
        yield None
        return
    console.print("Starting the embedded database …")
    with run_stack(settings) as stack:
        yield stack


def _as_environment(settings: Settings) -> dict[str, str]:
    """Host and port as the command line changed them; everything else is in the environment already."""
    return {"MAQUETTE_HOME": str(settings.home), "MAQUETTE_HOST": settings.host, "MAQUETTE_PORT": str(settings.port)}


def _port_taken(settings: Settings) -> bool:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            return True
    return False


def _wait_until_ready(settings: Settings, children: Sequence[_Child]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for child in children:
            if child.process is not None and child.process.poll() is not None:
                raise ServerNotReadyError(
                    f"The {child.arguments[0]} process ended while it started (exit code {child.process.returncode}).",
                    suggestion="The lines above say why.",
                )
        with contextlib.suppress(httpx.HTTPError):
            # Storage of a Supabase project may come back later: the API serves what works without it.
            health = httpx.get(f"{settings.server_url}/api/v1/health", timeout=2, trust_env=False)
            if health.is_success and health.json()["status"] != "unavailable":
                return
        time.sleep(0.1)
    raise ServerNotReadyError(
        f"The API did not answer within {START_S:.0f} s.", suggestion="The lines above may say why; start it again."
    )


def _watch(children: Sequence[_Child], stack: EmbeddedStack | None) -> None:
    """Start what died again: the database, and children later and later until one dies five times in a minute."""
    while True:
        if stack is not None and stack.mend():
            log.error("the database had ended and was started again")
        for child in children:
            if child.process is None or child.process.poll() is None:
                continue
            now = time.monotonic()
            child.deaths = [*(death for death in child.deaths if now - death < 60), now]
            log.error("the %s process ended with exit code %s", child.arguments[0], child.process.returncode)
            if len(child.deaths) >= 5:
                raise ServerNotReadyError(
                    f"The {child.arguments[0]} process ended five times within a minute.",
                    suggestion="The lines above say why.",
                )
            time.sleep(min(2 ** len(child.deaths) / 2, 10))
            child.start()
        time.sleep(0.5)
