"""A whole server in its own process tree, as `maquette serve` starts it, and a client of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port


@dataclass
class Server:
    """A running `maquette serve`; ``log`` is where its output goes."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """A client of the REST API."""
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=300, trust_env=False)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does and answer its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def environment(home: Path, port: int) -> dict[str, str]:
    """The caller's environment without any Supabase or Maquette setting, and ours."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SUPABASE_", "MAQUETTE_", "DATABASE_URL"))}
    return {**clean, "MAQUETTE_HOME": str(home), "MAQUETTE_PORT": str(port)}


def start(home: Path, *arguments: str, port: int | None = None, settings: Mapping[str, str] | None = None) -> Server:
    """Start a server on this home, by further variables where some are given, and wait until it answers."""
    port = port or free_port()
    log = home.parent / f"{home.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "maquette.cli", "serve", *arguments],
            env={**environment(home, port), **(settings or {})},
            stdout=output,
            stderr=output,
        )
    server = Server(home, port, process, log)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{server.url}/api/v1/ready", timeout=5, trust_env=False).is_success:
                return server
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


@contextmanager
def serving(home: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = start(home, *arguments, settings=settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGTERM)


SMALL = {"preset": "fastest", "iterations": 300, "long_side": 240}
"""A model in seconds: one can recognise it, and no more."""


def send_photos(client: httpx.Client, photos: list[Path], **form: str) -> httpx.Response:
    with ExitStack() as stack:
        files = [("files", (p.name, stack.enter_context(p.open("rb")), "image/jpeg")) for p in photos]
        return client.post("/upload", files=files, data=form)


def everything(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path, params={"limit": 100})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def fetched(client: httpx.Client, url: str) -> bytes:
    answer = httpx.get(url, timeout=60, trust_env=False)
    assert answer.status_code == 200, f"{url}: {answer.text[:300]}"
    return answer.content
