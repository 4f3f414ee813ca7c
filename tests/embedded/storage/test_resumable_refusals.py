"""Uploads by the tus protocol: what is refused, and to whom."""

import hashlib
import json
import time
import uuid

import psycopg
import pytest
from tests.embedded.storage.wire import BUCKET, PNG, described, files_under, folder, refused, token_for

from maquette.embedded.storage.callers import Keys
from maquette.embedded.storage.tokens import sign

STREAM = {"Content-Type": "application/offset+octet-stream"}
NOT_FOUND = (404, "The file for this url was not found\n")


def heard(answer):
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.status_code, answer.text


def metadata(**changes):
    return described(**{"bucketName": BUCKET, "objectName": "x/x.png", "contentType": "image/png"} | changes)


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({"Upload-Length": None}, 400, "Upload-Length or Upload-Defer-Length header required\n"),
        ({"Upload-Length": None, "Upload-Defer-Length": "1"}, 501, "creation-defer-length extension is not"),
        ({"Upload-Concat": "partial"}, 501, "Concatenation extension is not"),
        ({"Upload-Length": "-1"}, 400, "Invalid upload-length\n"),
        ({"Upload-Length": "1e3"}, 400, "Invalid upload-length\n"),
        ({"Upload-Length": "9" * 16}, 400, "Invalid upload-length\n"),
        ({"Upload-Metadata": None}, 400, "Metadata header is required"),
        ({"Upload-Metadata": "bucketName !!!"}, 400, "Upload-Metadata is invalid"),
        ({"Upload-Metadata": "bucketName eA==,bucketName eA=="}, 400, "Upload-Metadata is invalid"),
        ({"Upload-Metadata": "bucketName /w=="}, 400, "Upload-Metadata is invalid"),
        ({"Upload-Metadata": "x " + "eHh4" * 5000}, 400, "Upload-Metadata is invalid"),
        ({"Upload-Metadata": metadata(metadata="{")}, 400, "The metadata is not JSON"),
        ({"Upload-Metadata": metadata(contentType="video/mp4")}, 415, "mime type video/mp4 is not supported"),
        ({"Upload-Metadata": metadata(bucketName="no-such-bucket")}, 404, "Bucket not found"),
        ({"Upload-Metadata": metadata(bucketName="../x")}, 400, "Bucket name invalid"),
        ({"Upload-Metadata": metadata(objectName="")}, 400, "Invalid key"),
        ({"Upload-Metadata": metadata(objectName="a/../b")}, 400, "Invalid key"),
        ({"Upload-Metadata": metadata(objectName="a\nb")}, 400, "Invalid key"),
        ({"Upload-Metadata": metadata(objectName="é")}, 400, "Invalid key"),
        ({"Upload-Metadata": metadata(objectName="x" * 4000)}, 400, "Invalid key"),
    ],
)
async def test_creations_that_make_no_sense(tus, stack, headers, status, text):
    sent = {"Upload-Length": "3", "Upload-Metadata": metadata(), **headers}
    before = files_under(stack.home / "storage" / ".resumable")
    answer = await tus("POST", "/upload/resumable", headers={name: sent[name] for name in sent if sent[name]})
    assert heard(answer)[0] == status
    assert answer.text.startswith(text)
    assert files_under(stack.home / "storage" / ".resumable") == before


async def test_the_protocol_must_be_named(call):
    assert heard(await call("POST", "/upload/resumable")) == (412, "Tus-Resumable Required\n")
    odd = await call("POST", "/upload/resumable", headers={"Tus-Resumable": "0.2.2"})
    assert heard(odd) == (400, "Invalid tus-resumable\n")


async def test_pieces_that_do_not_fit(begin, send, tus):
    address, _ = await begin(len(PNG))
    await send(address, 0, PNG[:100])
    assert heard(await send(address, 99, PNG[99:])) == (409, "Upload-Offset conflict\n")
    assert heard(await send(address, 101, PNG[101:])) == (409, "Upload-Offset conflict\n")
    assert heard(await send(address, "x", b"")) == (400, "Invalid upload-offset\n")
    missing = await tus("PATCH", address, headers=STREAM, content=b"")
    assert heard(missing) == (403, "Upload-Offset header required\n")
    plain = await send(address, 100, b"x", headers={"Content-Type": "text/plain"})
    assert heard(plain) == (400, "Invalid content-type\n")
    assert (await tus("HEAD", address)).headers["upload-offset"] == "100"


