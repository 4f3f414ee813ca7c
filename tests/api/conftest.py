"""A real embedded stack with the API on a real port, and photos."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image, ImageFilter
from tests.api.supabase import LEGACY_SECRET, LittleSupabase
from tests.api.worker import Worker
from tests.ports import free_port

from maquette.api.app import create_app
from maquette.embedded.stack import run_stack
from maquette.settings import Connections, Settings

Upload = list[tuple[str, tuple[str, bytes, str]]]


@contextmanager
def served(settings: Settings, connections: Connections, port: int | None = None) -> Iterator[str]:
    """The API on a real port, in a thread, for as long as the block lasts; gives its address."""
    port = port or settings.port
    config = uvicorn.Config(
        create_app(settings, connections), host="127.0.0.1", port=port, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the API did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    home = Path(tempfile.mkdtemp(prefix="mq-api-"))
    home.chmod(0o755)  # Postgres may run under another account
    yield Settings(
        home=home,
        port=free_port(),
        max_photos=8,
        max_file_mb=1,
        max_upload_mb=2,
        database_url=None,
        # Every API on the database delivers, so all must be allowed to reach the receivers of tests.
        webhook_hosts=("127.0.0.1",),
    )
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def connections(settings: Settings) -> Iterator[Connections]:
    with run_stack(settings) as stack:
        yield stack.connections


@pytest.fixture(scope="session")
def address(settings: Settings, connections: Connections) -> Iterator[str]:
    with served(settings, connections) as url:
        yield url


@pytest.fixture
def api(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def serve_again(connections: Connections) -> Callable[[Settings], AbstractContextManager[str]]:
    """Another API on the same database with other settings; its storage is that of the first one."""
    return lambda settings: served(settings, connections, free_port())


@pytest.fixture(scope="session")
def little_supabase(address: str) -> Iterator[LittleSupabase]:
    little = LittleSupabase()
    little.storage = address
    with little.serving():
        yield little


@pytest.fixture(scope="session")
def beside_supabase(connections: Connections, little_supabase: LittleSupabase) -> Connections:
    """As if database and storage were those of a Supabase project that users sign in to."""
    return replace(connections, supabase_url=little_supabase.url, jwt_secret=LEGACY_SECRET, embedded=False)


@pytest.fixture(scope="session")
def serve_beside_supabase(beside_supabase: Connections) -> Callable[[Settings], AbstractContextManager[str]]:
    """An API beside Supabase with settings of one's own."""
    return lambda settings: served(settings, beside_supabase, free_port())


@pytest.fixture(scope="session")
def hosted(
    settings: Settings, serve_beside_supabase: Callable[[Settings], AbstractContextManager[str]]
) -> Iterator[str]:
    """The address of an API beside Supabase."""
    with serve_beside_supabase(settings) as url:
        yield url


@pytest.fixture
def project_id(api: httpx.Client) -> str:
    identifier: str = api.post("/projects", json={"name": "Fountain"}).raise_for_status().json()["id"]
    return identifier


def jpeg(seed: int, width: int = 640, height: int = 512) -> bytes:
    """A sharp, well exposed picture that no other seed gives."""
    noise = np.random.default_rng(seed).integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((width, height), Image.Resampling.NEAREST)
    target = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(1)).save(target, "JPEG", quality=85)
    return target.getvalue()


@pytest.fixture(scope="session")
def photo() -> Callable[[int], bytes]:
    return jpeg


@pytest.fixture
def photos() -> Upload:
    return [("file", (f"IMG_{n}.jpg", jpeg(n), "image/jpeg")) for n in range(3)]


@pytest.fixture
def worker(connections: Connections, address: str) -> Worker:
    return Worker(connections)


@pytest.fixture
def generated(api: httpx.Client, worker: Worker, project_id: str) -> str:
    """A project with three photos and a first version."""
    worker.add_photos(project_id)
    worker.generate(api.post(f"/generate/{project_id}").raise_for_status().json()["run_id"])
    return project_id
