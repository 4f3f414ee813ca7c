"""What the tests of the storage service share: a client, a picture of bytes, how a refusal looks."""

import asyncio
import base64
import time
import uuid

import jwt
from storage3 import AsyncStorageClient

from maquette.embedded.storage.callers import Keys
from maquette.embedded.storage.tokens import sign

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
BUCKET = "processed-images"


def client_for(storage, key, http):
    headers = {"apikey": storage.publishable_key, "Authorization": f"Bearer {key}"}
    return AsyncStorageClient(f"{storage.supabase_url}/storage/v1/", headers, http_client=http)


def folder():
    return str(uuid.uuid4())


def refused(answer, status_code, error, code, http_status=400):
    body = answer.json()
    assert answer.status_code == http_status, body
    assert (body["statusCode"], body["error"], body["code"]) == (str(status_code), error, code)
    assert body["message"]


def token_for(storage, user, role="authenticated", seconds=60):
    claims = {"sub": str(user), "role": role, "aud": "authenticated", "exp": int(time.time()) + seconds}
    return jwt.encode(claims, storage.jwt_secret, algorithm="HS256")


def sign_for(storage, bucket, key, seconds=60, scope="download"):
    return sign(Keys("", "", storage.jwt_secret), scope, bucket, key, seconds)


def described(**metadata):
    """An Upload-Metadata header."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())


def files_under(path):
    return [file for file in path.rglob("*") if file.is_file()]


async def until(true):
    """Wait for something that the other side is about to do."""
    for _ in range(1500):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")
