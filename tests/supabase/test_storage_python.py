"""Storage through supabase-py as users call it, sync and async."""

import asyncio
import inspect
import io
from contextlib import ExitStack

import httpx
import pytest
import storage3.exceptions
from supabase import AsyncClientOptions, ClientOptions, create_async_client, create_client

pytestmark = [
    pytest.mark.supabase,
    pytest.mark.parametrize("client", ["sync", "async"], indirect=True),
    # supabase-py's own call of storage3
    pytest.mark.filterwarnings("ignore:The '(timeout|verify)' parameter is deprecated"),
]


class Files:
    """storage3's two bucket classes behind one: every call answers its result."""

    def __init__(self, bucket, run):
        self._bucket, self._run = bucket, run

    def __getattr__(self, name):
        def call(*arguments, **options):
            answer = getattr(self._bucket, name)(*arguments, **options)
            return self._run(answer) if inspect.isawaitable(answer) else answer

        return call


@pytest.fixture(scope="module")
def client(request, target):
    """Opens buckets with a key, and for a user with an access token too."""
    with ExitStack() as end:
        runner = end.enter_context(asyncio.Runner())

        def open_bucket(bucket, key=target.secret_key, token=None):
            # The client leaves its connections open; ours can be closed.
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            http = {"timeout": 60, "trust_env": not target.embedded, "follow_redirects": True}
            if request.param == "sync":
                options = ClientOptions(headers=headers, httpx_client=end.enter_context(httpx.Client(**http)))
                made = create_client(target.supabase_url, key, options)
            else:
                connections = httpx.AsyncClient(**http)
                end.callback(lambda: runner.run(connections.aclose()))
                options = AsyncClientOptions(headers=headers, httpx_client=connections)
                made = runner.run(create_async_client(target.supabase_url, key, options))
            return Files(made.storage.from_(bucket), runner.run)

        yield open_bucket


def test_a_whole_life(client, bucket, folder, stranger):
    files, key = client(bucket), f"{folder}/a.txt"
    # Without a content type the client sends text/plain, whatever the name says.
    uploaded = files.upload(key, b"0123456789")
    assert (uploaded.path, uploaded.full_path) == (key, f"{bucket}/{key}")
    assert files.download(key) == b"0123456789"
    assert files.exists(key) is True
    assert files.exists(f"{folder}/missing.txt") is False
    info = files.info(key)
    assert (info["name"], info["size"], info["cache_control"]) == (key, 10, "max-age=3600")
    assert info["content_type"].startswith("text/plain")
    [row] = files.list(folder)
    assert (row["name"], row["metadata"]["size"]) == ("a.txt", 10)
    assert files.copy(key, f"{folder}/b.txt")["Key"] == f"{bucket}/{folder}/b.txt"
    assert files.move(key, f"{folder}/c.txt")["message"] == "Successfully moved"
    signed = files.create_signed_url(f"{folder}/c.txt", 60)["signedURL"]
    assert stranger.get(signed).content == b"0123456789"
    removed = files.remove([f"{folder}/b.txt", f"{folder}/c.txt", f"{folder}/missing.txt"])
    assert sorted(each["name"] for each in removed) == [f"{folder}/b.txt", f"{folder}/c.txt"]
    assert files.remove([f"{folder}/missing.txt"]) == []
    assert files.list(folder) == []


def test_options_and_updates(client, bucket, folder):
    files, key = client(bucket), f"{folder}/d.json"
    options = {"content-type": "application/json", "cache-control": "7", "upsert": "true", "metadata": {"shot": 7}}
    files.upload(key, io.BufferedReader(io.BytesIO(b"{}")), options)
    info = files.info(key)
    assert (info["content_type"], info["cache_control"]) == ("application/json", "max-age=7")
    assert info["metadata"] == {"shot": 7}
    files.upload(key, b"[]", {"upsert": "true"})
    assert files.download(key) == b"[]"
    files.update(key, b"null")
    assert files.download(key) == b"null"


def test_a_signed_upload(client, bucket, folder):
    files, key = client(bucket), f"{folder}/e.txt"
    signed = files.create_signed_upload_url(key)
    assert signed["path"] == key
    assert files.upload_to_signed_url(key, signed["token"], b"by a guest").path == key
    assert files.download(key) == b"by a guest"


def test_many_signed_urls(client, bucket, folder, stranger):
    files, key = client(bucket), f"{folder}/f.txt"
    files.upload(key, b"one of many")
    found, lost = files.create_signed_urls([key, f"{folder}/missing.txt"], 60)
    assert stranger.get(found["signedURL"]).content == b"one of many"
    assert (lost["path"], lost["signedURL"]) == (f"{folder}/missing.txt", None)


def test_a_refusal_is_the_client_s_own_error(client, bucket, folder):
    files, key = client(bucket), f"{folder}/g.txt"
    files.upload(key, b"first")
    with pytest.raises(storage3.exceptions.StorageApiError) as refused:
        files.upload(key, b"second")
    assert (str(refused.value.status), refused.value.code) == ("409", "Duplicate")
    with pytest.raises(storage3.exceptions.StorageApiError) as missing:
        files.download(f"{folder}/missing.txt")
    assert (str(missing.value.status), missing.value.code) == ("404", "not_found")


def test_a_signed_in_user_sees_their_own(client, target, service, owner, other, make_project):
    key = f"{make_project(owner)}/images/a.png"
    service.post(f"/object/3d-models/{key}", content=b"x", headers={"content-type": "image/png"}).raise_for_status()
    theirs = client("3d-models", target.publishable_key, owner.token)
    assert theirs.download(key) == b"x"
    assert theirs.exists(key) is True
    stranger = client("3d-models", target.publishable_key, other.token)
    assert stranger.exists(key) is False
    assert stranger.list(key.rpartition("/")[0]) == []
    with pytest.raises(storage3.exceptions.StorageApiError):
        stranger.download(key)
