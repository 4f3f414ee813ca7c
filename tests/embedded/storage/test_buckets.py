"""Buckets: made, narrowed down, limited."""

import asyncio
import uuid

import pytest
from storage3.exceptions import StorageApiError
from tests.embedded.storage.wire import client_for, files_under, refused


async def test_buckets(storage, http):
    client = client_for(storage, storage.secret_key, http)
    name = f"made-{uuid.uuid4().hex[:8]}"
    assert await client.create_bucket(name, options={"public": True, "file_size_limit": 1 << 20}) == {"name": name}
    with pytest.raises(StorageApiError) as twice:
        await client.create_bucket(name)
    assert twice.value.status == "409"
    made = await client.get_bucket(name)
    assert (made.id, made.public, made.file_size_limit) == (name, True, 1 << 20)
    assert name in {bucket.id for bucket in await client.list_buckets()}
    await client.from_(name).upload("x.txt", b"for all", {"content-type": "text/plain"})
    assert (await http.get(f"{storage.supabase_url}/storage/v1/object/public/{name}/x.txt")).content == b"for all"
    for odd in ("..", ".incoming", "a/b", "é", ""):
        with pytest.raises(StorageApiError):
            await client.create_bucket(odd, odd or "")


@pytest.mark.parametrize("as_form", [False, True])
async def test_mime_types_and_sizes_of_the_bucket(call, as_form):
    name = f"small-{uuid.uuid4().hex[:8]}"
    made = await call(
        "POST", "/bucket", json={"name": name, "file_size_limit": 1000, "allowed_mime_types": ["image/*", "text/plain"]}
    )
    assert made.json() == {"name": name}

    def body(content, mime):
        if as_form:
            return {"files": {"file": ("x", content, mime)}, "data": {"cacheControl": "60"}}
        return {"content": content, "headers": {"content-type": mime}}

    ok = await call("POST", f"/object/{name}/a", **body(b"x" * 1000, "image/webp"))
    assert ok.status_code == 200
    assert (await call("POST", f"/object/{name}/b", **body(b"x", "text/plain;charset=UTF-8"))).status_code == 200
    refused(
        await call("POST", f"/object/{name}/c", **body(b"x" * 1001, "image/png")),
        413,
        "Payload too large",
        "EntityTooLarge",
    )
    refused(
        await call("POST", f"/object/{name}/c", **body(b"x" * 5_000_000, "image/png")),
        413,
        "Payload too large",
        "EntityTooLarge",
    )
    refused(
        await call("POST", f"/object/{name}/d", **body(b"x", "video/mp4")), 415, "invalid_mime_type", "InvalidMimeType"
    )
    listed = await call("POST", f"/object/list/{name}", json={"prefix": "", "limit": 100, "offset": 0})
    assert [entry["name"] for entry in listed.json()] == ["a", "b"]


async def test_the_list_narrowed_and_sorted(call):
    word = uuid.uuid4().hex[:8]
    for name in ("c", "a", "b"):
        await call("POST", "/bucket", json={"name": f"{name}-{word}"})

    async def names(query):
        return [bucket["name"][0] for bucket in (await call("GET", f"/bucket?search={word}&{query}")).json()]

    assert await names("") == ["a", "b", "c"]
    assert await names("sortColumn=name&sortOrder=desc&limit=2") == ["c", "b"]
    assert await names("sortColumn=created_at&offset=1") == ["a", "b"]
    for odd in ("sortColumn=owner", "sortOrder=up", "limit=x", "offset=-1"):
        refused(await call("GET", f"/bucket?{odd}"), 400, "invalid_request", "InvalidRequest")


@pytest.mark.parametrize("how", ["told", "in chunks", "told too little"])
@pytest.mark.parametrize("kind", ["raw", "form"])
async def test_more_bytes_than_the_bucket_takes(call, storage, stack, small_bucket, how, kind):
    """However the body's size is told. If too little, the rest of it is no part of this request."""
    content = b"x" * 5000
    mime = "image/png"
    if kind == "form":
        start = b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\ncontent-type: image/png\r\n\r\n'
        content, mime = start + content + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"
    path = f"/object/{small_bucket}/x"
    if how == "told too little":
        reader, writer = await asyncio.open_connection("127.0.0.1", int(storage.supabase_url.rpartition(":")[2]))
        writer.write(
            f"POST /storage/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {storage.secret_key}\r\n"
            f"Content-Type: {mime}\r\nContent-Length: 700\r\n\r\n".encode()
            + content
        )
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
        stored = await call("GET", path)
        if stored.status_code == 200:
            assert (kind, status.split()[1], stored.content) == ("raw", b"200", b"x" * 700)
        else:
            refused(stored, 404, "not_found", "NoSuchKey")
    else:

        async def in_chunks():
            for start in range(0, len(content), 500):
                yield content[start : start + 500]

        answer = await call(
            "POST", path, content=content if how == "told" else in_chunks(), headers={"Content-Type": mime}
        )
        refused(answer, 413, "Payload too large", "EntityTooLarge")
        refused(await call("GET", path), 404, "not_found", "NoSuchKey")
        assert files_under(stack.home / "storage" / small_bucket) == []
    for _ in range(500):  # the service may still be tidying up after a client that went away
        if not files_under(stack.home / "storage" / ".incoming"):
            break
        await asyncio.sleep(0.02)
    assert files_under(stack.home / "storage" / ".incoming") == []
