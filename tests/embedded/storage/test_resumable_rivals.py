"""Several requests on one upload, and lines that break."""

import asyncio

import pytest
from tests.embedded.storage.wire import PNG, until

from maquette.embedded.storage.holds import Holds
from maquette.embedded.storage.tus import InterruptedFault, TusFault


class HalfSent:
    """A PATCH that has sent a part of its body and holds its line open."""

    def __init__(self, storage, address, offset, declared):
        self._head = (
            f"PATCH {address.removeprefix(storage.supabase_url)} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n"
            f"Authorization: Bearer {storage.secret_key}\r\nContent-Type: application/offset+octet-stream\r\n"
            f"Upload-Offset: {offset}\r\nContent-Length: {declared}\r\n\r\n"
        ).encode()
        self._port = int(storage.supabase_url.rpartition(":")[2])

    async def send(self, data):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.writer.write(self._head + data)
        await self.writer.drain()

    async def close(self):
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
async def half_sent(storage, begin, stack):
    """An upload of which 2 MB came and more is on its way; the server has begun to write."""
    address, key = await begin(3_000_000)
    line = HalfSent(storage, address, 0, 3_000_000)
    await line.send(b"x" * 2_000_000)
    file = stack.home / "storage" / ".resumable" / f"{address.rpartition('/')[2]}.bytes"
    await until(lambda: file.exists() and file.stat().st_size)
    yield line, address, key
    await line.close()


async def test_a_second_writer_is_locked_out(half_sent, send):
    _, address, _ = half_sent
    answer = await send(address, 0, b"y" * 3_000_000)
    assert (answer.status_code, answer.text) == (423, "The resource is locked")


async def test_asking_how_far_it_is_ends_a_writer_that_hangs(half_sent, tus, send, bucket):
    line, address, key = half_sent
    head = await tus("HEAD", address)
    offset = int(head.headers["upload-offset"])
    assert 1_000_000 <= offset <= 2_000_000
    assert b" 400 " in await line.reader.readline()
    assert (await send(address, offset, b"y" * (3_000_000 - offset))).status_code == 204
    assert await bucket.download(key) == b"x" * offset + b"y" * (3_000_000 - offset)


async def test_what_came_before_the_line_broke_is_kept(half_sent, tus, send, bucket):
    line, address, key = half_sent
    await line.close()
    offset = int((await tus("HEAD", address)).headers["upload-offset"])
    assert offset >= 1_000_000
    assert (await send(address, offset, b"x" * (3_000_000 - offset))).status_code == 204
    assert await bucket.download(key) == b"x" * 3_000_000


async def test_termination_ends_a_writer(half_sent, tus, stack):
    line, address, _ = half_sent
    assert (await tus("DELETE", address)).status_code == 204
    assert b" 400 " in await line.reader.readline()
    assert not any(address.rpartition("/")[2] in path.name for path in stack.home.glob("storage/.resumable/*"))


async def test_many_writers_of_one_upload(begin, send, bucket):
    address, key = await begin(len(PNG))
    answers = await asyncio.gather(*(send(address, 0, PNG) for _ in range(8)))
    assert sorted({answer.status_code for answer in answers}) in ([204], [204, 409], [204, 423], [204, 409, 423])
    assert [answer.status_code for answer in answers].count(204) == 1
    assert await bucket.download(key) == PNG


async def never():
    await asyncio.Event().wait()
    yield b""


async def test_a_hold_is_handed_over_once_the_holder_has_left():
    holds, order = Holds(), []

    async def holder():
        async with holds.take("a", from_others=False) as hold:
            order.append("held")
            with pytest.raises(InterruptedFault) as left:
                await hold.hear(never())
            order.append(left.value.status)
            await asyncio.sleep(0.05)
            order.append("written")

    task = asyncio.create_task(holder())
    await until(lambda: order)
    with pytest.raises(TusFault) as locked:
        async with holds.take("a", from_others=False):
            pass
    assert locked.value.status == 423
    async with holds.take("a", from_others=True), holds.take("b", from_others=False):
        order.append("taken")
    assert order == ["held", 400, "written", "taken"]
    assert "a" not in holds
    await task


async def test_a_silent_body_ends():
    async with Holds(idle_s=0.01).take("a", from_others=False) as hold:
        with pytest.raises(InterruptedFault) as idle:
            await hold.hear(never())
    assert idle.value.status == 408
