"""No key and no token gets into the log."""

from __future__ import annotations

import logging
import subprocess
import sys

SERVE_AND_CONNECT = """
import asyncio, logging, sys, uvicorn
from websockets.asyncio.client import connect
from maquette.cli.logs import log_to_stderr

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

async def main():
    log_to_stderr(sys.argv[1])
    logging.getLogger("websockets.client").setLevel("WARNING")  # the client beside it is no concern of ours
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"ws://127.0.0.1:{port}/realtime/v1/websocket?apikey=the-secret&vsn=2.0.0"
    async with connect(url, proxy=None) as socket:
        await socket.send("the-secret")
    server.should_exit = True
    await serving

asyncio.run(main())
"""


def test_addresses_of_websockets_lose_their_query() -> None:
    for level in ("info", "debug"):
        done = subprocess.run(
            [sys.executable, "-c", SERVE_AND_CONNECT, level], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "/realtime/v1/websocket" in done.stderr and "accepted" in done.stderr
        assert "the-secret" not in done.stderr


def test_the_filter_leaves_other_records_alone() -> None:
    from maquette.cli.logs import WithoutQuery

    record = logging.LogRecord("x", logging.INFO, "", 0, "%s is %s", ("a?b", 3), None)
    assert WithoutQuery().filter(record) and record.getMessage() == "a?b is 3"
