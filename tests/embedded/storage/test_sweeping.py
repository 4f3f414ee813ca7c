"""What is swept away, and above all what is not."""

import json
import os
import time
import uuid

import psycopg
import pytest
from tests.embedded.storage.wire import described, files_under, until

from maquette.db.connection import open_pool
from maquette.embedded.storage.app import create_storage_app, run_storage_app
from maquette.embedded.storage.sweeping import sweep


@pytest.fixture
async def service(stack, tmp_path):
    """The service over a folder of its own."""
    async with open_pool(stack.connections.database_url) as pool:
        yield create_storage_app(stack.connections, tmp_path, pool).state.service


@pytest.fixture
def bucket(stack):
    name = f"sweep-{uuid.uuid4().hex[:8]}"
    with psycopg.connect(stack.connections.database_url) as connection:
        connection.execute("insert into storage.buckets (id, name) values (%s, %s)", [name, name])
    return name


async def put(service, place):
    incoming = await service.files.receive()
    try:
        await incoming.write(b"data")
        await service.files.place(await incoming.complete(), *place)
    finally:
        await incoming.discard()


def name_it(stack, bucket, key, version):
    with psycopg.connect(stack.connections.database_url) as connection:
        connection.execute(
            "insert into storage.objects (bucket_id, name, version) values (%s, %s, %s)", [bucket, key, version]
        )


async def test_files_that_no_row_names_go_and_others_stay(service, stack, bucket):
    keys = [f"a/{number}" for number in range(4)]
    versions = [str(uuid.uuid4()) for _ in keys]
    for key, version in zip(keys, versions, strict=True):
        await put(service, (bucket, key, version))
    name_it(stack, bucket, keys[0], versions[0])
    # The right version of another key, and the right key of another bucket, are other objects.
    name_it(stack, bucket, "a/9", versions[1])
    name_it(stack, "processed-images", f"{bucket}/{keys[2]}", versions[2])
    own = service.files.root / bucket / "a" / "0" / "notes.txt"
    own.write_text("somebody's")
    swept = await sweep(service, grace_s=0)
    assert (swept.files, swept.bytes) == (3, 12)
    assert sorted(files_under(service.files.root / bucket)) == sorted([own, own.with_name(versions[0])])
    assert [path.name for path in (service.files.root / bucket / "a").iterdir()] == ["0"]


async def test_a_file_may_wait_an_hour_for_its_row(service, bucket):
    place = (bucket, "a", str(uuid.uuid4()))
    await put(service, place)
    path = service.files.path(*place)
    # An old file that was moved a moment ago has its old time of writing.
    os.utime(path, (0, 0))
    assert (await sweep(service)).files == 0
    assert path.exists()


async def test_more_files_than_one_question_asks_for(service, stack, bucket):
    version = str(uuid.uuid4())
    for number in range(1100):
        folder = service.files.root / bucket / str(number)
        folder.mkdir(parents=True)
        (folder / version).write_bytes(b"")
    name_it(stack, bucket, "700", version)
    assert (await sweep(service, grace_s=0)).files == 1099
    assert [path.parent.name for path in files_under(service.files.root / bucket)] == ["700"]


async def test_what_is_being_received_stays(service):
    incoming = await service.files.receive()
    await incoming.write(b"x" * 2_000_000)
    left = service.files.root / ".incoming" / "left-behind"
    left.write_bytes(b"x")
    assert (await sweep(service, grace_s=0)).files == 1
    assert not left.exists()
    assert (await incoming.complete()).path.stat().st_size == 2_000_000
    await incoming.discard()


def record(created_at):
    return json.dumps(
        {
            **dict.fromkeys(("bucket", "key", "mime", "cache_control", "described", "role", "owner"), "x"),
            "length": 9,
            "user_metadata": None,
            "signed": False,
            "upsert": False,
            "finished": False,
            "id": str(uuid.uuid4()),
            "created_at": created_at,
        }
    )


async def test_uploads_that_nobody_goes_on_with(service):
    folder, now = service.files.root / ".resumable", time.time()
    for name, created_at in (("new", now), ("old", now - 25 * 3600), ("held", now - 25 * 3600)):
        (folder / f"{name}.json").write_text(record(created_at))
        (folder / f"{name}.bytes").write_bytes(b"some")
    (folder / "orphan.bytes").write_bytes(b"some")
    (folder / "torn.partial").write_bytes(b"{")
    (folder / "foreign.json").write_text('{"of": "another version"}')
    async with service.holds.take("held", from_others=False):
        assert (await sweep(service)).uploads == 1
        assert not list(folder.glob("old.*"))
        assert (await sweep(service, grace_s=0)).uploads == 3
    assert sorted(path.name for path in folder.iterdir()) == ["held.bytes", "held.json", "new.bytes", "new.json"]


async def test_nothing_goes_where_row_security_would_hide_rows(service, stack, bucket, monkeypatch):
    from maquette.embedded.storage import sweeping
    from maquette.embedded.storage.callers import NOBODY

    place = (bucket, "a", str(uuid.uuid4()))
    await put(service, place)
    name_it(stack, *place)
    monkeypatch.setattr(sweeping, "SERVICE", NOBODY)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await sweep(service, grace_s=0)
    assert service.files.path(*place).exists()


async def test_it_sweeps_at_the_start(stack, tmp_path):
    folder = tmp_path / "storage" / ".resumable"
    folder.mkdir(parents=True)
    (folder / "old.json").write_text(record(0))
    async with (
        open_pool(stack.connections.database_url) as pool,
        run_storage_app(stack.connections, tmp_path, pool),
    ):
        await until(lambda: not list(folder.iterdir()))


async def test_a_running_upload_is_never_swept(service, stack, bucket):
    """Through HTTP: the sweep comes between any two pieces."""
    import httpx
    from starlette.applications import Starlette

    from maquette.embedded.storage.resumable import ROUTES

    app = Starlette(routes=ROUTES)
    app.state.service = service
    headers = {"Authorization": f"Bearer {stack.connections.secret_key}", "Tus-Resumable": "1.0.0"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers) as http:
        sent = {"Upload-Length": "6", "Upload-Metadata": described(bucketName=bucket, objectName="k")}
        address = (await http.post("/upload/resumable", headers=sent)).headers["location"]
        for offset in range(6):
            await sweep(service, grace_s=0)
            sent = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            assert (await http.patch(address, headers=sent, content=b"abcdef"[offset : offset + 1])).status_code == 204
    await sweep(service, grace_s=0)
    [file] = files_under(service.files.root / bucket)
    assert file.read_bytes() == b"abcdef"
