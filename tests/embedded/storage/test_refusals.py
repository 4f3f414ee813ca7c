"""What is refused: bad keys, bad credentials, bodies that make no sense."""

import http.client
import time
import uuid

import httpx
import jwt
import pytest
from tests.embedded.storage.wire import BUCKET, folder, refused, sign_for


async def test_missing_objects_and_buckets(call, storage):
    refused(await call("GET", f"/object/{BUCKET}/{folder()}/no.png"), 404, "not_found", "NoSuchKey")
    refused(await call("GET", f"/object/info/{BUCKET}/{folder()}/no.png"), 404, "not_found", "NoSuchKey")
    refused(await call("GET", "/object/no-such-bucket/x"), 404, "Bucket not found", "NoSuchBucket")
    refused(await call("POST", "/object/no-such-bucket/x", content=b"x"), 404, "Bucket not found", "NoSuchBucket")
    refused(await call("GET", "/bucket/no-such-bucket"), 404, "Bucket not found", "NoSuchBucket")
    refused(await call("GET", f"/object/public/{BUCKET}/x", key=None), 404, "Bucket not found", "NoSuchBucket")


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


async def test_the_apikey_header_alone_is_enough(call, storage):
    answer = await call("GET", "/bucket", key=None, headers={"apikey": storage.secret_key})
    assert {"3d-models", BUCKET} <= {bucket["id"] for bucket in answer.json()}
    assert (await call("GET", "/bucket", key=None, headers={"apikey": storage.publishable_key})).json() == []


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
        ("POST", f"/object/list/{BUCKET}", b"[" * 100_000),
        ("POST", f"/object/list/{BUCKET}", b'{"prefix": "\\ud800"}'),
        ("POST", "/object/move", b'{"bucketId": "\\ud800"}'),
        ("POST", f"/object/sign/{BUCKET}", b'{"paths": ["\\ud800"], "expiresIn": 5}'),
        ("POST", "/bucket", b'{"name": "y", "file_size_limit": 99999999999999999999}'),
        ("GET", "/object/info/a%00b/c", b""),
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
