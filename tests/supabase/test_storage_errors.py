"""Every row of WIRE.md's table of errors, and what it must leave as it was."""

import time

import jwt
import pytest

from tests.supabase.faults import (
    INVALID_KEY,
    MIME_TYPE,
    NO_SUCH_BUCKET,
    NO_SUCH_KEY,
    TOO_LARGE,
    UNAUTHORIZED,
    fault_of,
)

pytestmark = pytest.mark.supabase


@pytest.mark.parametrize("place", ["", "authenticated/", "info/", "info/authenticated/"])
def test_a_missing_object(service, bucket, folder, place):
    assert fault_of(service.get(f"/object/{place}{bucket}/{folder}/missing.txt")) == NO_SUCH_KEY


def test_a_private_bucket_is_no_public_one(stranger, bucket, put):
    assert fault_of(stranger.get(f"/object/public/{bucket}/{put('a.txt')}")) == NO_SUCH_BUCKET


def test_a_public_bucket_is_read_without_any_key(service, stranger, make_bucket):
    public = make_bucket(public=True)
    service.post(f"/object/{public}/a.txt", content=b"open", headers={"content-type": "text/plain"})
    read = stranger.get(f"/object/public/{public}/a.txt")
    assert (read.status_code, read.content) == (200, b"open")
    assert fault_of(stranger.get(f"/object/public/{public}/missing.txt")) == NO_SUCH_KEY


def test_a_public_bucket_is_not_written_without_a_key(anon, as_owner, service, make_bucket):
    public = make_bucket(public=True)
    for client in (anon, as_owner):
        assert fault_of(client.post(f"/object/{public}/a.txt", content=b"x")) == UNAUTHORIZED
    assert fault_of(service.get(f"/object/{public}/a.txt")) == NO_SUCH_KEY


@pytest.fixture(scope="module")
def strict(make_bucket):
    """Takes PNG and text of at most 100 bytes."""
    return make_bucket(file_size_limit=100, allowed_mime_types=["image/png", "text/*"])


@pytest.mark.parametrize("mime", ["image/jpeg", "application/octet-stream", "image/svg+xml"])
def test_a_mime_type_that_the_bucket_does_not_take(service, strict, folder, mime):
    url = f"/object/{strict}/{folder}/a"
    assert fault_of(service.post(url, content=b"x", headers={"content-type": mime})) == MIME_TYPE
    assert fault_of(service.post(url, files={"file": ("a", b"x", mime)})) == MIME_TYPE
    assert fault_of(service.get(url)) == NO_SUCH_KEY


@pytest.mark.parametrize("mime", ["image/png", "text/csv"])
def test_a_mime_type_that_the_bucket_takes(service, strict, folder, mime):
    answer = service.post(f"/object/{strict}/{folder}/a", content=b"x", headers={"content-type": mime})
    assert answer.status_code == 200, answer.text


def test_an_object_larger_than_the_bucket_takes(service, strict, folder):
    url, png = f"/object/{strict}/{folder}/a.png", {"content-type": "image/png"}
    assert fault_of(service.post(url, content=b"x" * 101, headers=png)) == TOO_LARGE
    assert fault_of(service.post(url, content=iter([b"x" * 60] * 2), headers=png)) == TOO_LARGE
    assert fault_of(service.post(url, files={"file": ("a.png", b"x" * 101, "image/png")})) == TOO_LARGE
    assert fault_of(service.get(url)) == NO_SUCH_KEY
    assert service.post(url, content=b"x" * 100, headers=png).status_code == 200


def test_a_failed_replacement_leaves_the_object_as_it_was(service, strict, folder):
    url, png = f"/object/{strict}/{folder}/b.png", {"content-type": "image/png"}
    service.post(url, content=b"kept", headers=png).raise_for_status()
    again = service.post(url, content=b"x" * 101, headers={**png, "x-upsert": "true"})
    assert fault_of(again) == TOO_LARGE
    assert service.get(url).content == b"kept"


@pytest.mark.parametrize("token", ["not-a-jwt", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.bm90LWEtc2lnbmF0dXJl"])
def test_a_bad_bearer(target, storage_as, bucket, folder, token):
    client = storage_as(target.publishable_key, token)
    assert fault_of(client.get(f"/object/{bucket}/{folder}/a.txt")) == UNAUTHORIZED
    assert fault_of(client.post(f"/object/{bucket}/{folder}/a.txt", content=b"x")) == UNAUTHORIZED


@pytest.mark.parametrize("case", ["expired", "foreign", "unsigned"])
def test_a_forged_or_expired_bearer(target, storage_as, mint, owner, bucket, folder, case):
    claims = {"sub": str(owner.id), "role": "service_role", "exp": int(time.time()) + 600}
    match case:
        case "expired":
            token = mint(**{**claims, "exp": int(time.time()) - 600})
        case "foreign":
            token = mint("another secret that is long enough for HS256", **claims)
        case _:
            token = jwt.encode(claims, "", algorithm="none")
    client = storage_as(target.publishable_key, token)
    assert fault_of(client.post(f"/object/list/{bucket}", json={"prefix": folder})) == UNAUTHORIZED


@pytest.mark.parametrize(
    "key",
    [
        *("line%0Abreak.txt", "tab%09.txt", "null%00.txt", "caf%C3%A9.txt", "%F0%9F%8F%BA.txt"),
        *("up/%2e%2e/a.txt", "%2e%2e/%2e%2e/a.txt"),
        *("back%5Cslash.txt", "hash%23.txt", "percent%25.txt", "brace%7B.txt"),
    ],
)
def test_an_odd_key(service, bucket, folder, key):
    answer = service.post(f"/object/{bucket}/{folder}/{key}", content=b"x", headers={"content-type": "text/plain"})
    assert fault_of(answer) == INVALID_KEY


@pytest.mark.parametrize("key", ["../a.txt", "a/../../a.txt", "é.txt", "a\nb.txt"])
def test_an_odd_key_as_a_destination(service, bucket, put, folder, key):
    order = {"bucketId": bucket, "sourceKey": put("a.txt"), "destinationKey": f"{folder}/{key}"}
    for verb in ("move", "copy"):
        assert fault_of(service.post(f"/object/{verb}", json=order)) == INVALID_KEY


def test_a_key_of_4000_characters_is_refused(service, database, bucket, folder):
    # What refuses it differs: the gateway (414), the index on storage.objects, or the object store below (1,024 bytes).
    answer = service.post(f"/object/{bucket}/{folder}/{'k' * 4000}", content=b"x")
    assert 400 <= answer.status_code < 500, answer.text
    kept = "select count(*) from storage.objects where bucket_id = %s and starts_with(name, %s)"
    assert database.execute(kept, [bucket, folder]).fetchone() == (0,)
