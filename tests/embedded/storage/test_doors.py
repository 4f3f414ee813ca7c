"""Everybody at every door of storage: each route as each kind of caller. A route without an expectation fails."""

import time
import uuid

import jwt
import psycopg
import pytest
from tests.embedded.storage.wire import described

from maquette.embedded.storage.app import create_storage_app
from maquette.machine_keys import make_key

BUCKET = "3d-models"

OPEN = {"GET /status": 200, "OPTIONS /upload/resumable": 204}
"""Says nothing of anybody, and needs no key."""

BY_TOKEN = {
    "GET /object/sign/{bucket}/{key:path}",
    "PUT /object/upload/sign/{bucket}/{key:path}",
    "POST /upload/resumable/sign",
    "HEAD /upload/resumable/sign/{upload}",
    "PATCH /upload/resumable/sign/{upload}",
    "DELETE /upload/resumable/sign/{upload}",
}
"""A token for one object is the key; any other key is nothing here."""

PUBLIC = {"GET /object/public/{bucket}/{key:path}"}
"""Of public buckets, of which we have none."""

READS = {
    "GET /object/info/public/{bucket}/{key:path}",
    "GET /object/info/authenticated/{bucket}/{key:path}",
    "GET /object/info/{bucket}/{key:path}",
    "GET /object/authenticated/{bucket}/{key:path}",
    "GET /object/{bucket}/{key:path}",
    "POST /object/sign/{bucket}/{key:path}",
}
"""Of one object, which to all but its owner does not exist."""

LISTS = {
    "POST /object/list/{bucket}",
    "POST /object/list-v2/{bucket}",
    "POST /object/sign/{bucket}",
    "GET /bucket",
    "DELETE /object/{bucket}",
}
"""Answer what the caller may see, or removed, which may be nothing."""

WRITES = {
    "POST /bucket",
    "PUT /bucket/{bucket}",
    "DELETE /bucket/{bucket}",
    "POST /bucket/{bucket}/empty",
    "POST /object/move",
    "POST /object/copy",
    "DELETE /object/{bucket}/{key:path}",
    "POST /object/upload/sign/{bucket}/{key:path}",
    "POST /object/{bucket}/{key:path}",
    "PUT /object/{bucket}/{key:path}",
    "POST /upload/resumable",
    "HEAD /upload/resumable/{upload}",
    "PATCH /upload/resumable/{upload}",
    "DELETE /upload/resumable/{upload}",
    "GET /bucket/{bucket}",
}
"""The service's alone, the description of a bucket too."""

NOT_OFFERED = {"GET /render/image/{rest:path}"}

EXPECTED = {*OPEN, *BY_TOKEN, *PUBLIC, *READS, *LISTS, *WRITES, *NOT_OFFERED}


def doors(routes):
    for route in routes:
        for method in route.methods - {"HEAD"} or route.methods:
            path = route.path.rstrip("/") if route.path != "/" else route.path
            if method == "OPTIONS":
                path = "/upload/resumable"
            yield f"{method} {path}"


def test_every_route_has_its_expectation(storage, tmp_path):
    app = create_storage_app(storage, tmp_path, None)
    assert set(doors(app.routes)) == EXPECTED


@pytest.fixture
def owned(storage):
    """An owner's object, as the service would have put it there: its key and the owner's token."""
    user = str(uuid.uuid4())
    with psycopg.connect(storage.database_url) as connection:
        connection.execute("insert into auth.users (id) values (%s)", [user])
        [project] = connection.execute(
            "insert into public.projects (owner_id) values (%s) returning id", [user]
        ).fetchone()
    return f"{project}/runs/model.ply", token_for(storage, user)


def token_for(storage, user, secret=None, **changed):
    claims = {"sub": user, "role": "authenticated", "exp": int(time.time()) + 60, **changed}
    return jwt.encode(claims, secret or storage.jwt_secret, algorithm="HS256")


CALLERS = (
    "nobody",
    "machine key",
    "share key",
    "token of another secret",
    "expired token",
    "token of no role",
    "publishable key",
    "another user",
)
BAD = CALLERS[:6]
"""Refused whatever they ask; the last two are known, and see nothing of the owner's."""


