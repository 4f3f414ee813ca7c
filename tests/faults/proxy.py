"""A line between a worker and the storage service that fails as real lines and services do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.ports import free_port

HEAD_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024


@dataclass
class Trouble:
    """What happens to the next ``times`` requests of these methods that have, or ask for, a body."""

    kind: str
    methods: tuple[str, ...]
    times: int
    done: int = 0
    """How many requests it has met."""


@dataclass
class Proxy:
    """``url`` stands for the storage behind ``upstream_port``; a thread of its own serves it."""

    upstream_port: int
    port: int = field(default_factory=free_port)
    troubles: list[Trouble] = field(default_factory=list)
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def trouble(self, kind: str, *methods: str, times: int = 1) -> Trouble:
        """Let the next requests fail: see :meth:`_answer` for the kinds."""
        trouble = Trouble(kind, methods or ("GET", "POST", "PUT"), times)
        with self._lock:
            self.troubles.append(trouble)
        return trouble

    def calm(self) -> None:
        """No more trouble."""
        with self._lock:
            self.troubles.clear()

    def _next_trouble(self, method: str) -> str | None:
        with self._lock:
            self.requests += 1
            for trouble in self.troubles:
                if method in trouble.methods and trouble.done < trouble.times:
                    trouble.done += 1
                    return trouble.kind
        return None

    async def serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """One request; the connection ends with it."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._answer(client, answer)
        answer.close()

    async def _answer(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        head = await client.readuntil(b"\r\n\r\n")
        method = head.split(b" ", 1)[0].decode()
        kind = self._next_trouble(method)
        if kind == "close":
            return
        if kind == "hold":
            # Nobody answers; the client leaves when it has waited enough.
            await client.read(-1)
            return
        if kind in ("500", "502"):
            async for _ in _body(client, head):
                pass
            answer.write(_FAILURES[kind])
            await answer.drain()
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        try:
            if await self._send(client, head, writer, cut=kind == "cut_upload"):
                await self._give_back(reader, answer, kind)
        finally:
            writer.close()

    async def _send(
        self, client: asyncio.StreamReader, head: bytes, writer: asyncio.StreamWriter, *, cut: bool
    ) -> bool:
        writer.write(_closing(head))
        length, sent = _length(head), 0
        async for piece in _body(client, head):
            if cut and sent + len(piece) > length // 2:
                writer.write(piece[: max(0, length // 2 - sent)])
                await writer.drain()
                return False
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
        await writer.drain()
        return True

    async def _give_back(self, reader: asyncio.StreamReader, answer: asyncio.StreamWriter, kind: str | None) -> None:
        head = _closing(await reader.readuntil(b"\r\n\r\n"))
        if kind == "lost_answer":
            # All of it arrived and was carried out, and nobody heard.
            return
        body = await reader.read(-1)
        if kind == "cut_download":
            body = body[: len(body) // 2]
        elif kind == "short_download":
            # Worse: half of it, by something in between that says that this is all.
            length, body = _length(head), body[: len(body) // 2]
            head = head.replace(f"ength: {length}\r\n".encode(), f"ength: {len(body)}\r\n".encode())
        answer.write(head + body)
        await answer.drain()


_FAILURES = {
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: 67\r\n\r\n"
    b'{"statusCode":"500","error":"Internal","message":"something broke"}',
    # As a gateway says it, for whom the service is away.
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 24\r\n\r\n"
    b"<html>Bad gateway</html>",
}


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _closing(head: bytes) -> bytes:
    """The head with an end of the connection after this one exchange."""
    first, *lines = head[:-4].split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([first, *kept, b"Connection: close"]) + b"\r\n\r\n"


async def _body(client: asyncio.StreamReader, head: bytes):  # type: ignore[no-untyped-def]
    """The body piece by piece, as it came: in chunks, or of a known length."""
    if b"transfer-encoding: chunked" in head.lower():
        while True:
            size = await client.readline()
            count = int(size.split(b";")[0], 16)
            yield size + await client.readexactly(count + 2)
            if count == 0:
                return
    left = _length(head)
    while left > 0:
        piece = await client.read(min(left, PIECE_BYTES))
        if not piece:
            raise ConnectionError("the client went away")
        left -= len(piece)
        yield piece


@contextmanager
def run_proxy(upstream_port: int) -> Iterator[Proxy]:
    """A proxy for as long as the block lasts."""
    proxy = Proxy(upstream_port)
    ready, loop, over = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port, limit=HEAD_BYTES)
        ready.set()
        await over.wait()
        server.close()
        ours = asyncio.all_tasks() - {asyncio.current_task()}
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
