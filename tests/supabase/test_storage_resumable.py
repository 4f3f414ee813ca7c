"""Resumable uploads (TUS 1.0.0): https://supabase.com/docs/guides/storage/uploads/resumable-uploads.

Unlike the rest of Storage, a refusal here has its true HTTP status and a sentence as its body (onResponseError in
supabase/storage, src/http/routes/tus/lifecycle.ts); what the protocol itself demands is https://tus.io/protocols.
"""

import base64
import os
from urllib.parse import urljoin

import pytest

from tests.supabase.faults import NO_SUCH_KEY, fault_of
from tests.supabase.node import run

pytestmark = pytest.mark.supabase

MIB = 1 << 20
# Supabase takes no other size of chunk, the last one excepted.
CHUNK_BYTES = 6 * MIB


@pytest.fixture
def photos(tmp_path):
    """A file of three chunks, and what is in it."""
    data = os.urandom(13 * MIB)
    (tmp_path / "photos.zip").write_bytes(data)
    return tmp_path / "photos.zip", data


@pytest.fixture
def upload(node, target, bucket):
    """Uploads a file with tus-js-client."""

    def upload(key, path, signature=None, upsert="false", **more):
        bearer = {"authorization": f"Bearer {target.secret_key}", "apikey": target.secret_key, "x-upsert": upsert}
        return run(
            node,
            "resumable.mjs",
            endpoint=f"{target.supabase_url}/storage/v1/upload/resumable{'/sign' if signature else ''}",
            headers={"x-signature": signature} if signature else bearer,
            metadata={"bucketName": bucket, "objectName": key, "contentType": "application/zip", "cacheControl": "60"},
            path=str(path),
            chunkBytes=CHUNK_BYTES,
            **more,
        )

    return upload


def test_a_whole_upload(upload, service, bucket, folder, photos):
    path, data = photos
    done = upload(f"{folder}/a.zip", path)
    assert done["sent"] == len(data)
    read = service.get(f"/object/{bucket}/{folder}/a.zip")
    assert read.content == data
    assert (read.headers["content-type"], read.headers["cache-control"]) == ("application/zip", "max-age=60")
    [row] = service.post(f"/object/list/{bucket}", json={"prefix": folder}).json()
    assert (row["name"], row["metadata"]["size"]) == ("a.zip", len(data))


def test_an_interrupted_upload_goes_on_where_it_was(upload, service, target, bucket, folder, photos):
    path, data = photos
    broken = upload(f"{folder}/b.zip", path, dieAfter=1)
    assert broken["sent"] == CHUNK_BYTES
    assert fault_of(service.get(f"/object/{bucket}/{folder}/b.zip")) == NO_SUCH_KEY
    kept = service.head(broken["url"], headers={"tus-resumable": "1.0.0"})
    assert (kept.status_code, kept.headers["upload-offset"]) == (200, str(CHUNK_BYTES))
    assert kept.headers["upload-length"] == str(len(data))
    done = upload(f"{folder}/b.zip", path, url=broken["url"])
    assert done["sent"] == len(data) - CHUNK_BYTES
    assert service.get(f"/object/{bucket}/{folder}/b.zip").content == data


def test_a_signed_upload_needs_no_key(upload, service, bucket, folder, photos):
    path, data = photos
    token = service.post(f"/object/upload/sign/{bucket}/{folder}/c.zip").json()["token"]
    broken = upload(f"{folder}/c.zip", path, token, dieAfter=2)
    done = upload(f"{folder}/c.zip", path, token, url=broken["url"])
    assert done["sent"] == len(data) - 2 * CHUNK_BYTES
    assert service.get(f"/object/{bucket}/{folder}/c.zip").content == data


def test_a_signed_upload_writes_no_other_path(upload, service, bucket, folder, photos):
    path, _ = photos
    token = service.post(f"/object/upload/sign/{bucket}/{folder}/d.zip").json()["token"]
    refused = upload(f"{folder}/other.zip", path, token)
    assert refused["status"] == 400
    assert upload(f"{folder}/d.zip", path, "nonsense")["status"] == 400
    assert service.post(f"/object/list/{bucket}", json={"prefix": folder}).json() == []


