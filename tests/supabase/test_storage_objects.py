"""Objects: written, read, described, copied, moved and removed, with exact answers."""

import json
import re
import uuid

import psycopg
import pytest

from tests.supabase.faults import DUPLICATE, NO_SUCH_KEY, fault_of

pytestmark = pytest.mark.supabase

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_an_upload_answers_key_and_id(service, bucket, folder):
    answer = service.post(f"/object/{bucket}/{folder}/a.txt", content=b"a", headers={"content-type": "text/plain"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["Key"] == f"{bucket}/{folder}/a.txt"
    assert uuid.UUID(body["Id"])


def test_a_form_upload_keeps_type_age_and_metadata(service, bucket, folder):
    answer = service.post(
        f"/object/{bucket}/{folder}/form.json",
        data={"cacheControl": "120", "metadata": json.dumps({"shot": "7"})},
        files={"file": ("form.json", b"{}", "application/json")},
    )
    assert answer.status_code == 200, answer.text
    read = service.get(f"/object/{bucket}/{folder}/form.json")
    assert read.content == b"{}"
    assert read.headers["content-type"] == "application/json"
    assert read.headers["cache-control"] == "max-age=120"
    assert service.get(f"/object/info/{bucket}/{folder}/form.json").json()["metadata"] == {"shot": "7"}


@pytest.mark.parametrize("place", ["", "authenticated/"])
def test_a_download_says_what_it_is(service, bucket, put, place):
    key = put("b.txt", b"0123456789", cache_control="max-age=60")
    read = service.get(f"/object/{place}{bucket}/{key}")
    assert (read.status_code, read.content) == (200, b"0123456789")
    assert read.headers["content-type"].startswith("text/plain")
    assert read.headers["content-length"] == "10"
    assert read.headers["cache-control"] == "max-age=60"
    assert read.headers["etag"].startswith('"') and read.headers["etag"].endswith('"')
    assert read.headers["last-modified"].endswith("GMT")


def test_a_range_answers_206(service, bucket, put):
    url = f"/object/{bucket}/{put('c.txt', b'0123456789')}"
    part = service.get(url, headers={"range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    rest = service.get(url, headers={"range": "bytes=7-"})
    assert (rest.status_code, rest.content) == (206, b"789")
    last = service.get(url, headers={"range": "bytes=-2"})
    assert (last.status_code, last.content) == (206, b"89")


def test_a_range_beyond_the_end_answers_416(service, bucket, put):
    assert service.get(f"/object/{bucket}/{put('c.txt')}", headers={"range": "bytes=100-"}).status_code == 416


def test_an_unchanged_object_answers_304_without_body(service, bucket, put):
    url = f"/object/{bucket}/{put('d.txt')}"
    etag = service.get(url).headers["etag"]
    unchanged = service.get(url, headers={"if-none-match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert service.get(url, headers={"if-none-match": '"another"'}).status_code == 200


def test_a_changed_object_has_another_etag(service, bucket, put):
    url = f"/object/{bucket}/{put('e.txt', b'one')}"
    before = service.get(url).headers["etag"]
    put("e.txt", b"two", x_upsert="true")
    after = service.get(url, headers={"if-none-match": before})
    assert (after.status_code, after.content) == (200, b"two")


def test_a_second_upload_needs_upsert(service, bucket, put, folder):
    key = put("f.txt", b"first")
    again = service.post(f"/object/{bucket}/{key}", content=b"second", headers={"content-type": "text/plain"})
    assert fault_of(again) == DUPLICATE
    assert service.get(f"/object/{bucket}/{key}").content == b"first"
    put("f.txt", b"second", x_upsert="true")
    assert service.get(f"/object/{bucket}/{key}").content == b"second"


def test_an_update_replaces(service, bucket, put):
    key = put("g.txt", b"first")
    updated = service.put(f"/object/{bucket}/{key}", content=b"second", headers={"content-type": "text/plain"})
    assert (updated.status_code, updated.json()["Key"]) == (200, f"{bucket}/{key}")
    assert service.get(f"/object/{bucket}/{key}").content == b"second"


def test_an_empty_object_is_an_object(service, bucket, put):
    read = service.get(f"/object/{bucket}/{put('empty.txt', b'')}")
    assert (read.status_code, read.content) == (200, b"")


@pytest.mark.parametrize("name", ["a b/c.txt", "!-.*'()&$@=;:+,/x.txt", "_under/UPPER.TXT", "q?.txt"])
def test_every_character_that_is_allowed_in_a_key_comes_back(service, bucket, folder, name):
    # The allowed ones: https://supabase.com/docs/guides/storage/uploads/file-limits and isValidKey in supabase/storage.
    quoted = name.replace("?", "%3F")
    answer = service.post(f"/object/{bucket}/{folder}/{quoted}", content=b"x", headers={"content-type": "text/plain"})
    assert answer.json()["Key"] == f"{bucket}/{folder}/{name}"
    assert service.get(f"/object/{bucket}/{folder}/{quoted}").content == b"x"


def test_info_describes_an_object(service, bucket, put):
    key = put("h.txt", b"0123456789", cache_control="max-age=60")
    info = service.get(f"/object/info/{bucket}/{key}").json()
    described = {"id", "name", "version", "bucket_id", "size", "content_type", "cache_control", "etag", "metadata"}
    assert described | {"last_modified", "created_at"} <= set(info)
    assert (info["name"], info["bucket_id"], info["size"]) == (key, bucket, 10)
    assert info["content_type"].startswith("text/plain")
    assert info["cache_control"] == "max-age=60"
    assert info["etag"] == service.get(f"/object/{bucket}/{key}").headers["etag"]
    assert TIME.fullmatch(info["created_at"]) and TIME.fullmatch(info["last_modified"])


def test_head_tells_whether_an_object_is_there(service, bucket, put, folder):
    there = service.head(f"/object/{bucket}/{put('i.txt', b'0123456789')}")
    assert (there.status_code, there.headers["content-length"]) == (200, "10")
    assert service.head(f"/object/{bucket}/{folder}/missing.txt").status_code == 400


def test_a_move_answers_its_message_and_leaves_nothing(service, bucket, put, folder):
    key = put("j.txt", b"moved")
    order = {"bucketId": bucket, "sourceKey": key, "destinationKey": f"{folder}/deep/k.txt"}
    moved = service.post("/object/move", json=order)
    assert (moved.status_code, moved.json()["message"]) == (200, "Successfully moved")
    assert service.get(f"/object/{bucket}/{folder}/deep/k.txt").content == b"moved"
    assert fault_of(service.get(f"/object/{bucket}/{key}")) == NO_SUCH_KEY


def test_a_copy_answers_its_key_and_leaves_the_original(service, bucket, put, folder):
    key = put("l.txt", b"copied", cache_control="max-age=7")
    order = {"bucketId": bucket, "sourceKey": key, "destinationKey": f"{folder}/m.txt"}
    copied = service.post("/object/copy", json=order)
    assert (copied.status_code, copied.json()["Key"]) == (200, f"{bucket}/{folder}/m.txt")
    copy = service.get(f"/object/{bucket}/{folder}/m.txt")
    assert (copy.content, copy.headers["cache-control"]) == (b"copied", "max-age=7")
    assert service.get(f"/object/{bucket}/{key}").content == b"copied"


@pytest.mark.parametrize("verb", ["move", "copy"])
def test_neither_move_nor_copy_invents_or_overwrites(service, bucket, put, folder, verb):
    here, there = put("here.txt", b"here"), put("there.txt", b"there")
    missing = {"bucketId": bucket, "sourceKey": f"{folder}/missing", "destinationKey": f"{folder}/new"}
    assert fault_of(service.post(f"/object/{verb}", json=missing)) == NO_SUCH_KEY
    taken = {"bucketId": bucket, "sourceKey": here, "destinationKey": there}
    assert fault_of(service.post(f"/object/{verb}", json=taken)) == DUPLICATE
    assert service.get(f"/object/{bucket}/{here}").content == b"here"
    assert service.get(f"/object/{bucket}/{there}").content == b"there"


def test_remove_answers_what_it_removed(service, bucket, put, folder):
    first, second = put("n.txt"), put("o.txt")
    removed = service.request("DELETE", f"/object/{bucket}", json={"prefixes": [first, second, f"{folder}/missing"]})
    assert removed.status_code == 200
    assert sorted(each["name"] for each in removed.json()) == [first, second]
    assert {each["bucket_id"] for each in removed.json()} == {bucket}
    assert fault_of(service.get(f"/object/{bucket}/{first}")) == NO_SUCH_KEY


def test_remove_of_what_is_missing_answers_an_empty_list(service, bucket, folder):
    removed = service.request("DELETE", f"/object/{bucket}", json={"prefixes": [f"{folder}/missing"]})
    assert (removed.status_code, removed.json()) == (200, [])


def test_one_object_can_be_deleted_by_its_url(service, bucket, put, folder):
    url = f"/object/{bucket}/{put('p.txt')}"
    assert service.delete(url).json() == {"message": "Successfully deleted"}
    assert fault_of(service.delete(url)) == NO_SUCH_KEY


def test_rows_are_never_deleted_by_sql(database, service, bucket, put):
    key = put("q.txt")
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        database.execute("delete from storage.objects where bucket_id = %s and name = %s", [bucket, key])
    assert refused.value.sqlstate == "42501"
    assert service.get(f"/object/{bucket}/{key}").status_code == 200
