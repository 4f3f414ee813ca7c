import asyncio
import hashlib
import os
import tracemalloc
import uuid

import httpx
import pytest

from maquette.settings import Connections
from maquette.storage import buckets, keys
from maquette.storage.client import (
    ObjectMissingError,
    Objects,
    ObjectTooLargeError,
    StorageRefusedError,
    StorageUnreachableError,
)

BUCKET = buckets.MODELS
MIME = "application/octet-stream"


@pytest.fixture
async def objects(storage):
    async with Objects.open(storage) as opened:
        yield opened


@pytest.fixture
def prefix():
    return keys.project_prefix(uuid.uuid4())


async def test_a_file_goes_up_and_comes_down(objects, prefix, tmp_path):
    here, there = tmp_path / "here.ply", tmp_path / "deep" / "there.ply"
    here.write_bytes(os.urandom(3_000_001))
    await objects.upload(BUCKET, f"{prefix}a b.ply", here, MIME)
    await objects.download(BUCKET, f"{prefix}a b.ply", there)
    assert there.read_bytes() == here.read_bytes()
    assert [path.name for path in there.parent.iterdir()] == ["there.ply"]
    assert await objects.exists(BUCKET, f"{prefix}a b.ply")


async def test_a_second_upload_replaces(objects, prefix, tmp_path):
    path = tmp_path / "x"
    for content in (b"first", b"second"):
        path.write_bytes(content)
        await objects.upload(BUCKET, f"{prefix}x", path, MIME)
    await objects.download(BUCKET, f"{prefix}x", path)
    assert path.read_bytes() == b"second"


async def test_a_failed_download_leaves_the_old_file(objects, prefix, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(ObjectMissingError):
        await objects.download(BUCKET, f"{prefix}missing", path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


async def test_removal_by_prefix_takes_every_level_and_nothing_else(objects, prefix, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x")
    other = keys.project_prefix(uuid.uuid4())
    for key in (f"{prefix}a", f"{prefix}b/c", f"{prefix}b/d/e", f"{other}a"):
        await objects.upload(BUCKET, key, path, MIME)
    assert await objects.remove_prefix(BUCKET, prefix) == 3
    assert [key async for key in objects.walk(BUCKET, prefix)] == []
    assert [key async for key in objects.walk(BUCKET, other)] == [f"{other}a"]
    assert await objects.remove(BUCKET, [f"{other}a", f"{other}missing"]) == 1
    assert await objects.remove(BUCKET, []) == 0


async def test_signed_addresses(objects, prefix, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"data")
    await objects.upload(BUCKET, f"{prefix}x", path, MIME)
    signed = await objects.signed_urls(BUCKET, [f"{prefix}x", f"{prefix}no", f"{prefix}x"], 60)
    assert signed[f"{prefix}no"] is None
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(signed[f"{prefix}x"])).content == b"data"
        named = await objects.signed_url(BUCKET, f"{prefix}x", 60, "model.ply")
        assert "model.ply" in (await http.get(named)).headers["content-disposition"]
    with pytest.raises(ObjectMissingError):
        await objects.signed_url(BUCKET, f"{prefix}no", 60)
    assert await objects.signed_urls(BUCKET, [], 60) == {}


async def test_refusals_become_ours(objects, storage, prefix, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x")
    with pytest.raises(StorageRefusedError) as refused:
        await objects.upload(buckets.DEPTH_MAPS, f"{prefix}x", path, "video/mp4")
    assert refused.value.details["status"] == 415
    small = f"small-{uuid.uuid4().hex[:8]}"
    await objects.storage.create_bucket(small, options={"file_size_limit": 1000})
    path.write_bytes(b"x" * 1001)
    with pytest.raises(ObjectTooLargeError):
        await objects.upload(small, f"{prefix}x", path, MIME)
    wrong = Connections(storage.database_url, storage.supabase_url, "wrong", "p", None, embedded=True)
    async with Objects.open(wrong) as stranger:
        with pytest.raises(StorageRefusedError):
            await stranger.bucket_names()


async def test_nobody_answers(monkeypatch, tmp_path):
    monkeypatch.setattr("maquette.storage.client.ATTEMPTS", 2)
    nowhere = Connections("", "http://127.0.0.1:9", "secret-key", "p", None, embedded=True)
    async with Objects.open(nowhere) as objects:
        with pytest.raises(StorageUnreachableError) as refused:
            await objects.exists(BUCKET, "x")
    assert "secret-key" not in str(refused.value.as_dict())


async def test_accidents_are_tried_again(tmp_path):
    """A server that fails twice and then works: nobody notices."""
    asked = 0

    async def answer(reader, writer):
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        if asked == 2:
            body = b'{"statusCode":"503","error":"x","message":"x"}'
            writer.write(b"HTTP/1.1 503 X\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        elif asked == 3:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with Objects.open(Connections("", f"http://127.0.0.1:{port}", "k", "p", None, embedded=True)) as objects:
            await objects.download(BUCKET, "x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"data"
    assert asked == 3


async def test_big_objects_pass_through_little_memory(objects, prefix, tmp_path):
    """Client and service share this process, so its peak is the sum of both."""
    size = 100 << 20
    here, there = tmp_path / "here", tmp_path / "there"
    with here.open("wb") as file:
        file.truncate(size)
        file.seek(size - 5)
        file.write(b"ended")
    tracemalloc.start()
    try:
        await objects.upload(BUCKET, f"{prefix}big", here, MIME)
        await objects.download(BUCKET, f"{prefix}big", there)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with here.open("rb") as one, there.open("rb") as two:
        assert hashlib.file_digest(one, "blake2b").digest() == hashlib.file_digest(two, "blake2b").digest()
    assert peak < 32 << 20
    await objects.remove(BUCKET, [f"{prefix}big"])