def test_an_object_is_overwritten_only_where_asked(upload, service, bucket, put, photos):
    path, data = photos
    key = put("e.zip", b"first")
    assert upload(key, path)["status"] == 409
    assert service.get(f"/object/{bucket}/{key}").content == b"first"
    assert upload(key, path, upsert="true")["sent"] == len(data)
    assert service.get(f"/object/{bucket}/{key}").content == data


@pytest.fixture
def begin(target, bucket, folder):
    """Asks for an upload by hand, as the protocol says."""

    def begin(client, key, size, mime="text/plain", bucket=bucket, **headers):
        told = {"bucketName": bucket, "objectName": key, "contentType": mime}
        pairs = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
        sent = {"tus-resumable": "1.0.0", "upload-length": str(size), "upload-metadata": pairs, **headers}
        return client.post("/upload/resumable", headers=sent)

    return begin


def test_by_hand(begin, service, target, bucket, folder):
    made = begin(service, f"{folder}/f.txt", 10)
    assert made.status_code == 201
    assert made.headers["tus-resumable"] == "1.0.0"
    url = urljoin(f"{target.supabase_url}/storage/v1/upload/resumable", made.headers["location"])
    piece = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream", "upload-offset": "0"}
    first = service.patch(url, content=b"01234", headers=piece)
    assert (first.status_code, first.headers["upload-offset"]) == (204, "5")
    # Offsets that are not where the upload stands: 409, and nothing is written.
    assert service.patch(url, content=b"01234", headers=piece).status_code == 409
    assert service.head(url, headers={"tus-resumable": "1.0.0"}).headers["upload-offset"] == "5"
    rest = service.patch(url, content=b"56789", headers={**piece, "upload-offset": "5"})
    assert (rest.status_code, rest.headers["upload-offset"]) == (204, "10")
    assert service.get(f"/object/{bucket}/{folder}/f.txt").content == b"0123456789"


def test_an_upload_can_be_given_up(begin, service, target, bucket, folder):
    made = begin(service, f"{folder}/g.txt", 10)
    url = urljoin(f"{target.supabase_url}/storage/v1/upload/resumable", made.headers["location"])
    assert service.delete(url, headers={"tus-resumable": "1.0.0"}).status_code == 204
    assert service.head(url, headers={"tus-resumable": "1.0.0"}).status_code in (404, 410)
    assert fault_of(service.get(f"/object/{bucket}/{folder}/g.txt")) == NO_SUCH_KEY


def test_the_service_says_what_it_speaks(service):
    spoken = service.options("/upload/resumable", headers={"tus-resumable": "1.0.0"})
    assert spoken.status_code in (200, 204)
    assert "1.0.0" in spoken.headers["tus-version"]
    assert {"creation", "termination"} <= set(spoken.headers["tus-extension"].split(","))


def test_refusals_come_before_any_byte(begin, service, anon, as_owner, make_bucket, put, folder):
    strict = make_bucket(file_size_limit=100, allowed_mime_types=["image/png"])
    assert begin(service, f"{folder}/h.png", 101, "image/png", strict).status_code == 413
    assert begin(service, f"{folder}/h.jpg", 10, "image/jpeg", strict).status_code == 415
    assert begin(service, f"{folder}/h.png", 10, "image/png", "missing-bucket").status_code == 404
    assert begin(service, put("taken.txt"), 10).status_code == 409
    assert begin(service, f"{folder}/caf\u00e9.txt", 10).status_code == 400
    for client in (anon, as_owner):
        assert begin(client, f"{folder}/i.txt", 10).status_code == 403


def test_another_user_does_not_go_on_with_an_upload(begin, service, as_other, target, bucket, folder):
    made = begin(service, f"{folder}/j.txt", 5)
    url = urljoin(f"{target.supabase_url}/storage/v1/upload/resumable", made.headers["location"])
    piece = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream", "upload-offset": "0"}
    # 403: row security (canUpload in lifecycle.ts); a service may also keep it secret that there is one.
    assert as_other.patch(url, content=b"01234", headers=piece).status_code in (403, 404)
    assert fault_of(service.get(f"/object/{bucket}/{folder}/j.txt")) == NO_SUCH_KEY
