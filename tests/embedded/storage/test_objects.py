"""Objects: in, out, replaced, moved, removed; through supabase-py's own client and through plain HTTP."""

import uuid

import pytest
from storage3.exceptions import StorageApiError
from tests.embedded.storage.wire import BUCKET, PNG, folder, refused


async def test_upload_and_download(bucket):
    key = f"{folder()}/a b/photo (1).png"
    answer = await bucket.upload(key, PNG, {"content-type": "image/png"})
    assert answer.full_path == f"{BUCKET}/{key}"
    assert await bucket.download(key) == PNG


async def test_raw_body_answers_key_and_id(call):
    key = f"{folder()}/x.png"
    answer = await call("POST", f"/object/{BUCKET}/{key}", content=PNG, headers={"content-type": "image/png"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"Key", "Id"}
    assert answer.json()["Key"] == f"{BUCKET}/{key}"
    uuid.UUID(answer.json()["Id"])


async def test_a_second_upload_is_a_duplicate_until_asked_to_replace(bucket, call):
    key = f"{folder()}/x.png"
    await bucket.upload(key, PNG, {"content-type": "image/png"})
    with pytest.raises(StorageApiError) as duplicate:
        await bucket.upload(key, b"other", {"content-type": "image/png"})
    assert (duplicate.value.status, duplicate.value.code) == ("409", "Duplicate")
    assert await bucket.download(key) == PNG
    await bucket.upload(key, b"other", {"content-type": "image/png", "upsert": "true"})
    assert await bucket.download(key) == b"other"
    await bucket.update(key, b"third", {"content-type": "image/png"})
    assert await bucket.download(key) == b"third"
    refused(
        await call("POST", f"/object/{BUCKET}/{key}", content=b"", headers={"content-type": "image/png"}),
        409,
        "Duplicate",
        "KeyAlreadyExists",
    )


async def test_replacing_leaves_one_file(stack, bucket):
    owner = folder()
    for content in (b"one", b"two", b"three"):
        await bucket.upload(f"{owner}/x.png", content, {"content-type": "image/png", "upsert": "true"})
    files = [path for path in (stack.home / "storage" / BUCKET / owner).rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"three"]


async def test_an_object_and_a_folder_may_have_the_same_name(bucket):
    owner = folder()
    for key in (f"{owner}/a", f"{owner}/a/b", f"{owner}/a/b/c"):
        await bucket.upload(key, key.encode(), {"content-type": "image/png"})
    for key in (f"{owner}/a", f"{owner}/a/b", f"{owner}/a/b/c"):
        assert await bucket.download(key) == key.encode()
    await bucket.remove([f"{owner}/a"])
    assert await bucket.download(f"{owner}/a/b") == f"{owner}/a/b".encode()


async def test_an_empty_object(bucket):
    key = f"{folder()}/empty.png"
    await bucket.upload(key, b"", {"content-type": "image/png"})
    assert await bucket.download(key) == b""
    assert (await bucket.info(key))["size"] == 0


async def test_info_and_exists(bucket):
    key = f"{folder()}/x.png"
    await bucket.upload(key, PNG, {"content-type": "image/png", "cache-control": "60", "metadata": {"made": "here"}})
    known = await bucket.info(key)
    assert set(known) == {
        "id",
        "name",
        "version",
        "bucket_id",
        "size",
        "content_type",
        "cache_control",
        "etag",
        "metadata",
        "last_modified",
        "created_at",
    }
    assert (known["size"], known["content_type"], known["cache_control"]) == (len(PNG), "image/png", "max-age=60")
    assert known["metadata"] == {"made": "here"}
    assert await bucket.exists(key)
    assert not await bucket.exists(key + "2")


async def test_ranges_and_etags(call):
    path = f"/object/{BUCKET}/{folder()}/x.png"
    await call("POST", path, content=PNG, headers={"content-type": "image/png"})
    whole = await call("GET", path)
    assert whole.content == PNG
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(PNG)
    for asked, start, end in (
        ("0-0", 0, 1),
        ("10-19", 10, 20),
        ("100-", 100, size),
        ("-7", size - 7, size),
        ("5-999999", 5, size),
    ):
        part = await call("GET", path, headers={"range": f"bytes={asked}"})
        assert part.status_code == 206
        assert part.content == PNG[start:end]
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    refused(await call("GET", path, headers={"range": f"bytes={size}-"}), 416, "InvalidRange", "InvalidRange", 416)
    for odd in ("bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=a-b"):
        assert (await call("GET", path, headers={"range": odd})).status_code == 200
    etag = whole.headers["etag"]
    same = await call("GET", path, headers={"if-none-match": f'"other", {etag}'})
    assert (same.status_code, same.content) == (304, b"")
    assert (await call("GET", path, headers={"if-none-match": '"other"'})).status_code == 200
    assert (await call("GET", path, headers={"if-modified-since": whole.headers["last-modified"]})).status_code == 304
    stale = await call("GET", path, headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert stale.status_code == 200
    head = await call("HEAD", path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))


async def test_remove_answers_what_was_there(bucket, stack):
    owner = folder()
    await bucket.upload(f"{owner}/x/y.png", PNG, {"content-type": "image/png"})
    removed = await bucket.remove([f"{owner}/x/y.png", f"{owner}/missing.png"])
    assert [one["name"] for one in removed] == [f"{owner}/x/y.png"]
    assert await bucket.remove([f"{owner}/x/y.png"]) == []
    assert not (stack.home / "storage" / BUCKET / owner).exists()


async def test_remove_one(call):
    path = f"/object/{BUCKET}/{folder()}/x.png"
    await call("POST", path, content=PNG, headers={"content-type": "image/png"})
    assert (await call("DELETE", path)).json() == {"message": "Successfully deleted"}
    refused(await call("DELETE", path), 404, "not_found", "NoSuchKey")


async def test_move_and_copy(bucket, call):
    owner = folder()
    await bucket.upload(f"{owner}/a.png", PNG, {"content-type": "image/png"})
    copied = await bucket.copy(f"{owner}/a.png", f"{owner}/copies/b.png")
    assert copied["Key"] == f"{BUCKET}/{owner}/copies/b.png"
    assert await bucket.move(f"{owner}/a.png", f"{owner}/c.png") == {"message": "Successfully moved"}
    assert not await bucket.exists(f"{owner}/a.png")
    await bucket.upload(f"{owner}/c.png", b"new", {"content-type": "image/png", "upsert": "true"})
    assert await bucket.download(f"{owner}/copies/b.png") == PNG
    move = {"bucketId": BUCKET, "sourceKey": f"{owner}/c.png", "destinationKey": f"{owner}/copies/b.png"}
    refused(await call("POST", "/object/move", json=move), 409, "Duplicate", "KeyAlreadyExists")
    refused(await call("POST", "/object/copy", json=move), 409, "Duplicate", "KeyAlreadyExists")
    assert await bucket.download(f"{owner}/c.png") == b"new"
    gone = {**move, "sourceKey": f"{owner}/none.png"}
    refused(await call("POST", "/object/move", json=gone), 404, "not_found", "NoSuchKey")
    refused(await call("POST", "/object/copy", json=gone), 404, "not_found", "NoSuchKey")
    refused(
        await call("POST", "/object/move", json={**move, "destinationKey": "../x"}), 400, "InvalidKey", "InvalidKey"
    )


async def test_a_page_among_the_objects_may_not_act_as_ours(bucket, call, storage):
    name = f"pages-{uuid.uuid4().hex[:8]}"
    await call("POST", "/bucket", json={"name": name})
    await call("POST", f"/object/{name}/x.html", content=b"<script>", headers={"content-type": "text/html"})
    answer = await call("GET", f"/object/{name}/x.html")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
