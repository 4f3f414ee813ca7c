"""What stands on the disk while and after things go wrong."""

import asyncio
import socket
import uuid

import httpx
import psycopg
import pytest

from maquette.embedded.storage.files import FileStore


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "storage")


async def put(store, place, data):
    incoming = await store.receive()
    try:
        await incoming.write(data)
        await store.place(await incoming.complete(), *place)
    finally:
        await incoming.discard()


async def read(store, place):
    file = await store.open(*place)
    try:
        return await store.run(file.read)
    finally:
        file.close()


async def test_an_open_file_outlives_its_removal(store):
    place = ("b", "a/x", "v1")
    await put(store, place, b"kept")
    with await store.open(*place) as file:
        await store.remove(*place)
        assert file.read() == b"kept"
    assert list((store.root / "b").iterdir()) == []


@pytest.mark.parametrize("place", [("b", "../../x", "v"), ("..", "x", "v"), ("b", "/etc", "v"), ("", "x", "v")])
def test_no_path_leads_outside(store, place):
    with pytest.raises(ValueError, match="no path inside"):
        store.path(*place)


async def test_what_a_killed_server_half_received_is_cleared(store):
    incoming = await store.receive()
    await incoming.write(b"x" * 3_000_000)
    assert any((store.root / ".incoming").iterdir())
    FileStore(store.root)
    assert not any((store.root / ".incoming").iterdir())
    await incoming.discard()


async def test_removing_and_placing_beside_each_other(store):
    async def churn(number):
        for round_ in range(30):
            place = ("b", "deep/er/folder/x", f"{number}-{round_}")
            await put(store, place, b"data")
            assert await read(store, place) == b"data"
            await store.remove(*place)

    await asyncio.gather(*(churn(number) for number in range(8)))
    assert list((store.root / "b").iterdir()) == []


async def test_a_client_that_goes_away_leaves_nothing(storage, stack):
    key = f"{uuid.uuid4()}/x.png"
    host, _, port = storage.supabase_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(
            f"POST /storage/v1/object/processed-images/{key} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            f"Authorization: Bearer {storage.secret_key}\r\nContent-Length: 10000000\r\n\r\n".encode()
            + b"x" * 3_000_000
        )
        incoming = stack.home / "storage" / ".incoming"
        for _ in range(200):
            if any(incoming.iterdir()):
                break
            await asyncio.sleep(0.02)
        assert any(incoming.iterdir())
    for _ in range(200):
        if not any(incoming.iterdir()):
            break
        await asyncio.sleep(0.02)
    assert not any(incoming.iterdir())
    assert not (stack.home / "storage" / "processed-images" / key.partition("/")[0]).exists()
    with psycopg.connect(storage.database_url) as connection:
        assert connection.execute("select 1 from storage.objects where name = %s", [key]).fetchone() is None


async def test_many_writers_of_one_key_leave_one_whole_object(storage, stack):
    folder = str(uuid.uuid4())
    url = f"{storage.supabase_url}/storage/v1/object/processed-images/{folder}/x.png"
    headers = {"Authorization": f"Bearer {storage.secret_key}", "x-upsert": "true", "content-type": "image/png"}
    contents = [bytes([number]) * 300_000 for number in range(12)]
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        answers = await asyncio.gather(*(http.post(url, content=content, headers=headers) for content in contents))
        assert [answer.status_code for answer in answers] == [200] * 12
        assert len({answer.json()["Id"] for answer in answers}) == 1
        assert (await http.get(url, headers=headers)).content in contents
    files = [path for path in (stack.home / "storage/processed-images" / folder).rglob("*") if path.is_file()]
    assert len(files) == 1
