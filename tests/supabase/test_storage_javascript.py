"""Storage through the unmodified supabase-js."""

import base64

import pytest

from tests.supabase.node import run

pytestmark = pytest.mark.supabase


@pytest.fixture
def calls(node, target):
    """Runs calls on a bucket, in order; each answers ``{data, error}``."""

    def calls(bucket, *calls, key=target.secret_key, token=None):
        return run(node, "storage.mjs", url=target.supabase_url, key=key, token=token, bucket=bucket, calls=calls)

    return calls


def as_bytes(data):
    return {"bytes": base64.b64encode(data).decode()}


def test_a_whole_life(calls, bucket, folder, stranger):
    a, b, c = (f"{folder}/{name}.txt" for name in "abc")
    answers = calls(
        bucket,
        ["upload", a, as_bytes(b"0123456789"), {"contentType": "text/plain", "cacheControl": "7"}],
        ["download", a],
        ["info", a],
        ["exists", a],
        ["list", folder, {"limit": 10, "sortBy": {"column": "name", "order": "asc"}}],
        ["copy", a, b],
        ["move", a, c],
        ["createSignedUrl", c, 60],
        ["createSignedUrls", [c, f"{folder}/missing.txt"], 60],
        ["update", b, as_bytes(b"other"), {"contentType": "text/plain"}],
        ["download", b],
        ["exists", f"{folder}/missing.txt"],
        ["remove", [b]],
        ["remove", [f"{folder}/missing.txt"]],
    )
    uploaded, read, info, there, listed, copied, moved, signed, many, updated, reread, gone, removed, nothing = answers
    assert [each["error"] for each in answers if each is not gone] == [None] * 13
    assert (uploaded["data"]["path"], uploaded["data"]["fullPath"]) == (a, f"{bucket}/{a}")
    assert uploaded["data"]["id"]
    assert base64.b64decode(read["data"]["bytes"]) == b"0123456789"
    assert read["data"]["type"].startswith("text/plain")
    assert (info["data"]["name"], info["data"]["size"], info["data"]["cacheControl"]) == (a, 10, "max-age=7")
    assert there["data"] is True
    assert [row["name"] for row in listed["data"]] == ["a.txt"]
    assert copied["data"]["path"] == f"{bucket}/{b}"
    assert moved["data"]["message"] == "Successfully moved"
    assert stranger.get(signed["data"]["signedUrl"]).content == b"0123456789"
    found, lost = many["data"]
    assert stranger.get(found["signedUrl"]).status_code == 200
    assert lost["signedUrl"] is None and lost["error"]
    assert updated["data"]["path"] == b
    assert base64.b64decode(reread["data"]["bytes"]) == b"other"
    assert gone["data"] is False
    assert [each["name"] for each in removed["data"]] == [b]
    assert nothing["data"] == []


def test_a_signed_upload(calls, service, target, bucket, folder):
    key = f"{folder}/d.txt"
    [signed] = calls(bucket, ["createSignedUploadUrl", key])
    token = signed["data"]["token"]
    options = {"contentType": "text/plain"}
    written, again = calls(
        bucket,
        ["uploadToSignedUrl", key, token, as_bytes(b"by a guest"), options],
        ["uploadToSignedUrl", key, token, as_bytes(b"again"), options],
        key=target.publishable_key,
    )
    assert written["data"]["path"] == key
    assert again["error"]["statusCode"] == "409"
    assert service.get(f"/object/{bucket}/{key}").content == b"by a guest"


def test_refusals_are_the_client_s_own_errors(calls, bucket, put, folder):
    key = put("e.txt")
    again, missing, odd = calls(
        bucket,
        ["upload", key, as_bytes(b"x"), {"contentType": "text/plain"}],
        ["download", f"{folder}/missing.txt"],
        ["upload", f"{folder}/caf\u00e9.txt", as_bytes(b"x"), {"contentType": "text/plain"}],
    )
    assert again["error"]["name"] == missing["error"]["name"] == odd["error"]["name"] == "StorageApiError"
    assert [each["error"]["statusCode"] for each in (again, odd)] == ["409", "400"]


def test_a_signed_in_user_sees_their_own(calls, target, service, owner, other, make_project):
    key = f"{make_project(owner)}/images/a.png"
    service.post(f"/object/3d-models/{key}", content=b"x", headers={"content-type": "image/png"}).raise_for_status()
    orders = [["list", key.rpartition("/")[0]], ["exists", key], ["upload", f"{key}2", as_bytes(b"x")]]
    listed, there, refused = calls("3d-models", *orders, key=target.publishable_key, token=owner.token)
    assert [row["name"] for row in listed["data"]] == ["a.png"]
    assert there["data"] is True
    # A plain upload goes out as text/plain, which this bucket takes: row security is what refuses.
    assert refused["error"]["statusCode"] == "403"
    for token in (other.token, None):
        listed, there, refused = calls("3d-models", *orders, key=target.publishable_key, token=token)
        assert (listed["data"], there["data"], refused["error"]["statusCode"]) == ([], False, "403")
