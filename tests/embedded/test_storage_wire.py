"""The wire of WIRE.md, seen through supabase-py's own client and through plain HTTP."""

import time
import uuid
from datetime import datetime

import httpx
import jwt
import pytest
from storage3 import AsyncStorageClient
from storage3.exceptions import StorageApiError

from maquette.embedded.storage.tokens import sign

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
BUCKET = "processed-images"


def client_for(storage, key, http):
    headers = {"apikey": storage.publishable_key, "Authorization": f"Bearer {key}"}
    return AsyncStorageClient(f"{storage.supabase_url}/storage/v1/", headers, http_client=http)


@pytest.fixture
async def http(storage):
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def bucket(storage, http):
    return client_for(storage, storage.secret_key, http).from_(BUCKET)


@pytest.fixture
def call(storage, http):
    """A plain call as the service."""

    async def request(method, path, *, key=storage.secret_key, **more):
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        return await http.request(method, f"{storage.supabase_url}/storage/v1{path}", headers=headers, **more)

    return request


def folder():
    return str(uuid.uuid4())


def refused(answer, status_code, error, code, http_status=400):
    body = answer.json()
    assert answer.status_code == http_status, body
    assert (body["statusCode"], body["error"], body["code"]) == (str(status_code), error, code)
    assert body["message"]


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


async def test_missing_objects_and_buckets(call, storage):
    refused(await call("GET", f"/object/{BUCKET}/{folder()}/no.png"), 404, "not_found", "NoSuchKey")
    refused(await call("GET", f"/object/info/{BUCKET}/{folder()}/no.png"), 404, "not_found", "NoSuchKey")
    refused(await call("GET", "/object/no-such-bucket/x"), 404, "Bucket not found", "NoSuchBucket")
    refused(await call("POST", "/object/no-such-bucket/x", content=b"x"), 404, "Bucket not found", "NoSuchBucket")
    refused(await call("GET", "/bucket/no-such-bucket"), 404, "Bucket not found", "NoSuchBucket")
    refused(await call("GET", f"/object/public/{BUCKET}/x", key=None), 404, "Bucket not found", "NoSuchBucket")


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


