"""Buckets: what they answer and who may make them."""

import time
import uuid

import pytest

from tests.supabase.faults import NO_SUCH_BUCKET, UNAUTHORIZED, fault_of

pytestmark = pytest.mark.supabase


def test_making_a_bucket_answers_its_name(service, prefix):
    name = f"{prefix}-named"
    made = service.post("/bucket", json={"id": name, "name": name})
    assert (made.status_code, made.json()) == (200, {"name": name})
    assert service.delete(f"/bucket/{name}").json() == {"message": "Successfully deleted"}


def test_a_bucket_tells_its_limits(service, make_bucket):
    name = make_bucket(public=True, file_size_limit=1000, allowed_mime_types=["image/png"])
    found = service.get(f"/bucket/{name}").json()
    assert found["id"] == found["name"] == name
    assert (found["public"], found["file_size_limit"], found["allowed_mime_types"]) == (True, 1000, ["image/png"])
    assert found["created_at"] and found["updated_at"]
    assert name in [each["name"] for each in service.get("/bucket").json()]


def test_a_bucket_can_be_changed(service, make_bucket):
    name = make_bucket()
    changed = service.put(f"/bucket/{name}", json={"id": name, "name": name, "public": True, "file_size_limit": 5})
    assert changed.json() == {"message": "Successfully updated"}
    found = service.get(f"/bucket/{name}").json()
    assert (found["public"], found["file_size_limit"]) == (True, 5)


def test_a_limit_can_be_written_in_units(service, make_bucket):
    # Decimal ones: parseFileSizeToBytes in supabase/storage, src/storage/limits.ts.
    name = make_bucket(file_size_limit="20MB")
    assert service.get(f"/bucket/{name}").json()["file_size_limit"] == 20_000_000


def test_a_change_leaves_alone_what_it_does_not_name(service, make_bucket):
    name = make_bucket(file_size_limit=1000, allowed_mime_types=["image/png"])
    service.put(f"/bucket/{name}", json={"id": name, "name": name, "public": True}).raise_for_status()
    found = service.get(f"/bucket/{name}").json()
    assert (found["public"], found["file_size_limit"], found["allowed_mime_types"]) == (True, 1000, ["image/png"])


def test_an_emptied_bucket_can_be_deleted(service, make_bucket):
    name = make_bucket()
    for key in ("a.txt", "deep/b.txt"):
        service.post(f"/object/{name}/{key}", content=b"x").raise_for_status()
    assert service.post(f"/bucket/{name}/empty").status_code == 200
    # Newer versions of Storage empty it in the background.
    for _ in range(60):
        deleted = service.delete(f"/bucket/{name}")
        if deleted.status_code == 200:
            break
        time.sleep(1)
    assert deleted.json() == {"message": "Successfully deleted"}
    assert fault_of(service.get(f"/bucket/{name}")) == NO_SUCH_BUCKET


def test_a_second_bucket_of_the_same_name_is_refused(service, bucket):
    fault = fault_of(service.post("/bucket", json={"id": bucket, "name": bucket}))
    # The code is left out: versions of Storage differ in it (ResourceAlreadyExists, later BucketAlreadyExists).
    assert (fault.status, fault.error) == ("409", "Duplicate")


def test_a_bucket_with_objects_is_not_deleted(service, bucket, put):
    put("kept.txt")
    assert fault_of(service.delete(f"/bucket/{bucket}")).status == "409"
    assert service.get(f"/bucket/{bucket}").status_code == 200


def test_a_bucket_that_is_not_there(service):
    missing = f"missing-{uuid.uuid4()}"
    assert fault_of(service.delete(f"/bucket/{missing}")) == NO_SUCH_BUCKET
    assert fault_of(service.get(f"/bucket/{missing}")) == NO_SUCH_BUCKET
    assert fault_of(service.post(f"/object/{missing}/x.txt", content=b"x")) == NO_SUCH_BUCKET


def test_users_and_strangers_neither_make_nor_see_buckets(service, anon, as_owner, bucket):
    for client in (anon, as_owner):
        name = f"refused-{uuid.uuid4()}"
        assert fault_of(client.post("/bucket", json={"id": name, "name": name})) == UNAUTHORIZED
        assert client.get("/bucket").json() == []
        assert fault_of(client.get(f"/bucket/{bucket}")) == NO_SUCH_BUCKET
        assert client.put(f"/bucket/{bucket}", json={"id": bucket, "public": True}).status_code == 400
        assert client.delete(f"/bucket/{bucket}").status_code == 400
    assert service.get(f"/bucket/{bucket}").json()["public"] is False
