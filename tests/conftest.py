"""Shared fixtures. Shapes of `maquette.recon` signatures are checked at run time while tests run."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from threadpoolctl import threadpool_limits

from tests.ports import free_port
from tests.serving import SMALL, Server, send_photos, serving
from tests.shapes import begin_again, check_shapes

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from maquette.embedded.stack import EmbeddedStack
    from maquette.settings import Connections

# Tests run on as many processes as there are cores, and start more. Threads of BLAS that wait for a core burn the
# time that others need: solving six views took 39 s of processor time instead of 17. Numba keeps its threads, for
# some tests compare one with several.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# numpy's own BLAS is loaded already: a plugin of pytest imports it before this file is read.
threadpool_limits(1, user_api="blas")

check_shapes()

TESTS = Path(__file__).resolve().parent
CAPTURES = TESTS.parents[1] / "shared" / "captures"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Minutes of waiting first: left for the end, they would keep one process busy while the others are done."""
    items.sort(key=lambda item: "faults" not in item.path.relative_to(TESTS).parts)


def pytest_runtest_setup() -> None:
    begin_again()


@pytest.fixture(scope="session")
def captures() -> Path:
    """The real photos that lie beside the checkout; they are never committed, so they may be absent."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no real photos at {CAPTURES}: this test needs shared/captures beside the checkout")
    return CAPTURES


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack]:
    """One embedded stack for the whole test session (one for each xdist worker), migrated, thrown away after.

    ``stack.connections`` tells how to reach it. Its database is shared: tests make their own projects and owners.
    """
    with fresh_stack() as running:
        yield running


@contextmanager
def fresh_stack() -> Iterator[EmbeddedStack]:
    """A stack of one's own, for tests that look at everything an installation holds."""
    from maquette.embedded.stack import run_stack
    from maquette.settings import Settings

    # Not under tmp_path: pytest closes that to other users, and Postgres runs as one when root runs the tests.
    home = Path(tempfile.mkdtemp(prefix="maquette-test-"))
    home.chmod(0o755)
    try:
        with run_stack(Settings(home=home, port=free_port())) as running:
            yield running
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def storage(stack: EmbeddedStack) -> Iterator[Connections]:
    """The stack's ``/storage/v1`` and ``/realtime/v1`` over real HTTP, at the connections' ``supabase_url``."""
    with served_storage(stack) as connections:
        yield connections


@contextmanager
def served_storage(stack: EmbeddedStack) -> Iterator[Connections]:
    """What ``storage`` is for ``stack``, for another stack."""
    from starlette.applications import Starlette

    from maquette.db.connection import open_pool
    from maquette.db.listener import Listener
    from maquette.embedded.realtime.app import serve_realtime
    from maquette.embedded.storage.app import run_storage_app
    from maquette.embedded.storage.routing import mount_storage

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        listener = Listener(stack.connections.database_url)
        async with (
            open_pool(stack.connections.database_url) as pool,
            run_storage_app(stack.connections, stack.home, pool) as service,
            open_pool(stack.connections.database_url, application_name="maquette-realtime") as realtime_pool,
            serve_realtime(app, stack.connections, realtime_pool, listener),
            listener.running(),
        ):
            mount_storage(app, service)
            yield

    port = int(stack.connections.supabase_url.rpartition(":")[2])
    with serve_app(Starlette(lifespan=lifespan), port):
        yield stack.connections


@contextmanager
def serve_app(app: ASGIApp, port: int) -> Iterator[None]:
    """An ASGI app on a port of this machine, in a thread, until the block ends."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the test server did not start")
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


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
