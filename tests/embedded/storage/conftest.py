import uuid

import httpx
import psycopg
import pytest
from tests.embedded.storage.wire import BUCKET, client_for, described, folder


@pytest.fixture
async def http(storage):
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def bucket(storage, http):
    return client_for(storage, storage.secret_key, http).from_(BUCKET)


@pytest.fixture
def call(storage, http):
    """A plain call as the service."""

    async def request(method, path, *, key=storage.secret_key, **more):
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        url = path if path.startswith("http") else f"{storage.supabase_url}/storage/v1{path}"
        return await http.request(method, url, headers=headers, **more)

    return request


@pytest.fixture
def tus(call, storage):
    """A call in tus; the answer must be in tus too."""

    async def request(method, path, *, headers=None, as_=storage.secret_key, **more):
        answer = await call(method, path, key=as_, headers={"Tus-Resumable": "1.0.0", **(headers or {})}, **more)
        assert answer.headers["tus-resumable"] == "1.0.0"
        return answer

    return request


@pytest.fixture
def begin(tus):
    """Create an upload of so many bytes; its address and its key."""

    async def request(length, *, path="/upload/resumable", key=None, bucket=BUCKET, headers=None, **more):
        key = key or f"{folder()}/x.png"
        metadata = described(bucketName=bucket, objectName=key, contentType="image/png", cacheControl="60")
        sent = {"Upload-Length": str(length), "Upload-Metadata": metadata, **(headers or {})}
        answer = await tus("POST", path, headers=sent, **more)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"], key

    return request


@pytest.fixture
def send(tus):
    """The next bytes of an upload."""

    async def request(address, offset, content, *, headers=None, **more):
        sent = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream", **(headers or {})}
        return await tus("PATCH", address, headers=sent, content=content, **more)

    return request


@pytest.fixture
def rows(storage):
    """What storage.objects says about a key."""

    def read(key):
        with psycopg.connect(storage.database_url) as connection:
            return connection.execute(
                "select bucket_id, owner_id, version, metadata, user_metadata from storage.objects where name = %s",
                [key],
            ).fetchall()

    return read


@pytest.fixture
async def small_bucket(call):
    """A bucket of images up to 1000 bytes."""
    name = f"small-{uuid.uuid4().hex[:8]}"
    body = {"name": name, "file_size_limit": 1000, "allowed_mime_types": ["image/*"]}
    assert (await call("POST", "/bucket", json=body)).status_code == 200
    return name
