"""The six buckets: users see the objects of their own projects, and nobody but the service writes."""

import pytest

from tests.supabase.conftest import BUCKETS
from tests.supabase.faults import NO_SUCH_KEY, UNAUTHORIZED, fault_of

pytestmark = [pytest.mark.supabase, pytest.mark.parametrize("bucket", BUCKETS)]

MIME = {"content-type": "image/png"}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def key(service, make_project, owner, bucket):
    """An object of the owner's project."""
    key = f"{make_project(owner)}/images/a.png"
    service.post(f"/object/{bucket}/{key}", content=PNG, headers=MIME).raise_for_status()
    return key


def test_the_owner_reads_lists_describes_and_signs(as_owner, stranger, bucket, key):
    assert as_owner.get(f"/object/{bucket}/{key}").content == PNG
    assert as_owner.get(f"/object/info/{bucket}/{key}").json()["name"] == key
    [row] = as_owner.post(f"/object/list/{bucket}", json={"prefix": key.rpartition("/")[0]}).json()
    assert row["name"] == "a.png"
    signed = as_owner.post(f"/object/sign/{bucket}/{key}", json={"expiresIn": 60}).json()["signedURL"]
    assert stranger.get(signed).content == PNG


def test_to_another_user_and_to_nobody_it_does_not_exist(as_other, anon, bucket, key):
    for client in (as_other, anon):
        assert fault_of(client.get(f"/object/{bucket}/{key}")) == NO_SUCH_KEY
        assert fault_of(client.get(f"/object/info/{bucket}/{key}")) == NO_SUCH_KEY
        assert fault_of(client.post(f"/object/sign/{bucket}/{key}", json={"expiresIn": 60})) == NO_SUCH_KEY
        assert client.post(f"/object/list/{bucket}", json={"prefix": key.rpartition("/")[0]}).json() == []
        # Its project's folder neither.
        top = client.post(f"/object/list/{bucket}", json={"prefix": "", "search": key.split("/")[0]})
        assert top.json() == []


def test_users_write_nothing_not_even_their_own(service, as_owner, as_other, anon, bucket, key):
    folder = key.rpartition("/")[0]
    for client in (as_owner, as_other, anon):
        assert fault_of(client.post(f"/object/{bucket}/{folder}/b.png", content=PNG, headers=MIME)) == UNAUTHORIZED
        over = client.post(f"/object/{bucket}/{key}", content=b"x", headers={**MIME, "x-upsert": "true"})
        assert fault_of(over) == UNAUTHORIZED
        assert client.put(f"/object/{bucket}/{key}", content=b"x", headers=MIME).status_code == 400
        assert client.delete(f"/object/{bucket}/{key}").status_code == 400
        removed = client.request("DELETE", f"/object/{bucket}", json={"prefixes": [key]})
        assert (removed.status_code, removed.json()) == (200, [])
        for verb in ("move", "copy"):
            order = {"bucketId": bucket, "sourceKey": key, "destinationKey": f"{folder}/b.png"}
            assert client.post(f"/object/{verb}", json=order).status_code == 400
        assert fault_of(client.post(f"/object/upload/sign/{bucket}/{folder}/b.png")) == UNAUTHORIZED
    assert service.get(f"/object/{bucket}/{key}").content == PNG
    assert fault_of(service.get(f"/object/{bucket}/{folder}/b.png")) == NO_SUCH_KEY


def test_nobody_reads_it_through_the_public_door(stranger, bucket, key):
    assert stranger.get(f"/object/public/{bucket}/{key}").status_code == 400
