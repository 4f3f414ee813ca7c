"""API servers that share everything but their process and home, and one address before them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.serving import Server, start

from maquette.embedded.compat import LOCAL_OWNER
from maquette.settings import Connections

KEY = "a-key-for-tests-of-scaling-0123456789"


@contextmanager
def replicas(connections: Connections, homes: Sequence[Path]) -> Iterator[list[Server]]:
    """A `maquette serve` for each home, beside the stack as beside a Supabase project; ``KEY`` is the local owner's."""
    variables = {
        "SUPABASE_URL": connections.supabase_url,
        "SUPABASE_SECRET_KEY": connections.secret_key,
        "SUPABASE_PUBLISHABLE_KEY": connections.publishable_key,
        "SUPABASE_JWT_SECRET": str(connections.jwt_secret),
        "DATABASE_URL": connections.database_url,
        "MAQUETTE_API_KEYS": f"{LOCAL_OWNER}:{KEY}",
    }
    with ThreadPoolExecutor() as threads:
        starting = [threads.submit(start, home, "--workers", "0", settings=variables) for home in homes]
        servers = [one.result() for one in starting if one.exception() is None]
        try:
            yield [one.result() for one in starting]
        finally:
            list(threads.map(Server.stop, servers))


@asynccontextmanager
async def one_address(ports: Sequence[int]) -> AsyncIterator[tuple[str, Counter[int]]]:
    """``host:port`` that leads each connection to the next of these ports in turn, and how many each port got."""
    turns, got = itertools.cycle(ports), Counter[int]()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = next(turns)
        got[port] += 1
        answers, asks = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(_pass_on(reader, asks), _pass_on(answers, writer))

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", got
    finally:
        server.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
    finally:
        target.close()
