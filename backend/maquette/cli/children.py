"""The processes under ``maquette serve``: ``python -m maquette.cli.children api|worker N``."""

from __future__ import annotations

import asyncio
import signal
import sys

from maquette.lifeline import die_with_parent
from maquette.logs import log_to_stderr
from maquette.settings import read_settings, resolve_connections


def main() -> None:
    """Run one child until it is told to stop; it does not outlive its parent."""
    die_with_parent(signal.SIGTERM)
    kind = sys.argv[1]
    settings = read_settings()
    connections = resolve_connections(settings)
    log_to_stderr(settings.log_level, settings.log_format)
    if kind == "api":
        import uvicorn

        from maquette.api.app import create_app

        uvicorn.run(
            create_app(settings, connections),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=3,
            server_header=False,
            # Realtime's and the events' messages are small and mostly cross no network; compressing each for each
            # socket would cost more than sending it.
            ws_per_message_deflate=False,
            ws_max_size=1024 * 1024,
        )
    else:
        from maquette.worker.loop import run_worker
        from maquette.worker.own_queues import own_queues

        asyncio.run(run_worker(settings, connections, concurrency=int(sys.argv[2]), queues=own_queues()))


if __name__ == "__main__":
    main()
