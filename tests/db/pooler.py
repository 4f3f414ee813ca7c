"""A transaction pooler in small: each transaction of a client runs in whichever server session is free.

Clients sign in for themselves, each to a session of its own; from then on sessions are shared.
"""

import asyncio
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

READY, IDLE = b"Z", b"I"


@asynccontextmanager
async def transaction_pooler(database_url):
    """The address of a pooler in front of a database, for as long as the block lasts."""
    where = urlsplit(database_url)
    free, everything, tasks = [], [], set()
    freed = asyncio.Condition()

    async def read_message(reader):
        head = await reader.readexactly(5)
        return head + await reader.readexactly(int.from_bytes(head[1:], "big") - 4)

    async def sign_in(reader, writer, session):
        """The client's start, passed on to a session of its own, until that is ready."""
        length = await reader.readexactly(4)
        start = length + await reader.readexactly(int.from_bytes(length, "big") - 4)
        if start[4:8] == (80877103).to_bytes(4, "big"):  # asks for TLS
            writer.write(b"N")
            return await sign_in(reader, writer, session)
        session[1].write(start)

        async def forward():
            while True:
                session[1].write(await read_message(reader))

        forwarding = asyncio.create_task(forward())
        try:
            while True:
                message = await read_message(session[0])
                if message[:1] == READY:
                    return message
                writer.write(message)
        finally:
            forwarding.cancel()
            with suppress(asyncio.CancelledError, asyncio.IncompleteReadError):
                await forwarding

    async def transact(first, reader, writer):
        """One transaction of a client in the session that was freed last; its notifications go nowhere."""
        async with freed:
            await freed.wait_for(lambda: free)
            session = free.pop()
        session[1].write(first)
        asking = asyncio.create_task(read_message(reader))
        try:
            while True:
                answering = asyncio.create_task(read_message(session[0]))
                while not answering.done():
                    await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
                    if asking.done() and not answering.done():
                        session[1].write(asking.result())
                        asking = asyncio.create_task(read_message(reader))
                message = answering.result()
                if message[:1] != b"A":
                    writer.write(message)
                if message[:1] == READY and message[5:6] == IDLE:
                    return asking
        finally:
            async with freed:
                free.append(session)
                freed.notify()

    async def serve(reader, writer):
        task = asyncio.current_task()
        tasks.add(task)
        session = await asyncio.open_connection(where.hostname, where.port)
        everything.extend((session[1], writer))
        try:
            ready = await sign_in(reader, writer, session)
            async with freed:
                free.append(session)
                freed.notify()
            writer.write(ready)
            asking = asyncio.create_task(read_message(reader))
            while True:
                message = await asking
                if message[:1] == b"X":
                    return
                asking = await transact(message, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield where._replace(netloc=f"{where.username}:{where.password}@127.0.0.1:{port}").geturl()
    finally:
        server.close()
        for writer in everything:
            writer.close()
        # Whoever reads from a closed line ends by itself.
        await asyncio.gather(*tasks, return_exceptions=True)