async def test_no_more_bytes_than_declared(begin, send, tus, bucket):
    address, key = await begin(3_000_000)
    await send(address, 0, b"x" * 100)
    assert heard(await send(address, 100, b"y" * 3_000_000)) == (413, "upload's size exceeded\n")

    async def in_chunks():
        for _ in range(310):
            yield b"y" * 10_000

    # Nothing says beforehand how much comes: none of it may count, although most of it is written by then.
    assert heard(await send(address, 100, in_chunks())) == (413, "upload's size exceeded\n")
    assert (await tus("HEAD", address)).headers["upload-offset"] == "100"
    assert (await send(address, 100, b"z" * 2_999_900)).status_code == 204
    whole = b"x" * 100 + b"z" * 2_999_900
    assert await bucket.download(key) == whole
    assert (await bucket.info(key))["etag"] == f'"{hashlib.md5(whole, usedforsecurity=False).hexdigest()}"'


async def test_the_buckets_limit_at_the_beginning_and_after(call, tus, begin, send, small_bucket):
    sent = {"Upload-Length": "1001", "Upload-Metadata": metadata(bucketName=small_bucket)}
    assert heard(await tus("POST", "/upload/resumable", headers=sent)) == (413, "Maximum size exceeded\n")
    address, _ = await begin(1000, bucket=small_bucket)
    await call("PUT", f"/bucket/{small_bucket}", json={"file_size_limit": 500})
    assert heard(await send(address, 0, b"x" * 1000)) == (413, "Maximum size exceeded\n")
    await call("PUT", f"/bucket/{small_bucket}", json={"file_size_limit": 1000, "allowed_mime_types": ["text/plain"]})
    assert heard(await send(address, 0, b"x" * 1000)) == (415, "mime type image/png is not supported")
    await call("DELETE", f"/bucket/{small_bucket}")
    assert heard(await send(address, 0, b"x" * 1000)) == (404, "Bucket not found")


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("upload", ["00000000-0000-4000-8000-000000000000", "x", "x.json", "%00", "é"])
async def test_uploads_that_nobody_began(tus, method, upload):
    answer = await tus(method, f"/upload/resumable/{upload}", headers={**STREAM, "Upload-Offset": "0"}, content=b"")
    assert answer.status_code == 404
    assert method == "HEAD" or heard(answer) == NOT_FOUND


async def test_bad_keys_are_refused_as_everywhere(call, storage):
    address = f"/upload/resumable/{uuid.uuid4()}"
    for key in (None, "nonsense", token_for(storage, uuid.uuid4(), seconds=-5)):
        sent = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": metadata()}
        answer = await call("POST", "/upload/resumable", key=key, headers=sent)
        refused(answer, 403, "Unauthorized", "AccessDenied")
        refused(await call("DELETE", address, key=key, headers=sent), 403, "Unauthorized", "AccessDenied")


@pytest.fixture
def open_bucket(storage):
    """A bucket in which users may keep what lies under their own id, and nobody else may anything."""
    name = f"own-{uuid.uuid4().hex[:8]}"
    policy = f'"Users keep their own in {name}"'
    with psycopg.connect(storage.database_url) as connection:
        connection.execute("insert into storage.buckets (id, name) values (%s, %s)", [name, name])
        mine = f"bucket_id = '{name}' and (storage.foldername(name))[1] = (select auth.uid())::text"
        connection.execute(
            f"create policy {policy} on storage.objects for all to authenticated using ({mine}) with check ({mine})"
        )
    yield name
    with psycopg.connect(storage.database_url) as connection:
        connection.execute(f"drop policy {policy} on storage.objects")


async def test_row_security_decides_at_the_beginning(storage, tus, begin, send, rows, open_bucket):
    user, other = uuid.uuid4(), uuid.uuid4()
    mine = token_for(storage, user)
    for key, where in ((mine, str(other)), (token_for(storage, other), str(user)), (storage.publishable_key, "x")):
        sent = {"Upload-Length": "1", "Upload-Metadata": metadata(bucketName=open_bucket, objectName=f"{where}/x")}
        answer = await tus("POST", "/upload/resumable", as_=key, headers=sent)
        assert heard(answer) == (403, "new row violates row-level security policy")


