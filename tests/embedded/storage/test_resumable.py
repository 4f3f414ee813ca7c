"""Uploads by the tus protocol: in pieces, going on, finishing."""

import hashlib

import pytest
from tests.embedded.storage.wire import BUCKET, PNG, described, files_under, folder


async def test_an_upload_in_pieces_of_any_size(begin, send, tus, bucket, rows, stack):
    address, key = await begin(len(PNG))
    offset = 0
    for size in (1, 5000, 0, 3, len(PNG)):
        answer = await send(address, offset, PNG[offset : offset + size])
        offset = min(offset + size, len(PNG))
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(offset))
        head = await tus("HEAD", address)
        assert (head.status_code, head.headers["upload-offset"]) == (200, str(offset))
        assert ("upload-expires" in head.headers) is (offset < len(PNG))
        assert len(rows(key)) == (offset == len(PNG))
    assert await bucket.download(key) == PNG
    [(_, _, version, metadata, _)] = rows(key)
    assert metadata["eTag"] == f'"{hashlib.md5(PNG, usedforsecurity=False).hexdigest()}"'
    assert (metadata["size"], metadata["mimetype"], metadata["cacheControl"]) == (len(PNG), "image/png", "max-age=60")
    assert version == address.rpartition("/")[2]
    # One copy of the bytes is left, and the record by which a client that missed the last answer learns of the end.
    assert [path.name for path in files_under(stack.home / "storage") if version in path.name] == [
        f"{version}.json",
        version,
    ]


async def test_what_create_answers(tus, begin):
    address, _ = await begin(5)
    head = await tus("HEAD", address)
    assert head.headers["upload-length"] == "5"
    assert "bucketName" in head.headers["upload-metadata"]
    assert head.headers["cache-control"] == "no-store"


async def test_the_address_is_the_one_the_client_used(begin, storage, tus):
    address, _ = await begin(5)
    assert address.startswith(f"{storage.supabase_url}/storage/v1/upload/resumable/")
    address, _ = await begin(5, path="/upload/resumable/")
    assert address.startswith(f"{storage.supabase_url}/storage/v1/upload/resumable/")
    # As through a proxy of this machine that speaks TLS to the world.
    address, _ = await begin(5, headers={"Host": "maquette.example:8443", "X-Forwarded-Proto": "https"})
    assert address.startswith("https://maquette.example:8443/storage/v1/upload/resumable/")


async def test_bytes_may_come_with_the_creation(begin, tus, bucket, send):
    stream = {"Content-Type": "application/offset+octet-stream"}
    address, key = await begin(len(PNG), headers=stream, content=PNG)
    assert await bucket.download(key) == PNG
    address, key = await begin(len(PNG), headers=stream, content=PNG[:100])
    assert (await tus("HEAD", address)).headers["upload-offset"] == "100"
    assert (await send(address, 100, PNG[100:])).status_code == 204
    assert await bucket.download(key) == PNG


async def test_an_empty_object(begin, bucket, tus):
    address, key = await begin(0)
    assert await bucket.download(key) == b""
    assert (await tus("HEAD", address)).headers["upload-offset"] == "0"


async def test_a_finished_upload_says_so_and_stays(begin, send, tus, bucket):
    address, key = await begin(3)
    await send(address, 0, b"abc")
    again = await send(address, 3, b"")
    assert (again.status_code, again.headers["upload-offset"]) == (204, "3")
    assert (await send(address, 0, b"abc")).status_code == 409
    assert (await tus("DELETE", address)).status_code == 400
    assert await bucket.download(key) == b"abc"


async def test_termination_frees_the_space(begin, send, tus, stack):
    address, _ = await begin(len(PNG))
    await send(address, 0, PNG[:5000])
    assert (await tus("DELETE", address)).status_code == 204
    upload = address.rpartition("/")[2]
    assert [path for path in files_under(stack.home / "storage") if upload in path.name] == []
    assert (await tus("HEAD", address)).status_code == 404
    assert (await send(address, 5000, PNG[5000:])).status_code == 404
    assert (await tus("DELETE", address)).status_code == 404


async def test_replacing_takes_x_upsert(begin, send, tus, bucket, stack):
    address, key = await begin(3)
    await send(address, 0, b"one")
    metadata = {"Upload-Length": "3", "Upload-Metadata": described(bucketName=BUCKET, objectName=key)}
    refused = await tus("POST", "/upload/resumable", headers=metadata)
    assert (refused.status_code, refused.text) == (415, "mime type application/octet-stream is not supported")
    metadata["Upload-Metadata"] += "," + described(contentType="image/png")
    refused = await tus("POST", "/upload/resumable", headers=metadata)
    assert (refused.status_code, refused.text) == (409, "The resource already exists")
    address, _ = await begin(3, key=key, headers={"x-upsert": "true"})
    assert (await send(address, 0, b"two")).status_code == 204
    assert await bucket.download(key) == b"two"
    assert len(files_under(stack.home / "storage" / BUCKET / key.partition("/")[0])) == 1


async def test_a_key_taken_meanwhile_refuses_the_end(begin, send, tus, bucket, stack):
    address, key = await begin(3)
    await bucket.upload(key, b"mine", {"content-type": "image/png"})
    answer = await send(address, 0, b"abc")
    assert (answer.status_code, answer.text) == (409, "The resource already exists")
    assert await bucket.download(key) == b"mine"
    assert (await tus("HEAD", address)).status_code == 404
    assert len(files_under(stack.home / "storage" / BUCKET / key.partition("/")[0])) == 1


async def test_what_users_say_about_the_object(tus, send, rows):
    key = f"{folder()}/x.png"
    metadata = described(bucketName=BUCKET, objectName=key, contentType="image/png", metadata='{"made": "hére"}')
    answer = await tus("POST", "/upload/resumable", headers={"Upload-Length": "1", "Upload-Metadata": metadata})
    await send(answer.headers["location"], 0, b"x")
    [(_, _, _, known, said)] = rows(key)
    assert (known["cacheControl"], said) == ("no-cache", {"made": "hére"})


@pytest.mark.parametrize("path", ["/upload/resumable", "/upload/resumable/sign", "/upload/resumable/x"])
async def test_options_tell_what_is_spoken(call, path):
    answer = await call("OPTIONS", path, key=None)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,creation-with-upload,termination,expiration"
