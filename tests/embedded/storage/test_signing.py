"""Signed addresses: for one object, one purpose, a while."""

import time

import jwt
import pytest
from storage3.exceptions import StorageApiError
from tests.embedded.storage.wire import BUCKET, PNG, client_for, folder, refused, sign_for


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