def credential(storage, who):
    user = str(uuid.uuid4())
    return {
        "nobody": lambda: None,
        "machine key": make_key,
        "share key": lambda: "kT0mC4nQ2s9vX1yZ8bL3fR7hJ5wD6gPaUeNiOqAtSx0",
        "token of another secret": lambda: token_for(storage, user, "another secret of at least 32 bytes!"),
        "expired token": lambda: token_for(storage, user, exp=1),
        "token of no role": lambda: token_for(storage, user, role="postgres"),
        "publishable key": lambda: storage.publishable_key,
        "another user": lambda: token_for(storage, user),
    }[who]()


async def knock(call, door, key, as_, upload="00000000-0000-4000-8000-000000000000"):
    """Call a door with all that it asks for."""
    method, _, path = door.partition(" ")
    path = path.replace("{bucket}", BUCKET).replace("{key:path}", key).replace("{upload}", upload)
    path = path.replace("{rest:path}", f"authenticated/{BUCKET}/{key}")
    if path.startswith("/upload"):
        names = described(bucketName=BUCKET, objectName=f"{key}.new", contentType="model/ply")
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "3",
            "Upload-Offset": "0",
            "Upload-Metadata": names,
            "Content-Type": "application/offset+octet-stream",
        }
        return await call(method, path, key=as_, headers=headers)
    body = {
        "name": f"b-{uuid.uuid4().hex[:8]}",
        "prefix": "",
        "prefixes": [key],
        "paths": [key],
        "expiresIn": 60,
        "bucketId": BUCKET,
        "sourceKey": key,
        "destinationKey": f"{key}.moved",
    }
    if method == "GET":
        return await call(method, path, key=as_)
    if door in ("POST /object/{bucket}/{key:path}", "PUT /object/{bucket}/{key:path}", *BY_TOKEN):
        return await call(method, path, key=as_, content=b"ply", headers={"content-type": "model/ply"})
    return await call(method, path, key=as_, json=body)


@pytest.mark.parametrize("who", CALLERS)
async def test_all_others(call, storage, owned, who):
    key, _ = owned
    placed = await call("POST", f"/object/{BUCKET}/{key}", content=b"ply", headers={"content-type": "model/ply"})
    assert placed.status_code == 200, placed.text
    as_ = credential(storage, who)
    for door in sorted(EXPECTED - {"OPTIONS /upload/resumable"}):
        answer = await knock(call, door, key, as_)
        told = f"{who}: {door} answered {answer.status_code} {answer.text[:200]}"
        project = key.partition("/")[0]
        if door in OPEN:
            assert answer.status_code == OPEN[door], told
        elif door in LISTS and who not in BAD:
            assert answer.status_code == 200, told
            listed = answer.json()
            empty = [] if isinstance(listed, list) else listed["folders"] + listed["objects"]
            if door == "POST /object/sign/{bucket}":
                assert [one["signedURL"] for one in listed] == [None], told
            else:
                assert not (listed if isinstance(listed, list) else empty), told
        else:
            assert 400 <= answer.status_code < 500, told
            if who in BAD and door in READS | LISTS | WRITES and not door.startswith("HEAD"):
                assert (answer.json()["statusCode"], answer.json()["code"]) == ("403", "AccessDenied"), told
        if who in BAD or door not in LISTS:
            assert project not in answer.text.replace(key, ""), told
    assert (await call("GET", f"/object/{BUCKET}/{key}")).content == b"ply", "nobody changed it"


async def test_the_owner_reads_and_writes_nothing(call, owned):
    key, token = owned
    await call("POST", f"/object/{BUCKET}/{key}", content=b"ply", headers={"content-type": "model/ply"})
    for door in sorted(READS):
        answer = await knock(call, door, key, token)
        assert answer.status_code == 200, f"{door} answered {answer.status_code} {answer.text[:200]}"
    for door in sorted(WRITES):
        answer = await knock(call, door, key, token)
        assert 400 <= answer.status_code < 500, f"{door} answered {answer.status_code} {answer.text[:200]}"
    assert (await call("GET", f"/object/{BUCKET}/{key}")).content == b"ply"
