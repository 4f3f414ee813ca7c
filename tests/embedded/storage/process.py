"""The storage service in a process of its own, to be killed and to be weighed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import httpx
from tests.ports import free_port

from maquette.settings import Connections

ROOT = Path(__file__).parents[3]
NAME = "maquette-storage-process"


@contextmanager
def storage_process(connections: Connections, home: Path) -> Iterator[tuple[subprocess.Popen[bytes], Connections]]:
    """A process that serves the objects under ``home`` with the rows of a running stack, and how to reach it."""
    port = free_port()
    reached = replace(connections, supabase_url=f"http://127.0.0.1:{port}")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.storage.process", str(home), str(port)], cwd=ROOT, stdin=subprocess.PIPE
    )
    try:
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(json.dumps(asdict(connections)).encode())
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{reached.supabase_url}/storage/v1/status", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None and time.monotonic() < deadline, "the storage process did not start"
                time.sleep(0.05)
        yield process, reached
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Serve until killed."""
    import uvicorn
    from starlette.applications import Starlette

    from maquette.db.connection import open_pool
    from maquette.embedded.storage.app import run_storage_app
    from maquette.embedded.storage.routing import mount_storage

    connections, home = Connections(**json.load(sys.stdin)), Path(sys.argv[1])

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            open_pool(connections.database_url, application_name=NAME) as pool,
            run_storage_app(connections, home, pool) as service,
        ):
            mount_storage(app, service)
            yield

    uvicorn.run(Starlette(lifespan=lifespan), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
