"""Uploads that do not come whole, do not fit, or are larger than memory should ever have to hold."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request

from maquette.api.capacity import Room
from maquette.api.incoming import (
    DiskFullError,
    FormLimits,
    MalformedUploadError,
    TooManyPartsError,
    UploadStalledError,
    UploadTooLargeError,
    receive,
)
from maquette.settings import Settings

BOUNDARY = b"between"
HEAD = b"--between\r\nContent-Disposition: form-data; name=file; filename=a.jpg\r\nContent-Type: image/jpeg\r\n\r\n"
TAIL = b"\r\n--between--\r\n"
FORM = "multipart/form-data; boundary=between"
HEADERS = [(b"content-type", FORM.encode())]
CHUNK = os.urandom(1 << 20)


def request(chunks: Iterator[bytes], **headers: str) -> Request:
    """A request whose body comes in these pieces."""

    async def incoming() -> dict[str, Any]:
        chunk = next(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    named = {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    listed = [(name.encode(), value.encode()) for name, value in named.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": listed}, incoming)


def limits(tmp_path: Path, **others: int) -> FormLimits:
    room = Room(Settings(home=tmp_path, disk_floor_mb=0))
    return FormLimits(**{"files": 3, "file_mb": 5, "upload_mb": 8, **others}, room=room)


async def test_a_disk_that_fills_while_a_photo_is_written(tmp_path: Path) -> None:
    (tmp_path / "0000").symlink_to("/dev/full")
    for size in (100, 3_000_000):  # written at the end only, and on the way
        with pytest.raises(DiskFullError) as refused:
            await receive(request(iter([HEAD, b"x" * size, TAIL])), tmp_path, limits(tmp_path))
        assert refused.value.status == 503 and refused.value.retry_after_s


async def test_a_form_of_thousands_of_parts(tmp_path: Path) -> None:
    part = b'--between\r\nContent-Disposition: form-data; name="remove_bg"\r\n\r\nfalse\r\n'
    with pytest.raises(TooManyPartsError) as refused:
        await receive(request(iter([part] * 10_000)), tmp_path, limits(tmp_path))
    assert refused.value.details == {"max_parts": 23}
    assert not any(os.scandir(tmp_path))


async def test_a_form_that_ends_too_early(tmp_path: Path) -> None:
    with pytest.raises(MalformedUploadError):
        await receive(request(iter([HEAD, b"half of it"])), tmp_path, limits(tmp_path))


async def test_a_client_that_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maquette.api.incoming.STALLED_S", 0.05)
    pieces = [HEAD, b"half of it"]

    async def incoming() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    silent = Request({"type": "http", "method": "POST", "path": "/", "headers": HEADERS}, incoming)
    with pytest.raises(UploadStalledError) as refused:
        await receive(silent, tmp_path, limits(tmp_path))
    assert refused.value.status == 408


async def test_a_client_that_announces_too_much_and_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maquette.api.incoming.DRAIN_S", 0.05)

    async def incoming() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    headers = [*HEADERS, (b"content-length", b"99000000")]
    waiting = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, incoming)
    async with asyncio.timeout(10):
        with pytest.raises(UploadTooLargeError):
            await receive(waiting, tmp_path, limits(tmp_path))


async def test_what_follows_the_form_counts_too(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield HEAD + b"x" + TAIL
        for _ in range(1000):
            taken.append(1)
            yield bytes(100_000)

    taken: list[int] = []
    with pytest.raises(UploadTooLargeError):
        await receive(request(endless()), tmp_path, limits(tmp_path))


async def test_a_body_that_announces_too_much_is_not_read_where_the_client_waits(tmp_path: Path) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("the body was asked for")
        yield b""

    asked = request(never(), content_length="9000001", expect="100-continue")
    with pytest.raises(UploadTooLargeError):
        await receive(asked, tmp_path, limits(tmp_path))
    assert not any(os.scandir(tmp_path))


async def test_room_that_ends_while_the_body_streams(tmp_path: Path) -> None:
    beyond = MalformedUploadError("no room", suggestion="none")
    room = Room(Settings(home=tmp_path, disk_floor_mb=0), 1_000_000, beyond)
    with pytest.raises(MalformedUploadError, match="no room"):
        await receive(request(iter([HEAD, *[bytes(500_000)] * 5])), tmp_path, FormLimits(3, 5, 8, room))


@pytest.fixture
def arrivals(settings: Settings) -> Path:
    """Where uploads lie until they are taken in."""
    return settings.home / "incoming"


def gone(folder: Path) -> bool:
    """Whether nothing is left there, now or in a little while."""
    deadline = time.monotonic() + 20
    while (left := list(folder.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left


@pytest.mark.parametrize("announced", [1_000_000, None])
def test_a_client_that_goes_away(api: httpx.Client, address: str, arrivals: Path, announced: int | None) -> None:
    target = urlsplit(address)
    length = f"Content-Length: {announced}" if announced else "Transfer-Encoding: chunked"
    first = HEAD + bytes(300_000)
    body = first if announced else f"{len(first):x}\r\n".encode() + first + b"\r\n"
    head = f"POST /api/v1/upload HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: {FORM}\r\n{length}\r\n\r\n"
    with socket.create_connection((target.hostname, target.port)) as line:
        line.sendall(head.encode() + body)
        deadline = time.monotonic() + 20
        while not any(arrivals.glob("*/incoming/0000")):
            assert time.monotonic() < deadline, "the upload never began"
            time.sleep(0.02)
    assert gone(arrivals)
    assert api.get("/projects").status_code == 200


def test_nothing_is_left_of_a_form_with_thousands_of_parts(api: httpx.Client, arrivals: Path) -> None:
    parts = [("file", (f"{n}.jpg", b"x", "image/jpeg")) for n in range(10_000)]
    answer = api.post("/upload", files=parts)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_many_photos"
    answer = api.post("/upload", files=[("remove_bg", (None, b"false")) for _ in range(10_000)])
    assert answer.status_code == 422 and answer.json()["error"]["code"] == "too_many_parts"
    assert gone(arrivals)


def resident_bytes() -> int:
    """Memory that this process, which serves API and storage, has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("address")
def test_memory_does_not_grow_with_the_file(
    settings: Settings,
    serve_again: Callable[[Settings], AbstractContextManager[str]],
    photo: Callable[[int], bytes],
    arrivals: Path,
) -> None:
    """A photo with 134 MB behind its end goes the whole way: form, disk, step, hash, storage."""
    size = 128

    async def body() -> AsyncIterator[bytes]:
        yield HEAD + photo(77)
        for _ in range(size):
            yield CHUNK
        yield TAIL

    async def send(url: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
            await client.get(f"{url}/api/v1/health")
            began = resident_bytes()
            threading.Thread(target=watch, args=(began,), daemon=True).start()
            return await client.post(f"{url}/api/v1/upload", content=body(), headers={"Content-Type": FORM})

    grown = [0]
    done = threading.Event()

    def watch(began: int) -> None:
        while not done.wait(0.02):
            grown[0] = max(grown[0], resident_bytes() - began)

    with serve_again(settings.model_copy(update={"max_file_mb": 400, "max_upload_mb": 400})) as url:
        try:
            answer = asyncio.run(send(url))
        finally:
            done.set()
        assert answer.status_code == 200, answer.text
        stored = httpx.head(answer.json()["original_url"], trust_env=False)
    assert int(stored.headers["content-length"]) == len(photo(77)) + size * len(CHUNK)
    assert grown[0] < 50_000_000
    assert gone(arrivals)