async def test_row_security_decides_at_the_end(storage, tus, begin, send, rows, open_bucket, stack):
    user = uuid.uuid4()
    mine = token_for(storage, user)
    address, key = await begin(2, key=f"{user}/a", bucket=open_bucket, as_=mine)
    assert (await send(address, 0, b"a", as_=mine)).status_code == 204
    with psycopg.connect(storage.database_url) as connection:
        connection.execute(
            f'alter policy "Users keep their own in {open_bucket}" on storage.objects using (false) with check (false)'
        )
    answer = await send(address, 1, b"b", as_=mine)
    assert heard(answer) == (403, "new row violates row-level security policy")
    assert rows(key) == []
    assert files_under(stack.home / "storage" / open_bucket) == []


async def test_nobody_else_goes_on_with_it(storage, tus, begin, send, rows, open_bucket):
    user = uuid.uuid4()
    mine = token_for(storage, user)
    address, key = await begin(2, key=f"{user}/a", bucket=open_bucket, as_=mine)
    strangers = (token_for(storage, uuid.uuid4()), storage.publishable_key, storage.secret_key)
    for stranger in strangers:
        assert (await tus("HEAD", address, as_=stranger)).status_code == 404
        assert heard(await send(address, 0, b"ab", as_=stranger)) == NOT_FOUND
        assert heard(await tus("DELETE", address, as_=stranger)) == NOT_FOUND
    renewed = token_for(storage, user, seconds=120)
    assert (await send(address, 0, b"ab", as_=renewed)).status_code == 204
    assert [(row[0], row[1]) for row in rows(key)] == [(open_bucket, str(user))]


async def test_a_signature_takes_the_place_of_a_key(call, begin, send, tus, bucket, storage):
    key = f"{folder()}/x.png"
    token = (await bucket.create_signed_upload_url(key))["token"]
    by = {"x-signature": token}
    path = "/upload/resumable/sign"
    address, _ = await begin(3, path=path, key=key, as_=None, headers=by)
    assert "/storage/v1/upload/resumable/sign/" in address
    assert (await tus("HEAD", address, as_=None, headers=by)).headers["upload-offset"] == "0"
    assert heard(await send(address, 0, b"a", as_=None)) == (400, "Missing x-signature header")
    other = (await bucket.create_signed_upload_url(key + "2"))["token"]
    assert (await send(address, 0, b"a", as_=None, headers={"x-signature": other})).status_code == 400
    # The upload of a signature is not that of a key, and the other way round.
    assert (await send(address.replace("/sign/", "/"), 0, b"a")).status_code == 404
    plain, _ = await begin(3, key=key)
    upload = plain.rpartition("/")[2]
    assert (await send(f"{path}/{upload}", 0, b"a", as_=None, headers=by)).status_code == 404
    assert (await send(address, 0, b"abc", as_=None, headers=by)).status_code == 204
    assert await bucket.download(key) == b"abc"


async def test_signatures_for_something_else(storage, tus):
    keys = Keys("", "", storage.jwt_secret)
    sent = {"Upload-Length": "3", "Upload-Metadata": metadata()}
    for token, text in (
        (sign(keys, "download", BUCKET, "x/x.png", 60), "The signature does not match this object"),
        (sign(keys, "upload", BUCKET, "x/y.png", 60), "The signature does not match this object"),
        (sign(keys, "upload", BUCKET, "x/x.png", -1), "Signature has expired"),
        ("nonsense", "Not enough segments"),
        (token_for(storage, uuid.uuid4(), role="service_role"), "Signature verification failed"),
    ):
        answer = await tus("POST", "/upload/resumable/sign", as_=None, headers={**sent, "x-signature": token})
        assert heard(answer) == (400, text)


async def test_an_upload_expires(begin, tus, send, stack):
    address, _ = await begin(3)
    record = stack.home / "storage" / ".resumable" / f"{address.rpartition('/')[2]}.json"
    a_day_ago = time.time() - 24 * 3600 - 1
    record.write_text(json.dumps(json.loads(record.read_text()) | {"created_at": a_day_ago}))
    gone = (410, "The file for this url no longer exists\n")
    assert heard(await send(address, 0, b"abc")) == gone
    assert (await tus("HEAD", address)).status_code == 410
    assert heard(await tus("DELETE", address)) == gone