@pytest.mark.parametrize(
    "key",
    [
        "a%0Ab",
        "%C3%A9",
        "a/%2E%2E/b",
        "..%2Fx",
        "%2E%2E/%2E%2E/%2E%2E/etc/passwd",
        "a//b",
        "a%00b",
        "a%5Cb",
        "x" * 4000,
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_odd_keys(call, storage, method, key):
    # http.client sends the path as it is; httpx would tidy the dots away.
    import http.client

    connection = http.client.HTTPConnection(storage.supabase_url.removeprefix("http://"), timeout=10)
    headers = {"Authorization": f"Bearer {storage.secret_key}", "content-type": "image/png"}
    connection.request(method, f"/storage/v1/object/{BUCKET}/{key}", b"x" if method == "POST" else None, headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    refused(httpx.Response(answer.status, content=body), 400, "InvalidKey", "InvalidKey")


async def test_bad_credentials(call, storage):
    now = int(time.time())
    claims = {"role": "authenticated", "sub": str(uuid.uuid4()), "exp": now + 60}
    foreign = jwt.encode(claims, "another secret, long enough for HS256", algorithm="HS256")
    unsigned = jwt.encode(claims, None, algorithm="none")
    expired = jwt.encode({**claims, "exp": now - 5}, storage.jwt_secret, algorithm="HS256")
    endless = jwt.encode({"role": "authenticated"}, storage.jwt_secret, algorithm="HS256")
    superuser = jwt.encode({**claims, "role": "supabase_admin"}, storage.jwt_secret, algorithm="HS256")
    lent = sign_for(storage, BUCKET, "x")
    for key in (None, "nonsense", "é", foreign, unsigned, expired, endless, superuser, lent, storage.jwt_secret):
        refused(
            await call("GET", f"/object/{BUCKET}/x", key=None, headers=bearer(key)), 403, "Unauthorized", "AccessDenied"
        )


def bearer(key):
    return {"Authorization": b"Bearer " + key.encode()} if key else {}


def sign_for(storage, bucket, key, seconds=60, scope="download"):
    from maquette.embedded.storage.callers import Keys

    return sign(Keys("", "", storage.jwt_secret), scope, bucket, key, seconds)


async def test_the_apikey_header_alone_is_enough(call, storage):
    answer = await call("GET", "/bucket", key=None, headers={"apikey": storage.secret_key})
    assert {"3d-models", BUCKET} <= {bucket["id"] for bucket in answer.json()}
    assert (await call("GET", "/bucket", key=None, headers={"apikey": storage.publishable_key})).json() == []


async def test_listing_shows_one_level_folders_first(bucket, call):
    owner = folder()
    for name in ("b.png", "a.png", "sub/c.png", "sub/deep/d.png", "zoo/e.png"):
        await bucket.upload(f"{owner}/{name}", PNG, {"content-type": "image/png"})
    listed = await bucket.list(owner)
    assert [(entry["name"], entry["id"] is None) for entry in listed] == [
        ("sub", True),
        ("zoo", True),
        ("a.png", False),
        ("b.png", False),
    ]
    assert listed[0]["metadata"] is None
    assert set(listed[2]) == {"name", "id", "updated_at", "created_at", "last_accessed_at", "metadata"}
    assert set(listed[2]["metadata"]) == {
        "eTag",
        "size",
        "mimetype",
        "cacheControl",
        "lastModified",
        "contentLength",
        "httpStatusCode",
    }
    assert listed[2]["created_at"].endswith("Z") and len(listed[2]["created_at"]) == len("2026-11-20T20:50:40.541Z")
    datetime.fromisoformat(listed[2]["created_at"])
    descending = await bucket.list(owner, {"sortBy": {"column": "name", "order": "desc"}, "limit": 3, "offset": 1})
    assert [entry["name"] for entry in descending] == ["sub", "b.png", "a.png"]
    assert [entry["name"] for entry in await bucket.list(owner, {"search": "B"})] == ["b.png"]
    assert [entry["name"] for entry in await bucket.list(f"{owner}/sub/")] == ["deep", "c.png"]
    assert await bucket.list(f"{owner}/su") == []


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


async def test_signed_download(bucket, call, http, storage):
    key = f"{folder()}/a b.png"
    await bucket.upload(key, PNG, {"content-type": "image/png"})
    plain = await call("POST", f"/object/sign/{BUCKET}/{key}", json={"expiresIn": "60"})
    token = plain.json()["signedURL"].partition("?token=")[2]
    assert plain.json()["signedURL"].startswith(f"/object/sign/{BUCKET}/")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) == {"url", "scope", "iat", "exp"}
    assert claims["url"] == f"{BUCKET}/{key}"
    assert claims["exp"] - claims["iat"] == 60
    signed = (await bucket.create_signed_url(key, 60, {"download": "photo é.png"}))["signedURL"]
    fetched = await http.get(signed)
    assert fetched.content == PNG
    assert fetched.headers["content-disposition"] == "attachment; filename*=UTF-8''photo%20%C3%A9.png"
    refused(await call("POST", f"/object/sign/{BUCKET}/no", json={"expiresIn": 60}), 404, "not_found", "NoSuchKey")
    for seconds in (0, -1, "x", None, True):
        answer = await call("POST", f"/object/sign/{BUCKET}/{key}", json={"expiresIn": seconds})
        assert answer.status_code == (200 if seconds is True else 400)


async def test_many_signed_downloads_keep_their_order(bucket, http):
    owner = folder()
    await bucket.upload(f"{owner}/a.png", PNG, {"content-type": "image/png"})
    signed = await bucket.create_signed_urls([f"{owner}/no.png", f"{owner}/a.png"], 60)
    assert [one["path"] for one in signed] == [f"{owner}/no.png", f"{owner}/a.png"]
    assert signed[0]["signedURL"] is None and signed[0]["error"]
    assert signed[1]["error"] is None
    assert (await http.get(signed[1]["signedURL"])).content == PNG


async def test_signed_addresses_are_for_one_object_and_purpose(bucket, call, storage):
    owner = folder()
    for name in ("a.png", "b.png"):
        await bucket.upload(f"{owner}/{name}", PNG, {"content-type": "image/png"})
    path = f"/object/sign/{BUCKET}/{owner}/b.png"
    other = sign_for(storage, BUCKET, f"{owner}/a.png")
    refused(await call("GET", f"{path}?token={other}", key=None), 400, "InvalidSignature", "InvalidSignature")
    purpose = sign_for(storage, BUCKET, f"{owner}/b.png", scope="upload")
    refused(await call("GET", f"{path}?token={purpose}", key=None), 400, "InvalidSignature", "InvalidSignature")
    for bad in ("", "x.y.z", sign_for(storage, BUCKET, f"{owner}/b.png", seconds=-1)):
        refused(await call("GET", f"{path}?token={bad}", key=None), 400, "InvalidJWT", "InvalidJWT")
    session = jwt.encode(
        {"role": "service_role", "url": f"{BUCKET}/{owner}/b.png", "scope": "download", "exp": time.time() + 60},
        storage.jwt_secret,
        algorithm="HS256",
    )
    refused(await call("GET", f"{path}?token={session}", key=None), 400, "InvalidJWT", "InvalidJWT")
    put = f"/object/upload/sign/{BUCKET}/{owner}/b.png?token={sign_for(storage, BUCKET, f'{owner}/b.png')}"
    refused(await call("PUT", put, key=None, content=b"x"), 400, "InvalidSignature", "InvalidSignature")


async def test_signed_upload(bucket, storage, http):
    key = f"{folder()}/up.png"
    signed = await bucket.create_signed_upload_url(key)
    nobody = client_for(storage, storage.publishable_key, http).from_(BUCKET)
    answer = await nobody.upload_to_signed_url(key, signed["token"], PNG, {"content-type": "image/png"})
    assert answer.full_path == f"{BUCKET}/{key}"
    assert await bucket.download(key) == PNG
    with pytest.raises(StorageApiError) as again:
        await nobody.upload_to_signed_url(key, signed["token"], b"x", {"content-type": "image/png"})
    assert again.value.status == "409"


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


async def test_a_page_among_the_objects_may_not_act_as_ours(bucket, call, storage):
    name = f"pages-{uuid.uuid4().hex[:8]}"
    await call("POST", "/bucket", json={"name": name})
    await call("POST", f"/object/{name}/x.html", content=b"<script>", headers={"content-type": "text/html"})
    answer = await call("GET", f"/object/{name}/x.html")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", f"/object/list/{BUCKET}", b"[]"),
        ("POST", f"/object/list/{BUCKET}", b"{"),
        ("POST", f"/object/list/{BUCKET}", b'{"limit": "x"}'),
        ("POST", f"/object/list/{BUCKET}", b'{"sortBy": {"column": "name; drop table x"}}'),
        ("POST", f"/object/list/{BUCKET}", b'{"prefix": "a\\u0000b"}'),
        ("DELETE", f"/object/{BUCKET}", b'{"prefixes": "x"}'),
        ("DELETE", f"/object/{BUCKET}", b'{"prefixes": [1]}'),
        ("DELETE", f"/object/{BUCKET}", b'{"prefixes": ["a\\u0000b"]}'),
        ("POST", "/object/move", b"{}"),
        ("POST", "/object/copy", b'{"bucketId": 1}'),
        ("POST", f"/object/sign/{BUCKET}", b'{"paths": [1], "expiresIn": 5}'),
        ("POST", "/bucket", b'{"name": "x", "file_size_limit": "lots"}'),
        ("POST", "/bucket", b'{"name": "x", "allowed_mime_types": "image/png"}'),
    ],
)
async def test_bodies_that_make_no_sense_are_refused(call, method, path, content):
    answer = await call(method, path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "InvalidRequest"


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"nonsense",
        b"--b\r\n",
        b'--b\r\ncontent-disposition: form-data; name="cacheControl"\r\n\r\n60\r\n--b--\r\n',
        b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\ncontent-type: image/png\r\n\r\ncut off',
    ],
)
async def test_forms_without_a_whole_file_leave_nothing(call, stack, form):
    path = f"/object/{BUCKET}/{folder()}/x.png"
    answer = await call("POST", path, content=form, headers={"content-type": "multipart/form-data; boundary=b"})
    assert answer.json()["code"] == "InvalidRequest"
    refused(await call("GET", path), 404, "not_found", "NoSuchKey")
    assert list((stack.home / "storage" / ".incoming").iterdir()) == []
