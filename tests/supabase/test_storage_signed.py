"""Signed URLs: each opens one path, for one purpose, for a while."""

import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from tests.supabase.faults import DUPLICATE, INVALID_JWT, INVALID_SIGNATURE, NO_SUCH_KEY, UNAUTHORIZED, fault_of

pytestmark = pytest.mark.supabase

TEXT = {"content-type": "text/plain"}


@pytest.fixture
def sign(service, bucket):
    """The relative URL that lets anyone read an object."""

    def sign(key, seconds=60):
        answer = service.post(f"/object/sign/{bucket}/{key}", json={"expiresIn": seconds})
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"signedURL"}
        return answer.json()["signedURL"]

    return sign


@pytest.fixture
def sign_upload(service, bucket):
    """What lets anyone write one object."""

    def sign_upload(key, **headers):
        answer = service.post(f"/object/upload/sign/{bucket}/{key}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return sign_upload


def test_a_signed_url_is_relative_and_names_its_path(sign, bucket, put):
    key = put("a.txt")
    url = sign(key)
    assert url.startswith(f"/object/sign/{bucket}/{key}?token=")
    claims = jwt.decode(token_of(url), options={"verify_signature": False})
    assert claims["url"] == f"{bucket}/{key}"
    assert claims["exp"] - claims["iat"] == 60
    assert {"url", "scope", "iat", "exp"} <= set(claims)


def test_a_signed_url_opens_without_a_key(sign, stranger, put):
    read = stranger.get(sign(put("b.txt", b"0123456789")))
    assert (read.status_code, read.content) == (200, b"0123456789")


def test_a_signed_url_answers_ranges_and_etags(sign, stranger, put):
    url = sign(put("c.txt", b"0123456789"))
    part = stranger.get(url, headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"0123")
    assert stranger.get(url, headers={"if-none-match": part.headers["etag"]}).status_code == 304
    assert stranger.get(url, headers={"range": "bytes=10-"}).status_code == 416


def test_a_signed_url_can_name_the_file_for_saving(sign, stranger, put):
    url = sign(put("d.txt"))
    named = stranger.get(f"{url}&download=other.txt").headers["content-disposition"]
    assert named.startswith("attachment") and "other.txt" in named
    assert stranger.get(f"{url}&download=").headers["content-disposition"].startswith("attachment")
    assert "attachment" not in stranger.get(url).headers.get("content-disposition", "")


def test_seconds_may_come_as_a_string(sign, put):
    # So storage3 sends them.
    claims = jwt.decode(token_of(sign(put("e.txt"), "90")), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 90


def test_a_token_opens_no_other_path(sign, stranger, bucket, put):
    token = token_of(sign(put("f.txt")))
    secret = put("secret.txt")
    assert fault_of(stranger.get(f"/object/sign/{bucket}/{secret}?token={token}")) == INVALID_SIGNATURE


def test_an_altered_token_opens_nothing(sign, stranger, bucket, put, folder):
    key = put("g.txt")
    head, payload, signature = token_of(sign(key)).split(".")
    flipped = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")
    for token in (f"{head}.{payload}.{flipped}", f"{head}.{payload}.", "nonsense", ""):
        assert fault_of(stranger.get(f"/object/sign/{bucket}/{key}?token={token}")) == INVALID_JWT


def test_a_token_of_our_own_making_opens_nothing(stranger, bucket, put):
    key = put("h.txt")
    claims = {"url": f"{bucket}/{key}", "scope": "download", "iat": int(time.time()), "exp": int(time.time()) + 600}
    for token in (jwt.encode(claims, "a guess of thirty-two bytes or more"), jwt.encode(claims, "", algorithm="none")):
        assert fault_of(stranger.get(f"/object/sign/{bucket}/{key}?token={token}")) == INVALID_JWT


def test_a_signed_url_expires(sign, stranger, put):
    url = sign(put("i.txt"), 1)
    time.sleep(2.1)
    assert fault_of(stranger.get(url)) == INVALID_JWT


def test_a_missing_object_is_not_signed(service, bucket, folder):
    answer = service.post(f"/object/sign/{bucket}/{folder}/missing.txt", json={"expiresIn": 60})
    assert fault_of(answer) == NO_SUCH_KEY


def test_many_are_signed_at_once(service, stranger, bucket, put, folder):
    key, missing = put("j.txt", b"one of many"), f"{folder}/missing.txt"
    answer = service.post(f"/object/sign/{bucket}", json={"expiresIn": 60, "paths": [key, missing]})
    assert answer.status_code == 200
    found, lost = answer.json()
    assert (found["error"], found["path"]) == (None, key)
    assert stranger.get(found["signedURL"]).content == b"one of many"
    assert (lost["path"], lost["signedURL"]) == (missing, None)
    assert lost["error"]


def test_an_object_that_goes_takes_its_signed_url_along(sign, service, stranger, bucket, put):
    key = put("k.txt")
    url = sign(key)
    service.delete(f"/object/{bucket}/{key}").raise_for_status()
    assert fault_of(stranger.get(url)) == NO_SUCH_KEY


def test_a_signed_upload_writes_its_object_once(sign_upload, service, stranger, bucket, folder):
    signed = sign_upload(f"{folder}/l.txt")
    assert signed["url"] == f"/object/upload/sign/{bucket}/{folder}/l.txt?token={signed['token']}"
    written = stranger.put(signed["url"], content=b"by a guest", headers=TEXT)
    assert (written.status_code, written.json()["Key"]) == (200, f"{bucket}/{folder}/l.txt")
    assert service.get(f"/object/{bucket}/{folder}/l.txt").content == b"by a guest"
    assert fault_of(stranger.put(signed["url"], content=b"again", headers=TEXT)) == DUPLICATE
    assert service.get(f"/object/{bucket}/{folder}/l.txt").content == b"by a guest"


def test_a_signed_upload_overwrites_only_where_it_was_signed_so(sign_upload, service, stranger, bucket, put):
    key = put("m.txt", b"first")
    assert fault_of(service.post(f"/object/upload/sign/{bucket}/{key}")) == DUPLICATE
    signed = sign_upload(key, **{"x-upsert": "true"})
    assert stranger.put(signed["url"], content=b"second", headers=TEXT).status_code == 200
    assert service.get(f"/object/{bucket}/{key}").content == b"second"


def test_an_upload_token_writes_no_other_path(sign_upload, service, stranger, bucket, folder):
    token = sign_upload(f"{folder}/n.txt")["token"]
    url = f"/object/upload/sign/{bucket}/{folder}/other.txt?token={token}"
    assert fault_of(stranger.put(url, content=b"x", headers=TEXT)) == INVALID_SIGNATURE
    assert fault_of(service.get(f"/object/{bucket}/{folder}/other.txt")) == NO_SUCH_KEY


def test_reading_and_writing_are_different_purposes(sign, sign_upload, service, stranger, bucket, put):
    key = put("o.txt", b"kept")
    read, write = token_of(sign(key)), sign_upload(key, **{"x-upsert": "true"})["token"]
    wrong = stranger.put(f"/object/upload/sign/{bucket}/{key}?token={read}", content=b"x", headers=TEXT)
    assert fault_of(wrong) == INVALID_SIGNATURE
    assert fault_of(stranger.get(f"/object/sign/{bucket}/{key}?token={write}")) == INVALID_SIGNATURE
    assert service.get(f"/object/{bucket}/{key}").content == b"kept"


def test_neither_token_is_a_bearer(target, sign, sign_upload, storage_as, bucket, put):
    key = put("p.txt")
    for token in (token_of(sign(key)), sign_upload(key, **{"x-upsert": "true"})["token"]):
        # As anybody at most: the object stays hidden, the list is empty, or the token is refused.
        answer = storage_as(target.publishable_key, token).get(f"/object/{bucket}/{key}")
        assert fault_of(answer) in (UNAUTHORIZED, NO_SUCH_KEY)


def test_users_sign_only_what_they_may_read_or_write(as_other, anon, bucket, put, folder):
    key = put("q.txt")
    for client in (as_other, anon):
        assert fault_of(client.post(f"/object/sign/{bucket}/{key}", json={"expiresIn": 60})) == NO_SUCH_KEY
        assert fault_of(client.post(f"/object/upload/sign/{bucket}/{folder}/new.txt")) == UNAUTHORIZED


def token_of(url):
    """The token of a signed URL."""
    [token] = parse_qs(urlsplit(url).query)["token"]
    return token
