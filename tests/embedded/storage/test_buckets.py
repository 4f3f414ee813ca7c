"""Buckets: made, narrowed down, limited."""

import uuid

import pytest
from storage3.exceptions import StorageApiError
from tests.embedded.storage.wire import client_for, refused


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
