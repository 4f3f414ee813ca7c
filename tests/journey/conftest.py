"""A whole server in its own process tree, as `maquette serve` starts it, and a client of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import free_port


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


def start(home: Path, *arguments: str, port: int | None = None) -> Server:
    """Start a server on this home and wait until it answers."""
    port = port or free_port()
    log = home.parent / f"{home.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "maquette.cli", "serve", *arguments],
            env=environment(home, port),
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


@pytest.fixture(scope="session")
def homes() -> Iterator[Callable[[], Path]]:
    """Makes empty homes that are removed after the session. Not under tmp_path, which is closed to Postgres's user."""
    made: list[Path] = []

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(prefix="maquette-journey-"))
        folder.chmod(0o755)
        made.append(folder)
        return folder / "home"

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = start(home, *arguments)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGTERM)


@pytest.fixture(scope="session")
def server(homes: Callable[[], Path]) -> Iterator[Server]:
    """One server for all tests that do not stop it."""
    with serving(homes()) as running:
        yield running


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve small photos of the synthetic village."""
    from maquette.recon.synthetic import make_capture

    folder = tmp_path_factory.mktemp("village")
    return list(make_capture(folder, views=12, width=400, height=300).paths)


SMALL = {"preset": "fastest", "iterations": 300, "long_side": 240}


def send_photos(client: httpx.Client, photos: list[Path], **form: str) -> httpx.Response:
    with ExitStack() as stack:
        files = [("files", (p.name, stack.enter_context(p.open("rb")), "image/jpeg")) for p in photos]
        return client.post("/upload", files=files, data=form)


@pytest.fixture(scope="session")
def project(server: Server, photos: list[Path]) -> dict[str, Any]:
    """A project that has gone through all four steps once; the answers by step."""
    with server.client() as client:
        uploaded = send_photos(client, photos)
        assert uploaded.status_code == 200, uploaded.text
        project_id = uploaded.json()["project_id"]
        answers = {"upload": uploaded.json(), "id": project_id}
        for step, body in (
            ("generate", SMALL),
            ("refine", {"num_iterations": 2, "steps_per_iteration": 60, "convergence_threshold": 0}),
            ("export", {"format": "splat"}),
        ):
            answer = client.post(f"/{step}/{project_id}", params={"wait": 600}, json=body)
            assert answer.status_code == 200, f"{step}: {answer.text}\n{server.log.read_text()[-3000:]}"
            answers[step] = answer.json()
        return answers


def everything(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path, params={"limit": 100})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def fetched(client: httpx.Client, url: str) -> bytes:
    answer = httpx.get(url, timeout=60, trust_env=False)
    assert answer.status_code == 200, f"{url}: {answer.text[:300]}"
    return answer.content
